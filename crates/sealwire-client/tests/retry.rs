//! When a request is sent again, and when the caller is told that nobody knows (SE-43, OB-43, OB-47).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::{Act, Gateway, HOUR, TestClock, plainly, text};
use http::{Method, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_client::Error;
use sealwire_http::{BoxError, body, client::oblivious};
use std::time::Duration;
use tokio::net::TcpListener;

const REPLAYABLE: usize = 64 << 10;

// SE-43, OB-42, AT-42: a restart is a new instance; the connector finds out by itself.
#[tokio::test]
async fn a_restart_is_met_by_one_renewal() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    gateway.state.restart();
    for method in [Method::GET, Method::PUT] {
        let response = connector.request(method, "/").body("again").await.unwrap();
        assert_eq!(text(response).await, "again");
    }
    assert_eq!(gateway.state.fetches(), 2);
    assert_eq!(gateway.state.served(), 2);
    assert_eq!(connector.pinned().get().instance, *gateway.state.instance.lock().unwrap());
    let counts = connector.status().counts;
    assert_eq!((counts.requests, counts.resent, counts.renewals), (2, 1, 1));
}

// SE-43, OB-47: the hint is no proof that nothing ran.
#[tokio::test]
async fn what_is_not_idempotent_is_not_sent_again() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    gateway.state.act([Act::Stale]);
    let error = connector.request(Method::POST, "/").body("once").await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown), "{error}");
    assert_eq!((gateway.state.posts(), gateway.state.served()), (1, 0));
    // The keys are renewed for those who come after.
    assert_eq!(gateway.state.fetches(), 2);
    assert_eq!(text(connector.request(Method::POST, "/").body("next").await.unwrap()).await, "next");
}

// SE-43
#[tokio::test]
async fn what_is_marked_replay_safe_is_sent_again() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    gateway.state.restart();
    let response = connector.request(Method::POST, "/").body("twice").replay_safe().await.unwrap();
    assert_eq!(text(response).await, "twice");
}

// SE-43: only what can be replayed, to the byte.
#[tokio::test]
async fn a_body_is_kept_up_to_a_cap() {
    for (length, whole) in [(REPLAYABLE, true), (REPLAYABLE + 1, false)] {
        let gateway = Gateway::start().await;
        let connector = gateway.connector().await;
        gateway.state.act([Act::Stale]);
        let outcome = connector.request(Method::PUT, "/").body(vec![7; length]).await;
        match (outcome, whole) {
            (Ok(response), true) => assert_eq!(text(response).await.len(), length),
            (Err(Error::OutcomeUnknown), false) => assert_eq!(gateway.state.posts(), 1),
            (outcome, _) => panic!("{:?}", outcome.map(|response| response.status())),
        }
    }
}

// SE-43: at most one renewal in 30 s, however many hints.
#[tokio::test]
async fn hints_cannot_make_a_flood() {
    let gateway = Gateway::start().await;
    let clock = TestClock::ahead(Duration::ZERO);
    let connector = gateway.connector_at(clock.clone()).await;
    gateway.state.act([Act::Stale]);
    connector.get("/").await.unwrap();
    assert_eq!(gateway.state.fetches(), 2);
    for _ in 0..5 {
        gateway.state.act([Act::Stale]);
        let error = connector.get("/").await.unwrap_err();
        assert!(error.is_too_soon(), "{error}");
        let source = match error {
            Error::TooSoon { source } => source,
            other => panic!("{other}"),
        };
        assert!(
            matches!(*source, Error::Wire(oblivious::Error::StaleKey(StatusCode::BAD_REQUEST))),
            "{source}"
        );
    }
    assert_eq!(gateway.state.fetches(), 2);
    clock.advance(Duration::from_secs(30));
    gateway.state.restart();
    connector.get("/").await.unwrap();
    assert_eq!(gateway.state.fetches(), 3);
}

// SE-43: concurrent requests share one renewal.
#[tokio::test]
async fn one_renewal_serves_all_who_wait() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    gateway.state.restart();
    let requests = (0..20).map(|_| async { connector.get("/").await.map(|response| response.status()) });
    for status in futures_util::future::join_all(requests).await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    assert_eq!(gateway.state.fetches(), 2);
}

// OB-47: a connection that was never made proves that nothing ran; a gateway that comes back is found at once.
#[tokio::test]
async fn a_gateway_that_was_away_is_found_again() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    let (address, state) = gateway.stop().await;
    for _ in 0..3 {
        let error = connector.request(Method::POST, "/").body("x").await.unwrap_err();
        let Error::Wire(oblivious::Error::Transport { unprocessed, .. }) = error else { panic!("{error}") };
        assert!(unprocessed);
    }
    state.restart();
    let gateway = Gateway::on(TcpListener::bind(address).await.unwrap(), state);
    assert_eq!(text(connector.request(Method::PUT, "/").body("back").await.unwrap()).await, "back");
    assert_eq!(gateway.state.fetches(), 2);
}

