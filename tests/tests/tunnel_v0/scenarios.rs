//! The scenarios and the table of what has to be dropped, against a running gateway (TU-80, TU-82).

use super::{
    app,
    by_hand::{ByHand, Outer, close, connect, get, id, text},
    stage,
};
use bytes::Bytes;
use futures_util::SinkExt;
use sealwire_http::ra_tunnel::{
    connection::Received,
    message::{Content, FromClient, FromServer, Happened, Message as _},
};
use sealwire_tests::{Stage, vectors};
use tokio_tungstenite::tungstenite::Message;

async fn alone() -> Stage {
    Stage::alone(app::app().await, |config| config.tunnel.version_0 = true).await
}

fn dropped(reason: &str) -> String {
    format!("sealwire_ra_tunnel_dropped_total{{reason=\"{reason}\"}}")
}

// TU-24, TU-40 (TS-01): the handler runs once.
#[tokio::test]
async fn a_replayed_envelope_runs_no_handler() {
    let stage = alone().await;
    let before = stage.metrics().await;
    let mut client = ByHand::connect(stage.address()).await;
    let sealed = client.seal(&FromClient::Request(get("a", "/text")));
    for _ in 0..3 {
        client.outer.send(sealed.clone()).await;
    }
    assert_eq!(client.answer().await.id, id("a"));
    client.works().await;
    assert_eq!(stage.app.counts().reached, 2);
    assert_eq!(stage.metrics().await.grown(&before, &dropped("repeated")), 2.0);
}

// TU-24, TU-25, TU-41 (TS-02): what the gateway has sealed comes back to it, and is not taken for the client's.
#[tokio::test]
async fn a_reflected_envelope_is_dropped() {
    let stage = alone().await;
    let before = stage.metrics().await;
    let mut client = ByHand::connect(stage.address()).await;
    client.send(connect("ws", "/socket")).await;
    assert_eq!(client.event().await.happened, Happened::Open);
    client.send(text("ws", "once")).await;
    let sealed = client.outer.next().await.unwrap();
    client.outer.send(sealed.clone()).await;
    // Had it been taken, the echo of it would come before this one.
    client.send(text("ws", "twice")).await;
    assert!(matches!(client.connection.open(sealed, 0).unwrap(), Received::Message(FromServer::Frame(_))));
    assert_eq!(client.frame().await.data, Content::Text("twice".into()));
    assert_eq!(stage.metrics().await.grown(&before, &dropped("reflected")), 1.0);
}

// TU-26, TU-46 (TS-03, TS-04): two control WebSockets may use one id without meeting.
#[tokio::test]
async fn ids_of_another_connection_are_not_there() {
    let stage = stage().await;
    let mut one = ByHand::connect(stage.address()).await;
    let mut other = ByHand::connect(stage.address()).await;
    one.send(connect("ws_1", "/socket")).await;
    assert_eq!(one.event().await.happened, Happened::Open);
    // Neither frames nor a close for what is another's do anything.
    other.send(text("ws_1", "intruding")).await;
    other.send(close("ws_1", Some(1000))).await;
    other.works().await;
    // An opening under its id is a socket of one's own.
    other.send(connect("ws_1", "/socket")).await;
    assert_eq!(other.event().await.happened, Happened::Open);
    other.send(text("ws_1", "close")).await;
    assert!(matches!(other.event().await.happened, Happened::Close { .. }));
    one.send(text("ws_1", "mine")).await;
    assert_eq!(one.frame().await.data, Content::Text("mine".into()));
    // A second opening of a live id is refused, and the first goes on.
    one.send(connect("ws_1", "/socket")).await;
    assert!(matches!(one.event().await.happened, Happened::Error(_)));
    one.send(text("ws_1", "still mine")).await;
    assert_eq!(one.frame().await.data, Content::Text("still mine".into()));
}

// TU-26 (TS-05)
#[tokio::test]
async fn a_pending_request_keeps_its_id() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    client.send(FromClient::Request(get("a", "/wait"))).await;
    let answer = client.request(get("a", "/text")).await;
    assert_eq!((answer.id, answer.status), (id("a"), 409));
    client.works().await;
}

// TU-05, TU-06, TU-80, TU-82: each is dropped without an answer, and the connection goes on.
#[tokio::test]
async fn what_must_be_dropped_is_dropped() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    let mut messages: Vec<Bytes> = vec![
        Bytes::new(),
        Bytes::from_static(b"\xff\xff\xff"),
        client.client_kx.clone(),
        FromClient::Request(get("clear", "/text")).encode().into(),
    ];
    let sealed = client.seal(&FromClient::Request(get("cut", "/text")));
    messages.extend([1, 16, 40].map(|cut| sealed.slice(..sealed.len() - cut)));
    let mut altered = sealed.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    messages.push(altered.into());
    if let Some(negative) = vectors::load_of("tunnel", "negative.json") {
        let cases = negative["cases"].as_array().unwrap();
        messages.extend(cases.iter().map(|case| Bytes::from(vectors::bytes(case, "data"))));
    }
    for message in messages {
        client.outer.send(message).await;
    }
    client.outer.0.send(Message::Text("{\"type\":\"http_request\"}".into())).await.unwrap();
    client.works().await;
    assert_eq!(stage.app.counts().reached, 1);
}

// TU-05, TU-23, TU-47: before the key everything else is dropped; a wrong key closes the connection.
#[tokio::test]
async fn a_wrong_key_closes_the_connection() {
    let stage = stage().await;
    let mut outer = Outer::connect(stage.address()).await;
    let _ = outer.next().await.unwrap();
    for junk in [&b"\xa0"[..], b"junk"] {
        outer.send(Bytes::from_static(junk)).await;
    }
    outer.0.send(Message::Text("hello".into())).await.unwrap();
    // TN-08: a sealed key that opens to 5 bytes, under another key besides.
    let Some(negative) = vectors::load_of("tunnel", "negative.json") else { return };
    let cases = negative["cases"].as_array().unwrap();
    let short = cases.iter().find(|case| case["id"] == "TN-08").unwrap();
    outer.send(vectors::bytes(short, "data")).await;
    assert_eq!(outer.closed().await, 1008);
}

// TU-40: whoever has recorded a connection cannot have it carried out again on another.
#[tokio::test]
async fn a_recorded_connection_cannot_be_played_again() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    let request = client.seal(&FromClient::Request(get("a", "/text")));
    client.outer.send(request.clone()).await;
    assert_eq!(client.answer().await.status, 200);
    let mut again = Outer::connect(stage.address()).await;
    let _ = again.next().await.unwrap();
    again.send(client.client_kx.clone()).await;
    let _ = again.0.send(Message::Binary(request)).await;
    assert_eq!(again.closed().await, 1008);
    assert_eq!(stage.app.counts().reached, 1);
    client.works().await;
}

// TU-06: a message for another connection does not open.
#[tokio::test]
async fn messages_of_another_connection_do_not_open() {
    let stage = stage().await;
    let mut one = ByHand::connect(stage.address()).await;
    let mut other = ByHand::connect(stage.address()).await;
    let sealed = one.seal(&FromClient::Request(get("a", "/text")));
    other.outer.send(sealed).await;
    other.works().await;
    assert_eq!(stage.app.counts().reached, 1);
}
