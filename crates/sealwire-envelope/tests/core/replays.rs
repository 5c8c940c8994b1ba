//! Messages are taken once.

use std::collections::HashMap;

use proptest::prelude::*;
use sealwire_envelope::replay::{
    Full, Key, Register, Reserved, legacy_redis_key, remembered_for_ms, remembered_until_ms,
};

use crate::{
    common::{cases, text, vectors},
    support::NOW,
};

// SP-37, SP-38, SP-41, SP-44
#[test]
fn the_vectors_of_replays() {
    let Some(file) = vectors("replay") else { return };
    for case in cases(&file) {
        let capacity = case["capacity"].as_u64().map_or(1000, |capacity| capacity as usize * 4);
        let mut register = Register::new(capacity);
        let limited = case["capacity"].as_u64();
        for step in case["steps"].as_array().unwrap() {
            let number = |member: &str| step[member].as_i64().unwrap();
            let key = Key::of_message(text(step, "sender"), text(step, "messageId"), text(step, "nonce"));
            if let Some(expected) = step["replayKey"].as_str() {
                assert_eq!(key.to_text(), expected);
                assert_eq!(key.to_redis(), format!("sw:replay:{expected}"));
            }
            let until = remembered_until_ms(number("timestampMs"), number("ttlMs"));
            if let Some(px) = step["px"].as_i64() {
                assert_eq!(remembered_for_ms(until, number("now")), px);
            }
            // The share of one sender is not limited in these cases: the register has four times the room, for one sender.
            let share = if limited.is_some() { "one" } else { text(step, "sender") };
            let got = match register.reserve(&key, share, until, number("now")) {
                Ok(Reserved::Fresh) => "fresh",
                Ok(Reserved::Replay) => "replay",
                Err(Full) => "replay-store-full",
            };
            let expected = match text(step, "expect") {
                "full" => "replay-store-full",
                other => other,
            };
            assert_eq!(got, expected, "{}: {step}", text(case, "id"));
        }
    }
}

// SP-45
#[test]
fn older_verifiers_remember_the_nonce() {
    assert_eq!(legacy_redis_key("n"), "7h3:nonce:n");
}

fn key(n: u64) -> Key {
    Key::of_message("s", &n.to_string(), "n")
}

// SP-40: full is full, and one sender does not fill it alone.
#[test]
fn a_full_register_refuses_and_forgets_nothing() {
    let mut register = Register::new(8);
    for n in 0..8 {
        let sender = format!("sender {}", n / 2);
        assert_eq!(register.reserve(&key(n), &sender, NOW + 1000, NOW), Ok(Reserved::Fresh));
    }
    assert_eq!(register.reserve(&key(8), "another", NOW + 1000, NOW), Err(Full));
    for n in 0..8 {
        assert_eq!(register.reserve(&key(n), "anybody", NOW + 1000, NOW), Ok(Reserved::Replay));
    }
    // A second later all of it may go.
    assert_eq!(register.reserve(&key(8), "another", NOW + 9000, NOW + 2000), Ok(Reserved::Fresh));
    let mut register = Register::new(100);
    let taken = (0..100).filter(|n| register.reserve(&key(*n), "greedy", NOW + 1000, NOW).is_ok()).count();
    assert_eq!(taken, 25);
    assert_eq!(register.reserve(&key(200), "modest", NOW + 1000, NOW), Ok(Reserved::Fresh));
    assert!(!register.is_empty() && register.len() == 26);
}

// SP-38: far ahead, long gone, and clocks that jump.
#[test]
fn clocks_that_jump() {
    let mut register = Register::new(1000);
    assert_eq!(register.reserve(&key(0), "a", i64::MAX, NOW), Ok(Reserved::Fresh));
    assert_eq!(register.reserve(&key(1), "a", NOW + 86_490_000, NOW), Ok(Reserved::Fresh));
    assert_eq!(register.reserve(&key(2), "a", NOW - 5, NOW), Ok(Reserved::Fresh));
    assert_eq!(register.reserve(&key(2), "a", NOW + 5, NOW), Ok(Reserved::Fresh));
    for now in [NOW + 86_000_000, NOW, NOW + 10, NOW + 86_489_999] {
        assert_eq!(register.reserve(&key(0), "a", i64::MAX, now), Ok(Reserved::Replay));
        assert_eq!(register.reserve(&key(1), "a", NOW + 86_490_000, now), Ok(Reserved::Replay));
    }
    for now in [i64::MIN, i64::MAX - 1, 0] {
        let _ = register.reserve(&key(9), "b", now, now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // SP-40, SP-44: whatever the order, the register says what a plain map would, and never calls a replay fresh.
    #[test]
    fn a_register_is_a_map_with_times(
        steps in prop::collection::vec((0_u64..40, 0_i64..200_000_000, 0_i64..5_000), 1..300),
    ) {
        let mut register = Register::new(4096);
        let mut reference: HashMap<u64, i64> = HashMap::new();
        let mut now = NOW;
        for (n, lifetime, later) in steps {
            now += later;
            let until = now + lifetime;
            let known = reference.get(&n).is_some_and(|until| *until > now);
            let got = register.reserve(&key(n), "s", until, now);
            prop_assert_eq!(got, Ok(if known { Reserved::Replay } else { Reserved::Fresh }));
            if !known {
                reference.insert(n, until);
            }
        }
        prop_assert!(register.len() <= 40);
    }

    // SP-40: room comes back, all of it.
    #[test]
    fn what_has_expired_leaves(count in 1_u64..400) {
        let mut register = Register::new(100);
        let mut now = NOW;
        for n in 0..count {
            now += 1_000;
            // At most a dozen live at a time.
            prop_assert_eq!(register.reserve(&key(n), "s", now + 10_000, now), Ok(Reserved::Fresh));
        }
        prop_assert!(register.len() <= 14);
    }
}
