//! The pinned document: renewed in time, never used past its end, never replaced by what the policy refuses
//! (AT-41, AT-42).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{Act, Gateway, HOUR, TestClock, document, plainly};
use http::StatusCode;
use sealwire_client::Error;
use sealwire_crypto::kem::Kem;
use sealwire_http::client::oblivious;
use std::{sync::Arc, time::Duration};

/// Gives other tasks a chance until something holds; fails after a while.
async fn until(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it never came about");
}

// AT-41: before half of the lifetime, off the request path.
#[tokio::test]
async fn a_document_is_renewed_before_half_of_its_life() {
    let lifetime = Duration::from_secs(20);
    let gateway = Gateway::start_with(&[Kem::X25519], lifetime, "").await;
    let connector = gateway.connector().await;
    let begun = tokio::time::Instant::now();
    gateway.state.reissue();
    until(|| connector.status().counts.renewals > 0).await;
    assert!(begun.elapsed() < lifetime / 2, "{:?}", begun.elapsed());
    assert_eq!(connector.pinned().get().serial, 2);
    assert_eq!((gateway.state.fetches(), gateway.state.posts()), (2, 0));
}

// The task ends with the last clone; it holds the clock for as long as it lives.
#[tokio::test]
async fn the_task_ends_with_the_last_clone() {
    let gateway = Gateway::start().await;
    let clock = TestClock::ahead(Duration::ZERO);
    let connector = gateway.connector_at(clock.clone()).await;
    let clone = connector.clone();
    drop(connector);
    tokio::task::yield_now().await;
    assert!(Arc::strong_count(&clock) > 1);
    clone.get("/").await.unwrap();
    drop(clone);
    until(|| Arc::strong_count(&clock) == 1).await;
}

// AT-42: what the gateway shows now counts; nothing falls back to what it showed before.
#[tokio::test]
async fn a_refused_renewal_stops_everything_until_one_is_accepted() {
    let gateway = Gateway::start().await;
    let clock = TestClock::ahead(Duration::ZERO);
    let connector = gateway.connector_at(clock.clone()).await;
    *gateway.state.authority.lock().unwrap() = "other.example".to_owned();
    gateway.state.reissue();
    gateway.state.act([Act::Stale]);
    let Err(Error::Denied(denial)) = connector.get("/").await else { panic!("not denied") };
    assert_eq!(denial.reasons[0].code, "authority-not-served");
    let posts = gateway.state.posts();
    for _ in 0..3 {
        assert!(matches!(connector.get("/").await, Err(Error::Denied(_))));
    }
    assert_eq!(gateway.state.posts(), posts);
    let status = connector.status();
    assert_eq!(status.refused, Some(denial));
    assert!(!status.refusals.is_empty());

    *gateway.state.authority.lock().unwrap() = common::AUTHORITY.to_owned();
    gateway.state.reissue();
    clock.advance(Duration::from_secs(31));
    assert_eq!(connector.get("/").await.unwrap().status(), StatusCode::OK);
    assert_eq!(connector.status().refused, None);
}

// AT-42: a renewal that teaches nothing leaves what is pinned, up to its end and no second longer.
#[tokio::test]
async fn an_expired_document_is_never_used() {
    let gateway = Gateway::start().await;
    let clock = TestClock::ahead(Duration::ZERO);
    let connector = gateway.connector_at(clock.clone()).await;
    let unavailable = || plainly(StatusCode::SERVICE_UNAVAILABLE);
    gateway.state.documents.lock().unwrap().push_back(unavailable());
    gateway.state.act([Act::Stale]);
    let error = connector.get("/").await.unwrap_err();
    assert!(matches!(error, Error::Wire(oblivious::Error::StaleKey(_))), "{error}");
    assert_eq!(connector.status().refused, None);
    connector.get("/").await.unwrap();

    clock.advance(HOUR + Duration::from_secs(1));
    let posts = gateway.state.posts();
    gateway.state.documents.lock().unwrap().push_back(unavailable());
    assert!(matches!(connector.get("/").await, Err(Error::Unreachable { .. })));
    // Again too soon for the gateway, and still nothing to send with.
    let error = connector.get("/").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_too_soon(), "{error}");
    assert_eq!(gateway.state.posts(), posts);

    *gateway.state.lifetime.lock().unwrap() = 3 * HOUR;
    gateway.state.reissue();
    clock.advance(Duration::from_secs(31));
    connector.get("/").await.unwrap();
}

// AT-41: a serial never goes back, and an old document that somebody replays says nothing against the newer one.
#[tokio::test]
async fn an_older_document_changes_nothing() {
    let gateway = Gateway::start().await;
    let older = gateway.state.published();
    gateway.state.reissue();
    let connector = gateway.connector().await;
    assert_eq!(connector.pinned().get().serial, 2);
    gateway.state.documents.lock().unwrap().push_back(document(older));
    gateway.state.act([Act::Stale]);
    let error = connector.get("/").await.unwrap_err();
    assert!(matches!(error, Error::Wire(oblivious::Error::StaleKey(_))), "{error}");
    assert_eq!(connector.pinned().get().serial, 2);
    assert_eq!(connector.status().refused, None);
    connector.get("/").await.unwrap();
}

// AT-42: a document that cannot be read is a fault of the way, and teaches nothing.
#[tokio::test]
async fn junk_in_place_of_a_document_changes_nothing() {
    let gateway = Gateway::start().await;
    let connector = gateway.connector().await;
    gateway.state.documents.lock().unwrap().push_back(document("junk".into()));
    gateway.state.act([Act::Stale]);
    assert!(connector.get("/").await.is_err());
    connector.get("/").await.unwrap();
}
