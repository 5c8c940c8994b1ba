//! A client that has the keys, and keeps to no rule.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sealwire_attest::{UnixTime, Verifier};
use sealwire_crypto::random::OsRandom;
use sealwire_http::ra_tunnel::{
    Id, Limits, PATH,
    binding::Bindings,
    client::Presented,
    connection::{Client, Connection, Received},
    message::{Close, Connect, Content, Event, Frame, FromClient, FromServer, Request, Response, Text},
};
use sealwire_tests::{tee::PolicyText, within};
use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, protocol::CloseFrame},
};

pub(super) fn now() -> UnixTime {
    UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

/// The outer WebSocket.
pub(super) struct Outer(pub(super) WebSocketStream<TcpStream>);

impl Outer {
    pub(super) async fn connect(gateway: SocketAddr) -> Self {
        let stream = TcpStream::connect(gateway).await.unwrap();
        let url = format!("ws://{gateway}{PATH}");
        Self(within("an upgrade", client_async(url, stream)).await.unwrap().0)
    }

    pub(super) async fn send(&mut self, message: impl Into<Bytes>) {
        self.0.send(Message::Binary(message.into())).await.unwrap();
    }

    /// The next binary message, or how the other side has closed.
    pub(super) async fn next(&mut self) -> Result<Bytes, Option<CloseFrame>> {
        loop {
            match within("a message", self.0.next()).await {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The status with which the other side closes.
    pub(super) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(frame) = self.next().await {
                return frame.expect("a status").code.into();
            }
        }
    }
}

/// A whole client.
pub(super) struct ByHand {
    pub(super) outer: Outer,
    pub(super) connection: Connection<Client>,
    /// as it was sent
    pub(super) client_kx: Bytes,
}

impl ByHand {
    pub(super) async fn connect(gateway: SocketAddr) -> Self {
        let mut outer = Outer::connect(gateway).await;
        let presented = Presented::read(&outer.next().await.unwrap()).unwrap();
        let policy = PolicyText::default().policy();
        let endorsements = presented.endorsements().clone();
        let verifier = Verifier::new(policy.trust());
        let trusted =
            presented.appraise(&verifier, &policy, &endorsements, Bindings::default(), now()).unwrap();
        let limits = Limits { message: Limits::HARD_MESSAGE, ..Limits::default() };
        let (client_kx, connection) = trusted.agree(&limits, 0, &OsRandom).unwrap();
        outer.send(client_kx.clone()).await;
        Self { outer, connection, client_kx }
    }

    pub(super) fn seal(&mut self, message: &FromClient) -> Bytes {
        self.connection.seal(message, 0).unwrap()
    }

    pub(super) async fn send(&mut self, message: FromClient) {
        let sealed = self.seal(&message);
        self.outer.send(sealed).await;
    }

    /// The next message that opens.
    pub(super) async fn next(&mut self) -> FromServer {
        let message = self.outer.next().await.expect("a message");
        match self.connection.open(message, 0).unwrap() {
            Received::Message(message) => message,
            Received::Dropped(dropped) => panic!("{dropped}"),
        }
    }

    /// A message that has come already.
    pub(super) async fn try_next(&mut self) -> Result<Option<FromServer>, Option<CloseFrame>> {
        let next = tokio::time::timeout(std::time::Duration::from_millis(1), self.outer.0.next()).await;
        Ok(match next {
            Ok(Some(Ok(Message::Binary(message)))) => match self.connection.open(message, 0).unwrap() {
                Received::Message(message) => Some(message),
                Received::Dropped(dropped) => panic!("{dropped}"),
            },
            Ok(Some(Err(_)) | None) => return Err(None),
            _ => None,
        })
    }

    pub(super) async fn request(&mut self, request: Request) -> Response {
        self.send(FromClient::Request(request)).await;
        self.answer().await
    }

    pub(super) async fn answer(&mut self) -> Response {
        match self.next().await {
            FromServer::Response(response) => response,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn event(&mut self) -> Event {
        match self.next().await {
            FromServer::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn frame(&mut self) -> Frame {
        match self.next().await {
            FromServer::Frame(frame) => frame,
            other => panic!("{other:?}"),
        }
    }

    /// Whether it still works: what was sent before was taken, or dropped, and nothing of it answered.
    pub(super) async fn works(&mut self) {
        let answer = self.request(get("works", "/text")).await;
        assert_eq!((answer.id, answer.status), (id("works"), 200));
    }
}

pub(super) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

pub(super) fn get(name: &str, url: &str) -> Request {
    Request { id: id(name), method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: None }
}

pub(super) fn post(name: &str, url: &str, body: &str) -> Request {
    let body = Some(Content::Text(Text::from(body)));
    Request { method: "POST".to_owned(), body, ..get(name, url) }
}

pub(super) fn connect(name: &str, url: &str) -> FromClient {
    FromClient::Connect(Connect { id: id(name), url: url.to_owned(), protocols: Vec::new() })
}

pub(super) fn text(name: &str, said: &str) -> FromClient {
    FromClient::Frame(Frame { id: id(name), data: Content::Text(Text::from(said)) })
}

pub(super) fn close(name: &str, code: Option<u16>) -> FromClient {
    FromClient::Close(Close { id: id(name), code, reason: String::new() })
}

pub(super) fn body(response: &Response) -> Bytes {
    response.body.clone().map(Content::into_bytes).unwrap_or_default()
}
