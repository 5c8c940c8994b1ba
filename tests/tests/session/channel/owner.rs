//! Several gateways: a channel is taken to the one whose session it is of (SE-44).

use super::{super::by_hand::session_at, *};
use sealwire_gateway::{Config, Running, config::Registry};
use sealwire_tests::{redis::Redis, stage, until};
use std::time::Duration;

async fn gateway(app: &App, registry: &str) -> Running {
    // The port has to be known before it is advertised.
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let registry = Some(Registry {
        url: registry.to_owned(),
        advertise: format!("http://{listen}"),
        ttl: Duration::from_secs(30),
    });
    stage::gateway(Config { listen, registry, ..stage::config(&app.url()) }).await
}

// SE-44, SE-43: whichever gateway is asked, the owner answers; where there is none any more, the hint.
#[tokio::test]
async fn a_channel_comes_to_its_owner() {
    let (app, redis) = (app().await, Redis::start());
    let (first, second) = (gateway(&app, &redis.url()).await, gateway(&app, &redis.url()).await);
    let session = session_at(first.address()).await.established;
    let open = over(second.address(), session, 0).await;
    assert_eq!(open.post("by the other").await.1, "by the other");
    let mut socket = open.socket().await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    drop(socket);
    // An opening that the owner does not take is refused by it, through the other.
    let again = try_open(second.address(), &open.session, 0).await.map(drop);
    assert!(matches!(again, Err(channel::Error::Unknown)), "{again:?}");
    let Open { session, channel, connection } = open;
    drop(channel);
    assert!(within("the end", connection).await.unwrap().is_ok());
    within("the end of the owner", first.shutdown()).await;
    let fields = format!("{UPGRADE}\r\nsec-websocket-protocol: sealwire.v1");
    until("the news", || async {
        let (stream, head) = asked(second.address(), &base_id(&session.id), &fields).await;
        if head.starts_with("HTTP/1.1 409 ") {
            return true;
        }
        // It knows of nobody to take it to, and is not the owner.
        let opening = session.secrets.open_channel(&session.id, 9, &OsRandom).unwrap().0;
        outside::closed_with(stream, opening.encode()).await == 4409
    })
    .await;
    let reached = app.counts().reached;
    assert_eq!(reached, 2);
}

// SE-44: what was taken to another once goes no further.
#[tokio::test]
async fn a_channel_is_taken_elsewhere_once() {
    let (app, redis) = (app().await, Redis::start());
    let (first, second) = (gateway(&app, &redis.url()).await, gateway(&app, &redis.url()).await);
    // Whose this is, each takes the other for.
    let entry = format!("sealwire:instance:{}", "77".repeat(16));
    redis.say(&["SET", &entry, &format!("http://{}", first.address())]);
    let fields = format!("{UPGRADE}\r\nsec-websocket-protocol: sealwire.v1");
    let (stream, head) = asked(second.address(), &format!("\"{}\"", "77".repeat(32)), &fields).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let session = session_at(second.address()).await.established;
    let opening = session.secrets.open_channel(&session.id, 0, &OsRandom).unwrap().0;
    // The first knows nothing of it, and does not ask further.
    assert_eq!(outside::closed_with(stream, opening.encode()).await, 4409);
}
