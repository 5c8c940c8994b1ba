//! WebSockets of the application inside a channel (SE-37): extended CONNECT (RFC 8441).

use crate::ends::{AUTHORITY, Http, http};
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, Response, StatusCode};
use hyper::{ext::Protocol, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use sealwire_http::{Body, body};
use tokio::io::{DuplexStream, duplex};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

type Inner = WebSocketStream<TokioIo<Upgraded>>;

/// An application that gives back every frame as it came: messages, pings it answers, and closes with another status.
async fn echo(mut request: Request<Body>) -> Response<Body> {
    if request.method() != Method::CONNECT
        || request.extensions().get::<Protocol>().map(Protocol::as_str) != Some("websocket")
        || request.headers()["sec-websocket-protocol"] != "chat"
        || request.uri().path() != "/socket"
    {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(text) if text == "close" => {
                    let frame = CloseFrame { code: CloseCode::from(4123), reason: "as you said".into() };
                    socket.send(Message::Close(Some(frame))).await.unwrap();
                }
                Message::Text(_) | Message::Binary(_) => socket.send(message).await.unwrap(),
                _ => {}
            }
        }
    });
    Response::builder().header("sec-websocket-protocol", "chat").body(body::empty()).unwrap()
}

async fn connect(http: &Http) -> Inner {
    let request = Request::connect(format!("https://{AUTHORITY}/socket"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(body::empty())
        .unwrap();
    let mut answer = tower::Service::call(&mut http.channel.clone(), request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
    let io = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
    let config = WebSocketConfig::default().max_message_size(Some(8 << 20));
    WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await
}

async fn carried() -> Http {
    let (a, b): (DuplexStream, DuplexStream) = duplex(16 << 10);
    http(a, b, echo).await
}

async fn next(socket: &mut Inner) -> Message {
    socket.next().await.unwrap().unwrap()
}

// SE-37: text stays text, binary stays binary, of every length.
#[tokio::test]
async fn messages_survive() {
    let http = carried().await;
    let mut socket = connect(&http).await;
    let long = "\u{1f980}".repeat(100_000);
    for text in ["", "hello", &long] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(next(&mut socket).await, Message::text(text));
    }
    for len in [0, 1, 125, 126, 65_535, 65_536, 2 << 20] {
        let message = Message::binary(vec![0xab; len]);
        let (mut sink, mut stream) = socket.split();
        let (sent, received) = tokio::join!(sink.send(message.clone()), stream.next());
        sent.unwrap();
        assert_eq!(received.unwrap().unwrap(), message);
        socket = sink.reunite(stream).unwrap();
    }
}

// SE-37: frames of one message, with a ping in between.
#[tokio::test]
async fn fragments_and_pings_survive() {
    let http = carried().await;
    let mut socket = connect(&http).await;
    let text =
        |part: &'static [u8], kind, last| Message::Frame(Frame::message(part, OpCode::Data(kind), last));
    // A character that is cut in two.
    socket.send(text(b"caf\xc3", Data::Text, false)).await.unwrap();
    socket.send(Message::Ping("there?".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("there?".into()));
    socket.send(text(b"\xa9 au ", Data::Continue, false)).await.unwrap();
    socket.send(text(b"lait", Data::Continue, true)).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("café au lait"));
}

// SE-37: status and reason of a close, whoever begins.
#[tokio::test]
async fn closes_survive() {
    let http = carried().await;
    let mut socket = connect(&http).await;
    socket.send(Message::text("close")).await.unwrap();
    let frame = CloseFrame { code: CloseCode::from(4123), reason: "as you said".into() };
    assert_eq!(next(&mut socket).await, Message::Close(Some(frame)));
    assert!(socket.next().await.is_none());

    let mut socket = connect(&http).await;
    let frame = CloseFrame { code: CloseCode::Away, reason: "tired".into() };
    socket.send(Message::Close(Some(frame.clone()))).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Close(Some(frame)));
    assert!(socket.next().await.is_none());
}

// SE-37, SE-71: several in one channel, beside requests.
#[tokio::test]
async fn sockets_do_not_touch_each_other() {
    let http = carried().await;
    let sockets = (0..20).map(|number| {
        let http = &http;
        async move {
            let mut socket = connect(http).await;
            for round in 0..20 {
                let message = Message::text(format!("{number} {round}"));
                socket.send(message.clone()).await.unwrap();
                assert_eq!(next(&mut socket).await, message);
            }
        }
    });
    futures_util::future::join_all(sockets).await;
}

// SE-37: a channel that is lost is an error in the sockets inside it.
#[tokio::test]
async fn a_lost_channel_is_no_close() {
    let http = carried().await;
    let mut socket = connect(&http).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    http.server.abort();
    match socket.next().await {
        Some(Err(_)) => {}
        other => panic!("{other:?}"),
    }
    assert!(http.connection.await.unwrap().is_err());
}
