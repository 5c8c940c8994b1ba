//! WebSockets by hand: what is said in them out of turn, and over HTTP/2.

use super::*;
use futures_util::SinkExt;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    Clock, SystemClock,
    channel::{PATH, SUBPROTOCOL},
    session::{
        client::{self, Config},
        message::{Close, Type},
    },
};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{client::IntoClientRequest, protocol::Role},
};

type Socket = WebSocketStream<TcpStream>;

async fn socket(to: SocketAddr, base_id: Option<&str>) -> Socket {
    let mut request = format!("ws://{to}{PATH}").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    if let Some(id) = base_id {
        request.headers_mut().insert("attest-base-id", id.parse().unwrap());
    }
    let tcp = TcpStream::connect(to).await.unwrap();
    within("a WebSocket", client_async(request, tcp)).await.unwrap().0
}

fn a_hello(authority: &str) -> Vec<u8> {
    let (config, now) = (Arc::new(Config::default()), SystemClock.unix_millis());
    client::start(config, authority, None, None, false, now, &OsRandom).unwrap().hello
}

async fn heard<T: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<T>) -> Message {
    within("a message", socket.next()).await.unwrap().unwrap()
}

/// What a hello is answered with.
pub(super) async fn hello(to: SocketAddr) -> Vec<u8> {
    let mut socket = socket(to, None).await;
    socket.send(Message::binary(a_hello(AUTHORITY))).await.unwrap();
    heard(&mut socket).await.into_data().to_vec()
}

/// The status with which the gateway ends a WebSocket in which the last of these is said.
async fn ended(to: SocketAddr, base_id: Option<&str>, messages: &[Message]) -> u16 {
    let mut socket = socket(to, base_id).await;
    for message in messages {
        socket.send(message.clone()).await.unwrap();
    }
    loop {
        match heard(&mut socket).await {
            Message::Close(frame) => return frame.unwrap().code.into(),
            Message::Binary(_) => {}
            other => panic!("{other}"),
        }
    }
}

// TU-60, TU-61, TU-68, SE-02: what is said out of turn, or is no message, ends the WebSocket, with as much as a POST would be told.
#[tokio::test]
async fn what_is_out_of_turn_ends_it() {
    let stage = Stage::before(app().await, |_| {}).await;
    let to = stage.address();
    let said = |bytes: Vec<u8>| Message::binary(bytes);
    let hello = || said(a_hello(AUTHORITY));
    let close = Close { session: [9; 32], mac: [1; 32] }.encode();
    let flight = by_hand::hello(to).await;
    assert_eq!(Type::of(&flight), Ok(Type::ServerFlight));
    let id = format!("\"{}\"", "77".repeat(32));
    for (what, base_id, messages, status) in [
        ("text", None, vec![Message::text("hello")], 1002),
        ("text behind a hello", None, vec![hello(), Message::text("hello")], 1002),
        ("a record before its channel", None, vec![hello(), said(vec![7; 100])], 1002),
        ("no message", None, vec![said(b"hello".to_vec())], 1002),
        ("nothing", None, vec![said(Vec::new())], 1002),
        ("a message of the server", None, vec![said(flight)], 1002),
        ("a second hello", None, vec![hello(), hello()], 1002),
        ("a long message", None, vec![said(vec![0xbf; 40_000])], 1002),
        ("a hello of a session", Some(&*id), vec![hello()], 1002),
        ("another name", None, vec![said(a_hello("other.example"))], 4421),
        ("a close of nobody", None, vec![said(close.clone())], 4409),
        ("a close behind a hello", None, vec![hello(), said(close)], 1002),
    ] {
        assert_eq!(ended(to, base_id, &messages).await, status, "{what}");
    }
    assert_eq!(stage.app.counts().reached, 0);
}

// TU-68: the handshake over HTTP/2's extended CONNECT is the same.
#[tokio::test]
async fn a_tunnel_over_http2() {
    let stage = Stage::before(app().await, |_| {}).await;
    let stream = TcpStream::connect(stage.address()).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    let (enabled, is_enabled) = tokio::sync::oneshot::channel();
    let connection = tokio::spawn(async move {
        let (mut connection, mut enabled) = (Box::pin(connection), Some(enabled));
        let _ = std::future::poll_fn(|cx| {
            let polled = connection.as_mut().poll(cx);
            // Before the server's settings have come there is no extended CONNECT.
            if !connection.is_extended_connect_protocol_enabled() {
                cx.waker().wake_by_ref();
            } else if let Some(enabled) = enabled.take() {
                let _ = enabled.send(());
            }
            polled
        })
        .await;
    });
    within("the server's settings", is_enabled).await.unwrap();
    let request: Request<Body> = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://{AUTHORITY}{PATH}"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", SUBPROTOCOL)
        .body(body::empty())
        .unwrap();
    let mut answer = within("an answer", sender.send_request(request)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let io = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Client, None).await;
    socket.send(Message::binary(a_hello(AUTHORITY))).await.unwrap();
    let flight = heard(&mut socket).await.into_data();
    assert_eq!(Type::of(&flight), Ok(Type::ServerFlight));
    connection.abort();
}
