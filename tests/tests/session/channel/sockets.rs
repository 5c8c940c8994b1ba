//! What goes through: requests, and the application's WebSockets.

use super::*;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::frame::{
    Frame as WsFrame,
    coding::{Data, OpCode},
};

// SE-37: requests of a channel are ordinary ones to the application.
#[tokio::test]
async fn requests_go_through() {
    let stage = Stage::before(app().await, |_| {}).await;
    let open = open(&stage).await;
    for said in ["one", "two", "three"] {
        assert_eq!(open.post(said).await, (StatusCode::OK, said.to_owned()));
    }
    let seen = stage.app.seen();
    assert_eq!((seen.len(), &seen[0].headers[header::HOST]), (3, &AUTHORITY.parse().unwrap()));
    assert!(seen[0].headers.keys().all(|name| !name.as_str().starts_with("attest")));
    assert!(open.ended().await.is_ok());
}

// SE-37: both directions of one request at once.
#[tokio::test]
async fn requests_stream_both_ways() {
    let stage = Stage::before(app().await, |_| {}).await;
    let open = open(&stage).await;
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
    let frames = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|data| data.map(|data| Ok::<_, Infallible>(Frame::data(data))))
    });
    let content = body::boxed(StreamBody::new(frames));
    let request = http::Request::post(format!("https://{AUTHORITY}/")).body(content).unwrap();
    sender.send("first".into()).await.unwrap();
    let mut answer = open.send(request).await.unwrap().into_body();
    for said in ["first", "second"] {
        let frame = within("a frame", answer.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), said);
        if said == "first" {
            sender.send("second".into()).await.unwrap();
        }
    }
    drop(sender);
    // HTTP/2 may say it with a frame that holds nothing.
    assert!(within("the end", answer.collect()).await.unwrap().to_bytes().is_empty());
}

// SE-36: the authority is the session's.
#[tokio::test]
async fn another_authority_is_refused() {
    let stage = Stage::before(app().await, |_| {}).await;
    let open = open(&stage).await;
    let request = http::Request::get("https://other.example/").body(body::empty()).unwrap();
    assert_eq!(open.send(request).await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(stage.app.counts().reached, 0);
}

// SE-37: messages as they are sent: text, binary, in fragments, with pings between them.
#[tokio::test]
async fn messages_arrive_as_they_were_sent() {
    let stage = Stage::before(app().await, |_| {}).await;
    let open = open(&stage).await;
    let mut socket = open.socket().await;
    for message in [Message::text("hello"), Message::binary(vec![0xab; 200_000]), Message::text("")] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut socket).await, message);
    }
    let part =
        |part: &'static [u8], kind, last| Message::Frame(WsFrame::message(part, OpCode::Data(kind), last));
    socket.send(part(b"caf\xc3", Data::Text, false)).await.unwrap();
    socket.send(Message::Ping("there?".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("there?".into()));
    socket.send(part(b"\xa9 au lait", Data::Continue, true)).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("café au lait"));
    assert_eq!(open.post("beside it").await.1, "beside it");
}

// SE-37: status and reason of a close, whoever begins; what breaks off ends without one.
#[tokio::test]
async fn closes_arrive_as_they_were_sent() {
    let stage = Stage::before(app().await, |_| {}).await;
    let open = open(&stage).await;
    let mut socket = open.socket().await;
    socket.send(Message::text("close")).await.unwrap();
    let frame = CloseFrame { code: CloseCode::from(4123), reason: "as you said".into() };
    assert_eq!(next(&mut socket).await, Message::Close(Some(frame)));
    assert!(within("the end", socket.next()).await.is_none());

    let mut socket = open.socket().await;
    let frame = CloseFrame { code: CloseCode::Away, reason: "tired".into() };
    socket.send(Message::Close(Some(frame.clone()))).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Close(Some(frame)));

    let mut socket = open.socket().await;
    socket.send(Message::text("break off")).await.unwrap();
    assert!(within("the end", socket.next()).await.unwrap().is_err());
    assert_eq!(open.post("still there").await.1, "still there");
}

// SE-37: what the application says instead of a WebSocket is the answer; a success that is none is not passed on.
#[tokio::test]
async fn what_is_no_websocket_is_not_said_to_be() {
    let stage = Stage::before(app().await, |config| {
        config.routes.push(sealwire_gateway::config::Route {
            methods: Some(vec!["POST".to_owned()]),
            ..sealwire_gateway::config::Route::new("/posts", config.routes[0].upstream.clone())
        });
    })
    .await;
    let open = open(&stage).await;
    // It echoes, and knows nothing of upgrades.
    assert_eq!(open.connect("/elsewhere").await.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(open.connect("/posts").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let no_version = http::Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://{AUTHORITY}/socket"))
        .extension(Protocol::from_static("websocket"));
    let answer = open.send(no_version.body(body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let other = http::Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://{AUTHORITY}/socket"))
        .extension(Protocol::from_static("connect-udp"));
    let answer = open.send(other.body(body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}