// SE-43, OB-47: cut under way, whoever cut it.
#[tokio::test]
async fn an_exchange_that_is_cut_is_repeated_once_if_it_is_idempotent() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    gateway.state.act([Act::Cut]);
    let error = connector.request(Method::POST, "/").body("x").await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown), "{error}");
    assert_eq!(gateway.state.posts(), 1);

    gateway.state.act([Act::Cut]);
    connector.get("/").await.unwrap();
    assert_eq!(gateway.state.posts(), 3);

    gateway.state.act([Act::Cut, Act::Cut]);
    let error = connector.get("/").await.unwrap_err();
    assert!(matches!(error, Error::Wire(oblivious::Error::Transport { unprocessed: false, .. })), "{error}");
    assert_eq!(gateway.state.posts(), 5);
}

// OB-117: an answer in clear is nobody's answer, whatever its status; and no reason to repeat anything.
#[tokio::test]
async fn an_unsealed_answer_is_an_error() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    for status in
        [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::FOUND, StatusCode::NOT_FOUND]
    {
        gateway.state.act([Act::Plainly(plainly(status))]);
        let posts = gateway.state.posts();
        let error = connector.get("/").await.unwrap_err();
        assert!(matches!(error, Error::Wire(oblivious::Error::NotEncapsulated(found)) if found == status));
        assert_eq!((gateway.state.posts(), gateway.state.fetches()), (posts + 1, 1));
    }
}

// OB-115, OB-116: what says that it is sealed must be, for this request and in its form; nothing is repeated for less.
#[tokio::test]
async fn an_answer_that_cannot_be_believed_is_an_error() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    let answers = [
        ("text/html", &b"<p>Log in first"[..]),
        ("message/ohttp-res", &[0; 100]),
        ("message/ohttp-chunked-res", b""),
        ("message/ohttp-chunked-res", &[0; 15]),
        ("message/ohttp-chunked-res", &[0; 100]),
    ];
    for (n, (media_type, content)) in answers.into_iter().enumerate() {
        let mut response = plainly(StatusCode::OK);
        response.headers_mut().insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        *response.body_mut() = body::full(content);
        gateway.state.act([Act::Plainly(response)]);
        let error = connector.get("/").await.unwrap_err();
        match error {
            Error::Wire(oblivious::Error::MediaType) => assert!(n < 2),
            Error::Wire(oblivious::Error::Answer(_)) => assert!(n >= 2),
            error => panic!("{error}"),
        }
        assert_eq!((gateway.state.posts(), gateway.state.fetches()), (n + 1, 1));
    }
}

// The caller's own fault is told apart, and costs the gateway no renewal.
#[tokio::test]
async fn a_body_that_fails_is_the_callers_error() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    let frames: Vec<Result<Frame<Bytes>, BoxError>> =
        vec![Ok(Frame::data(Bytes::from_static(b"start"))), Err("disk".into())];
    let content = body::boxed(StreamBody::new(futures_util::stream::iter(frames)));
    let error = connector.request(Method::PUT, "/").stream(content).await.unwrap_err();
    assert!(matches!(error, Error::RequestBody), "{error}");
    assert_eq!(gateway.state.fetches(), 1);
}

// OB-43, OB-11: one retry with the gateway's time, in a fresh context: the register refuses an `enc` that it knows. The
// time is used for nothing else, so the next request starts with the wrong one again.
#[tokio::test]
async fn a_wrong_clock_costs_a_second_attempt() {
    let gateway = Gateway::start_with(&[sealwire_crypto::kem::Kem::X25519], 3 * HOUR, "").await;
    let connector = gateway.connector_at(TestClock::ahead(HOUR)).await;
    for attempt in 1..=2 {
        let response = connector.request(Method::POST, "/").body("late").await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(text(response).await, "late");
        assert_eq!((gateway.state.posts(), gateway.state.served()), (2 * attempt, attempt));
    }
    assert_eq!(connector.status().counts.redated, 2);
}

// OB-43: a Date that the caller chose is the caller's.
#[tokio::test]
async fn a_date_of_the_callers_is_not_corrected() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    let response = connector.get("/").header(header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT").await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(gateway.state.posts(), 1);
}

// The application's own problems pass as they are, however long.
#[tokio::test]
async fn other_problems_pass_untouched() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    for length in [0, 100, 8 << 10, 100_000] {
        let response = connector.get(&format!("/problem/{length}")).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let content = response.into_body().collect().await.unwrap().to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&content).unwrap();
        assert_eq!(problem["detail"].as_str().unwrap_or_default().len(), length);
    }
    assert_eq!(gateway.state.posts(), 4);
}
