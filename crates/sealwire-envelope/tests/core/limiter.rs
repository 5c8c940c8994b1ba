//! Sliding windows.

use sealwire_envelope::limiter::{Full, Limiter, Rate};

use crate::common::{cases, text, vectors};

// EN-85, SP-82
#[test]
fn the_vectors_of_rates() {
    let Some(file) = vectors("ratelimit") else { return };
    for case in cases(&file) {
        let rate = Rate {
            requests: u32::try_from(case["requests"].as_u64().unwrap()).unwrap(),
            window_ms: case["windowMs"].as_i64().unwrap(),
        };
        let mut limiter = Limiter::new(Limiter::DEFAULT_CAPACITY);
        for call in case["calls"].as_array().unwrap() {
            let now = call["now"].as_i64().unwrap();
            let asked = limiter.check(0, text(call, "key"), rate, now);
            let got = limiter.consume(0, text(call, "key"), rate, now).unwrap();
            let expected = (call["allowed"].as_bool(), call["remaining"].as_u64(), call["resetMs"].as_i64());
            let told = (Some(got.allowed), Some(u64::from(got.remaining)), Some(got.reset_ms));
            assert_eq!(told, expected, "{}: {call}", text(case, "id"));
            // Asking says the same, and counts nothing.
            assert_eq!((asked.allowed, asked.remaining), (got.allowed, got.remaining));
        }
    }
}

const ONE: Rate = Rate { requests: 1, window_ms: 10_000 };

// SP-82: a route with a short window does not erase the history of one with a long.
#[test]
fn limiter_history_is_not_shared_between_routes() {
    let mut limiter = Limiter::new(10);
    assert!(limiter.consume(0, "alice", ONE, 0).unwrap().allowed);
    let short = Rate { requests: 5, window_ms: 1 };
    assert!(limiter.consume(1, "alice", short, 5_000).unwrap().allowed);
    let again = limiter.consume(0, "alice", ONE, 6_000).unwrap();
    assert!(!again.allowed);
    assert_eq!(again.retry_after_s(), 4);
}

// SP-82: a full limiter refuses new senders rather than let old ones begin anew.
#[test]
fn a_flood_of_senders_resets_nobody() {
    let mut limiter = Limiter::new(2);
    for sender in ["a", "b"] {
        assert!(limiter.consume(0, sender, ONE, 0).unwrap().allowed);
    }
    assert_eq!(limiter.consume(0, "c", ONE, 9_999), Err(Full));
    assert!(!limiter.consume(0, "a", ONE, 9_999).unwrap().allowed);
    assert!(limiter.consume(0, "c", ONE, 10_000).unwrap().allowed);
}
