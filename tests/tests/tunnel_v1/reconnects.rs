//! When the WebSocket, the session or the gateway has gone.

use super::*;
use futures_util::SinkExt;
use sealwire_tests::metrics;

// TU-69: a WebSocket that was cut is replaced within the session, without another handshake.
#[tokio::test]
async fn a_cut_websocket_costs_no_session() {
    let narrowed = Narrowed::start().await;
    narrowed.works().await;
    narrowed.cut().await;
    narrowed.works().await;
    let counts = narrowed.connector.status().counts;
    assert_eq!((counts.resumptions, counts.renewals), (0, 0), "{counts:?}");
    assert_eq!(narrowed.narrow.refused(), 0);
    let openings = narrowed.narrow.openings();
    assert!(openings.len() >= 2 && openings[1..].iter().all(|fields| fields.contains_key("attest-base-id")));
}

// TU-69, SE-43: what was under way is sent again where that does no harm; else its caller is told that nobody knows.
#[tokio::test]
async fn callers_are_told_what_became_of_their_requests() {
    let narrowed = Narrowed::start().await;
    let request = |method: Method| {
        let request = Request::builder().method(method).uri(format!("https://{AUTHORITY}/wait"));
        tokio::spawn(narrowed.connector.clone().oneshot(request.body(body::full("once")).unwrap()))
    };
    let post = request(Method::POST);
    narrowed.stage.app.until("the request", |counts| counts.reached == 1).await;
    narrowed.narrow.cut();
    let told = within("an answer", post).await.unwrap().map(drop);
    assert!(matches!(told, Err(Error::OutcomeUnknown)), "{told:?}");
    assert_eq!(narrowed.reached("/wait"), 1, "not sent again");

    let put = request(Method::PUT);
    narrowed.stage.app.until("the request", |counts| counts.reached == 2).await;
    narrowed.narrow.cut();
    narrowed.stage.app.until("the same again", |counts| counts.reached == 3).await;
    put.abort();
    assert!(narrowed.connector.status().counts.resent >= 1);

    // Nothing of it was sent, so whatever it is, it is known that it was not carried out.
    narrowed.narrow.shut(true);
    narrowed.cut().await;
    let told = narrowed.try_send(Method::POST, "/never", body::full("once")).await.map(drop);
    assert!(matches!(told, Err(Error::Channel(_) | Error::NoSession { .. })), "{told:?}");
    assert_eq!(narrowed.reached("/never"), 0);
}

// TU-69, SE-40: a session that is over is followed by one that its ticket begins, on another WebSocket.
#[tokio::test]
async fn a_ticket_begins_the_next() {
    let narrowed = Narrowed::start().await;
    narrowed.works().await;
    within("the end", narrowed.connector.close()).await;
    narrowed.works().await;
    assert!(facts(&narrowed.connector).is_resumed());
    let counts = narrowed.connector.status().counts;
    assert_eq!((counts.resumptions, counts.renewals), (1, 0), "{counts:?}");
    assert_eq!(narrowed.narrow.refused(), 0);
}

// TU-69, SE-43, AT-45: a gateway that starts anew has forgotten everything: a full handshake follows, and no request is
// carried out twice.
#[tokio::test]
async fn a_restart_is_got_over() {
    let mut narrowed = Narrowed::start().await;
    let mut socket = narrowed.socket().await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    let config = narrowed.stage.config.clone();
    let fresh = stage::gateway(config).await;
    let old = std::mem::replace(&mut narrowed.stage.gateway, fresh);
    narrowed.narrow.lead_to(narrowed.stage.address());
    drop(socket);
    within("the end of the old one", old.shutdown()).await;
    let answer = narrowed.send(Method::GET, "/after", body::empty()).await;
    assert_eq!(whole(answer).await.0, StatusCode::OK);
    assert_eq!(narrowed.reached("/after"), 1);
    let counts = narrowed.connector.status().counts;
    assert_eq!((counts.resumptions, counts.renewals), (0, 1), "{counts:?}");
    assert_eq!(narrowed.narrow.refused(), 0);
    narrowed.works().await;
}

// SE-44, TU-69: a ticket that leads to another instance is none there: a full handshake in the same round trip.
#[tokio::test]
async fn a_ticket_of_another_instance_makes_a_full_handshake() {
    let narrowed = Narrowed::start().await;
    let other = stage::gateway(narrowed.stage.config.clone()).await;
    narrowed.works().await;
    within("the end", narrowed.connector.close()).await;
    let before = narrowed.connector.pinned().get().instance;
    narrowed.narrow.lead_to(other.address());
    narrowed.works().await;
    assert!(!facts(&narrowed.connector).is_resumed());
    assert_ne!(narrowed.connector.pinned().get().instance, before);
    assert_eq!(narrowed.narrow.refused(), 0);
}

// TU-69, SE-43: a gateway that ends takes nothing new, says so under the keys, and what it has not taken goes to the next,
// whatever it is.
#[tokio::test]
async fn a_drain_loses_no_request() {
    let mut narrowed = Narrowed::start().await;
    let fresh = stage::gateway(narrowed.stage.config.clone()).await;
    let old = std::mem::replace(&mut narrowed.stage.gateway, fresh);
    narrowed.works().await;
    narrowed.narrow.lead_to(narrowed.stage.address());
    let ending = tokio::spawn(old.shutdown());
    for number in 0..100 {
        let path = format!("/{number}");
        let answer = narrowed.send(Method::POST, &path, body::full("once")).await;
        assert_eq!(whole(answer).await, (StatusCode::OK, b"once".to_vec()));
        assert_eq!(narrowed.reached(&path), 1);
    }
    within("the end of the old one", ending).await.unwrap();
    narrowed.works().await;
}

// TU-70: what is counted.
#[tokio::test]
async fn tunnels_are_counted() {
    let stage = Stage::alone(app().await, |_| {}).await;
    let before = stage.metrics().await;
    let narrow = Narrow::before(stage.address()).await;
    let connector = try_connect(settings(&narrow)).await.unwrap();
    let answer = within("an answer", connector.get("/").send()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let after = stage.metrics().await;
    assert!(after.grown(&before, "sealwire_tunnels_opened_total") >= 1.0);
    assert!(after.grown(&before, &metrics::requests("in-channel", "answered")) >= 1.0);
}
