//! Channels through a gateway to an ordinary application, opened by hand (SE-37).

mod ends;
mod http2;
mod outside;
mod owner;
mod sockets;

use super::by_hand::handshake;
use axum::{Router, extract::Request, response::Response, routing::any};
use futures_util::{SinkExt, StreamExt};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use hyper::{ext::Protocol, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    Body, body,
    channel::{self, Settings},
    client::channel::{Channel, Connection},
    session::{client::Established, request::base_id},
    websocket::Form,
};
use sealwire_tests::{App, Stage, stage::AUTHORITY, within};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};
use tower::Service;

type Inner = WebSocketStream<TokioIo<Upgraded>>;
/// What an application sees of a WebSocket.
type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The fields of an ordinary upgrade, each behind a line's end.
const UPGRADE: &str = "\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\
    \r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";

/// An application with a WebSocket at `/socket`, which says what it got in the subprotocol `chat`, and an echo elsewhere.
pub(super) async fn app() -> App {
    App::new(Router::new().route("/socket", any(socket)).fallback(any(echo))).await
}

async fn echo(request: Request) -> Response {
    Response::new(request.into_body())
}

async fn socket(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let Ok(form) = Form::of(&parts) else {
        return Response::builder().status(StatusCode::FORBIDDEN).body("no".into()).unwrap();
    };
    assert!(matches!(form, Form::Upgrade(_)) && parts.headers[header::HOST] == AUTHORITY);
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.unwrap());
        say_again(WebSocketStream::from_raw_socket(io, Role::Server, None).await).await;
    });
    let mut fields = http::HeaderMap::new();
    let wanted = parts.headers.get(header::SEC_WEBSOCKET_PROTOCOL).cloned();
    fields.extend(wanted.map(|wanted| (header::SEC_WEBSOCKET_PROTOCOL, wanted)));
    fields.insert("x-app", http::HeaderValue::from_static("here"));
    form.answer(fields).map(axum::body::Body::new)
}

async fn say_again(mut socket: Socket) {
    while let Some(Ok(message)) = socket.next().await {
        let sent = match message {
            Message::Text(text) if text == "close" => {
                let frame = CloseFrame { code: CloseCode::from(4123), reason: "as you said".into() };
                socket.send(Message::Close(Some(frame))).await
            }
            Message::Text(text) if text == "break off" => return,
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            _ => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// A connection that asked for a channel, and the head of the answer.
async fn asked(to: SocketAddr, id: &str, fields: &str) -> (TcpStream, String) {
    let mut stream = within("a connection", TcpStream::connect(to)).await.unwrap();
    let place = channel::PATH;
    let head = format!("GET {place} HTTP/1.1\r\nhost: {AUTHORITY}\r\nattest-base-id: {id}{fields}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(within("an answer", stream.read_u8()).await.unwrap());
    }
    (stream, String::from_utf8(answer).unwrap())
}

/// A connection that was upgraded.
async fn upgraded(to: SocketAddr, session: &Established) -> TcpStream {
    let fields = format!("{UPGRADE}\r\nsec-websocket-protocol: sealwire.v1");
    let (stream, head) = asked(to, &base_id(&session.id), &fields).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert!(head.contains("sec-websocket-protocol: sealwire.v1"), "{head}");
    stream
}

async fn try_open(
    to: SocketAddr,
    session: &Established,
    number: u64,
) -> Result<(Channel, Connection), channel::Error> {
    let io = upgraded(to, session).await;
    let settings = Settings::default();
    let opening = sealwire_http::client::channel::connect(
        io,
        &session.id,
        &session.secrets,
        number,
        &settings,
        &OsRandom,
    );
    within("a channel", opening).await
}

/// A channel that is carried.
struct Open {
    session: Established,
    channel: Channel,
    connection: JoinHandle<Result<(), channel::Error>>,
}

async fn open(stage: &Stage) -> Open {
    over(stage.address(), handshake(stage).await, 0).await
}

async fn over(to: SocketAddr, session: Established, number: u64) -> Open {
    let (channel, connection) = try_open(to, &session, number).await.unwrap();
    Open { session, channel, connection: tokio::spawn(connection) }
}

impl Open {
    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, channel::Error> {
        let mut channel = self.channel.clone();
        within("readiness", std::future::poll_fn(|cx| channel.poll_ready(cx))).await?;
        within("an answer", channel.call(request)).await
    }

    async fn post(&self, said: &'static str) -> (StatusCode, String) {
        let request = http::Request::post(format!("https://{AUTHORITY}/")).body(body::full(said)).unwrap();
        let answer = self.send(request).await.unwrap();
        let status = answer.status();
        let content = within("content", answer.into_body().collect()).await.unwrap().to_bytes();
        (status, String::from_utf8(content.to_vec()).unwrap())
    }

    /// Asks for a WebSocket at a path.
    async fn connect(&self, path: &str) -> http::Response<Body> {
        let request = http::Request::builder()
            .method(Method::CONNECT)
            .uri(format!("https://{AUTHORITY}{path}"))
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "chat")
            .body(body::empty());
        self.send(request.unwrap()).await.unwrap()
    }

    async fn socket(&self) -> Inner {
        let mut answer = self.connect("/socket").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
        assert_eq!(answer.headers()["x-app"], "here");
        for field in ["sec-websocket-accept", "connection", "upgrade"] {
            assert!(!answer.headers().contains_key(field), "{field}");
        }
        let io = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
        WebSocketStream::from_raw_socket(io, Role::Client, None).await
    }

    /// How the channel ended.
    async fn ended(self) -> Result<(), channel::Error> {
        drop(self.channel);
        within("the end", self.connection).await.unwrap()
    }
}

async fn next(socket: &mut Inner) -> Message {
    within("a message", socket.next()).await.unwrap().unwrap()
}
