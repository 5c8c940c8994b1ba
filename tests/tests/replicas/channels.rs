//! Channels that a balancer takes to another instance than the one whose session they are of (SE-37, SE-44).

use super::fleet::{Balancer, Member, connect, entry, instance, send, settings};
use axum::{Router, body::Body, extract::Request, response::Response, routing::any};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Method, StatusCode};
use hyper_util::rt::TokioIo;
use sealwire_client::{Connector, Error, WebSocket, Wire};
use sealwire_http::websocket::Form;
use sealwire_tests::{
    App,
    raw::{Raw, request},
    redis::Redis,
    within,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

const SECRET: &str = "a-secret-of-the-caller";

/// An application with a WebSocket at `/socket`, which says again what it hears.
pub(crate) async fn talking() -> App {
    App::new(Router::new().route("/socket", any(socket)).fallback(any(echo))).await
}

async fn echo(request: Request) -> Response {
    Response::new(request.into_body())
}

async fn socket(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    let Ok(form) = Form::of(&request.into_parts().0) else {
        return Response::builder().status(StatusCode::FORBIDDEN).body(Body::empty()).unwrap();
    };
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        // A close is answered by reading on.
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    form.answer(HeaderMap::new()).map(Body::new)
}

pub(crate) async fn socket_of(connector: &Connector) -> Result<WebSocket, Error> {
    Ok(within("a WebSocket", connector.websocket("/socket").open()).await?.0)
}

pub(crate) async fn hears(socket: &mut WebSocket, said: &str) {
    socket.send(Message::text(said)).await.unwrap();
    assert_eq!(within("an echo", socket.next()).await.unwrap().unwrap(), Message::text(said));
}

// SE-37, SE-44: a channel is carried to the instance of its session by whichever a balancer takes it to, as bytes that say
// nothing; requests of the session go on beside it.
#[tokio::test]
async fn a_channel_finds_its_instance() {
    let (app, redis) = (talking().await, Redis::start());
    let url = redis.url();
    let (first, second) = (Member::start(&app, Some(&url)).await, Member::start(&app, Some(&url)).await);
    let balancer = Balancer::before(&[first.listen]).await;
    let connector = connect(settings(balancer.address, Wire::Session)).await;
    let owner = instance(&connector);
    balancer.route(&[second.listen]);
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(socket_of(&connector).await.unwrap());
    }
    for socket in &mut sockets {
        hears(socket, SECRET).await;
        hears(socket, &"x".repeat(300 << 10)).await;
    }
    assert_eq!(send(&connector, Method::POST, "/", "beside").await.unwrap().0, StatusCode::OK);
    assert_eq!(instance(&connector), owner);
    let counts = connector.status().counts;
    assert_eq!((counts.renewals, counts.failed, counts.resent), (0, 0, 0));
    // It was the first that served them, by the way between the two.
    assert!(first.tap.saw(b"sealwire-hop: 1"));
    assert!(!first.tap.saw(SECRET.as_bytes()) && !first.tap.saw(b"/socket"));
    // The end of one is no other's; and closes arrive.
    let mut last = sockets.pop().unwrap();
    last.close(None).await.unwrap();
    assert!(matches!(within("a close", last.next()).await, Some(Ok(Message::Close(_)))));
    for socket in &mut sockets {
        hears(socket, "still there").await;
    }
}

// SE-37, SE-44: content before a WebSocket has no place in it. What waited for it at the owner would take the next request of
// whoever for it.
#[tokio::test]
async fn an_upgrade_with_content_is_not_forwarded() {
    let (app, redis) = (talking().await, Redis::start());
    let url = redis.url();
    let (first, second) = (Member::start(&app, Some(&url)).await, Member::start(&app, Some(&url)).await);
    let connector = connect(settings(first.listen, Wire::Session)).await;
    let id = format!("\"{}\"", hex::encode([&instance(&connector)[..], &[7; 16]].concat()));
    let fields = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "sealwire.v1"),
        ("attest-base-id", id.as_str()),
        ("content-length", "5"),
    ];
    let head = request("GET", "/.well-known/sealwire/ws", &fields);
    let answer = Raw::connect(second.listen).await.send(head + "12345").await.answer().await;
    assert_eq!(answer.status, 400);
    assert!(!first.tap.saw(b"sealwire-hop"));
}

// SE-37, SE-43, SE-44: the instance is killed under its channel. What is open breaks off, and is not taken for ended; the next
// is opened in a session with the one that lives.
#[tokio::test]
async fn a_killed_instance_takes_its_channels_along() {
    let (app, redis) = (talking().await, Redis::start());
    let url = redis.url();
    let (mut first, second) = (Member::start(&app, Some(&url)).await, Member::start(&app, Some(&url)).await);
    let balancer = Balancer::before(&[first.listen]).await;
    let connector = connect(settings(balancer.address, Wire::Session)).await;
    let owner = instance(&connector);
    redis.say(&["SET", &entry(&owner), &format!("http://{}", first.listen)]);
    balancer.route(&[second.listen]);
    let mut socket = socket_of(&connector).await.unwrap();
    hears(&mut socket, "before").await;
    first.kill().await;
    let end = within("the end", socket.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    let mut socket = socket_of(&connector).await.unwrap();
    hears(&mut socket, "after").await;
    assert_ne!(instance(&connector), owner);
    assert_eq!(connector.status().counts.renewals, 1);
}

// SE-37, SE-44: without anybody who knows whose it is, the wrong instance says that it does not know the session, and the
// client begins another.
#[tokio::test]
async fn a_channel_without_a_registry_begins_anew() {
    let app = talking().await;
    let (first, second) = (Member::start(&app, None).await, Member::start(&app, None).await);
    let balancer = Balancer::before(&[first.listen]).await;
    let connector = connect(settings(balancer.address, Wire::Session)).await;
    let owner = instance(&connector);
    balancer.route(&[second.listen]);
    let mut socket = socket_of(&connector).await.unwrap();
    hears(&mut socket, "anew").await;
    assert_ne!(instance(&connector), owner);
    assert_eq!(connector.status().counts.renewals, 1);
}
