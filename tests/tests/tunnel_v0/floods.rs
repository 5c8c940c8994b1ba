//! What a client may cost (TU-22, TU-23, TU-27, TU-55).

use super::{
    by_hand::{ByHand, Outer, body, connect, get, id, text},
    stage, with,
};
use sealwire_http::ra_tunnel::message::{FromClient, FromServer, Happened};
use std::collections::BTreeSet;

// TU-27: 64 requests are worked on; the next is refused at once, and the others go on.
#[tokio::test]
async fn requests_are_bounded() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    for number in 0..64 {
        client.send(FromClient::Request(get(&format!("w{number}"), "/wait"))).await;
    }
    stage.app.until("all of them", |counts| counts.reached == 64).await;
    for number in 0..10 {
        let answer = client.request(get(&format!("x{number}"), "/text")).await;
        assert_eq!((answer.id, answer.status), (id(&format!("x{number}")), 503));
    }
    assert_eq!(stage.app.counts().reached, 64);
    // Another connection has its own.
    ByHand::connect(stage.address()).await.works().await;
}

// TU-11, TU-27: what was under way is given up when the client goes.
#[tokio::test]
async fn what_is_under_way_ends_with_the_connection() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    client.send(connect("ws", "/socket")).await;
    assert_eq!(client.event().await.happened, Happened::Open);
    client.send(FromClient::Request(get("w", "/wait"))).await;
    stage.app.until("the request", |counts| counts.reached == 2).await;
    drop(client);
    // The gateway's slots are all free again.
    super::keys::idle(&stage).await;
}

// TU-27
#[tokio::test]
async fn sockets_are_bounded() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    let mut opened = BTreeSet::new();
    for number in 0..64 {
        client.send(connect(&format!("s{number}"), "/socket")).await;
    }
    for _ in 0..64 {
        let event = client.event().await;
        assert_eq!(event.happened, Happened::Open);
        opened.insert(event.id.to_string());
    }
    assert_eq!(opened.len(), 64);
    client.send(connect("one more", "/socket")).await;
    let event = client.event().await;
    assert_eq!(event.id, id("one more"));
    assert!(matches!(event.happened, Happened::Error(_)));
}

// TU-27: an application that takes nothing costs no more than what is bounded; its socket ends, and is told to.
#[tokio::test]
async fn a_socket_that_is_not_read_ends() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    client.send(connect("slow", "/slow")).await;
    assert_eq!(client.event().await.happened, Happened::Open);
    let piece = "x".repeat(500 << 10);
    let sending = async {
        loop {
            client.send(text("slow", &piece)).await;
            // What was sent behind the end is dropped: there is no such socket any more.
            if let Ok(Some(FromServer::Event(event))) = client.try_next().await {
                return event;
            }
        }
    };
    let event = sealwire_tests::within("the end", sending).await;
    assert_eq!(event.id, id("slow"));
    assert!(matches!(event.happened, Happened::Error(_)), "{event:?}");
    client.works().await;
}

// TU-27: answers that nobody takes are not gathered without end: those that find no room are refused.
#[tokio::test]
async fn answers_that_are_not_read_are_bounded() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    for number in 0..60 {
        client.send(FromClient::Request(get(&format!("h{number}"), "/half"))).await;
    }
    stage.app.until("all of them", |counts| counts.reached == 60).await;
    let mut statuses = Vec::new();
    for _ in 0..60 {
        let answer = client.answer().await;
        statuses.push(answer.status);
        match answer.status {
            200 => assert_eq!(body(&answer).len(), 500 << 10),
            503 => {}
            other => panic!("{other}"),
        }
    }
    assert!(statuses.contains(&200));
    client.works().await;
}

// TU-22: a message above the limit ends the connection before it is held.
#[tokio::test]
async fn messages_are_bounded() {
    let stage = with(|config| config.tunnel.message = 64 << 10).await;
    let mut client = ByHand::connect(stage.address()).await;
    client.works().await;
    client.send(text("x", &"x".repeat(65 << 10))).await;
    assert_eq!(client.outer.closed().await, 1009);
    ByHand::connect(stage.address()).await.works().await;
}

// TU-23: whoever says nothing is not waited for longer than the handshake may take.
#[tokio::test]
async fn a_silent_client_is_given_up() {
    let stage = stage().await;
    let mut outer = Outer::connect(stage.address()).await;
    let _ = outer.next().await.unwrap();
    assert_eq!(outer.closed().await, 1008);
}
