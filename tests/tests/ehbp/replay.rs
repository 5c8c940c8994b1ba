//! Requests that come again (EH-21).

use crate::{
    application::{stage, with},
    hand::{Sealed, is_clear, key, open, post, seal},
};
use sealwire_tests::Stage;

async fn again(stage: &Stage, path: &str, sealed: &Sealed) -> u16 {
    let answer = post(stage, path, &sealed.field, &sealed.frames.concat()).await;
    assert!(!is_clear(&answer), "EH-07: whatever it says");
    answer.status
}

// EH-21
#[tokio::test]
async fn the_second_time_is_refused_before_the_application() {
    let stage = stage().await;
    let sealed = seal(&key(&stage).await, &[b"pay once"]);
    assert_eq!(again(&stage, "/count", &sealed).await, 200);
    for path in ["/count", "/echo"] {
        assert_eq!(again(&stage, path, &sealed).await, 409, "{path}");
    }
    // Nor with less of it, or more.
    let longer = post(&stage, "/count", &sealed.field, &[&sealed.frames[0][..], &[0; 4]].concat()).await;
    assert_eq!(longer.status, 409);
    let text = String::from_utf8(open(&longer, sealed.answer)).unwrap();
    assert!(text.contains("has been received before"), "{text}");
    assert_eq!(stage.app.counts().reached, 1);
}

// EH-21: as often as it comes at once, one is first.
#[tokio::test]
async fn of_many_at_once_one_is_taken() {
    let stage = stage().await;
    let sealed = seal(&key(&stage).await, &[b"pay once"]);
    let sent = (0..8).map(|_| again(&stage, "/count", &sealed));
    let mut statuses = futures_util::future::join_all(sent).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(stage.app.counts().reached, 1);
}

// EH-21, EH-27: the register lives as long as its key is accepted, advertised or not.
#[tokio::test]
async fn a_replaced_key_remembers() {
    let stage = stage().await;
    let old = key(&stage).await;
    let (before, after) = (seal(&old, &[b"before"]), seal(&old, &[b"after"]));
    assert_eq!(again(&stage, "/count", &before).await, 200);
    stage.gateway.rotate().await.unwrap();
    assert_ne!(key(&stage).await.id(), old.id());
    assert_eq!(again(&stage, "/count", &before).await, 409);
    assert_eq!(again(&stage, "/count", &after).await, 200);
    assert_eq!(again(&stage, "/count", &after).await, 409);
}

// EH-21: a request that was refused for its place, or for its framing, was not used up.
#[tokio::test]
async fn what_was_not_admitted_may_come_again() {
    let stage = stage().await;
    let sealed = seal(&key(&stage).await, &[b"once"]);
    assert_eq!(again(&stage, "/elsewhere", &sealed).await, 403);
    assert_eq!(again(&stage, "/count", &sealed).await, 200);
}

// EH-21: a register that is full takes nothing, rather than forget.
#[tokio::test]
async fn a_full_register_takes_nothing() {
    let stage = with(|config| config.keys.register_capacity = 2).await;
    let key = key(&stage).await;
    let first = seal(&key, &[b"1"]);
    assert_eq!(again(&stage, "/count", &first).await, 200);
    assert_eq!(again(&stage, "/count", &seal(&key, &[b"2"])).await, 200);
    assert_eq!(again(&stage, "/count", &seal(&key, &[b"3"])).await, 503);
    assert_eq!(again(&stage, "/count", &first).await, 409);
}

// EH-21 has no exception: content can be moved, so what may be repeated at one path may not at another.
#[tokio::test]
async fn an_idempotent_route_takes_it_once() {
    let stage = with(|config| config.routes[0].idempotent = true).await;
    let sealed = seal(&key(&stage).await, &[b"what is the time?"]);
    assert_eq!(again(&stage, "/count", &sealed).await, 200);
    assert_eq!(again(&stage, "/count", &sealed).await, 409);
}
