//! The register against a model, under races, and with a clock that cannot be trusted.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use proptest::prelude::*;
use sealwire_store::{Error, FOREVER, Register, Reservation};

const NOW: u64 = 1_795_000_000_000;
const WINDOW: u64 = 600_000;

fn id(number: u64) -> [u8; 16] {
    // Like the cut hash that an id really is, in that its parts are not all equal; distinct by the first half.
    let mut id = [0x5a; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

/// OB-60: a second use within the window is seen; at its end the id is free again.
#[test]
fn second_use_is_seen() {
    let register = Register::new(10);
    assert_eq!(register.reserve(id(1), NOW, NOW + WINDOW).unwrap(), Reservation::Fresh);
    assert_eq!(register.reserve(id(1), NOW, NOW + WINDOW).unwrap(), Reservation::Seen);
    assert_eq!(register.reserve(id(1), NOW + WINDOW - 1, NOW + WINDOW).unwrap(), Reservation::Seen);
    assert_eq!(register.reserve(id(1), NOW + WINDOW, NOW + 2 * WINDOW).unwrap(), Reservation::Fresh);
    assert!(matches!(register.reserve(id(2), NOW, NOW), Err(Error::Expired)));
}

/// OB-61: a full register refuses new ids, and holds every one it has.
#[test]
fn full_register_refuses() {
    for capacity in [0, 1, 2, 1000, 10_000] {
        let register = Register::new(capacity);
        for number in 0..capacity as u64 {
            assert_eq!(register.reserve(id(number), NOW, NOW + WINDOW).unwrap(), Reservation::Fresh);
        }
        assert_eq!(register.len(), capacity);
        assert!(matches!(register.reserve(id(u64::MAX), NOW, NOW + WINDOW), Err(Error::Full)));
        for number in 0..capacity as u64 {
            assert_eq!(register.reserve(id(number), NOW, NOW + WINDOW).unwrap(), Reservation::Seen);
        }
        assert_eq!(register.len(), capacity);
    }
}

/// OB-61: places come back when ids are over, all of them.
#[test]
fn places_come_back() {
    let register = Register::new(10_000);
    for round in 0..5 {
        let now = NOW + round * WINDOW;
        for number in 0..10_000 {
            let answer = register.reserve(id(round * 10_000 + number), now, now + WINDOW);
            assert_eq!(answer.unwrap(), Reservation::Fresh, "round {round}, id {number}");
        }
        assert!(register.len() <= register.capacity());
    }
}

/// OB-62: an id for the key's whole life never ends.
#[test]
fn for_ever_does_not_end() {
    let register = Register::new(10_000);
    assert_eq!(register.reserve(id(0), NOW, FOREVER).unwrap(), Reservation::Fresh);
    for number in 1..5000 {
        let now = NOW + number * WINDOW;
        assert_eq!(register.reserve(id(number), now, now + WINDOW).unwrap(), Reservation::Fresh);
        assert_eq!(register.reserve(id(0), now, FOREVER).unwrap(), Reservation::Seen);
    }
    assert_eq!(register.reserve(id(0), FOREVER - 1, FOREVER).unwrap(), Reservation::Seen);
}

#[test]
fn one_thread_wins() {
    let register = Arc::new(Register::new(100_000));
    let wins = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (register, wins) = (Arc::clone(&register), Arc::clone(&wins));
            thread::spawn(move || {
                for number in 0..20_000 {
                    if register.reserve(id(number), NOW, NOW + WINDOW).unwrap() == Reservation::Fresh {
                        wins.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(wins.load(Ordering::Relaxed), 20_000);
    assert_eq!(register.len(), 20_000);
}

/// Threads that fill and sweep at once neither lock each other out nor lose count.
#[test]
fn full_register_under_contention() {
    let register = Arc::new(Register::new(8000));
    let threads: Vec<_> = (0..4u64)
        .map(|thread| {
            let register = Arc::clone(&register);
            thread::spawn(move || {
                let mut refused = 0;
                for number in 0..50_000 {
                    let now = NOW + number;
                    match register.reserve(id(thread << 32 | number), now, now + 5000) {
                        Ok(answer) => assert_eq!(answer, Reservation::Fresh),
                        Err(Error::Full | Error::Expired) => refused += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
                refused
            })
        })
        .collect();
    let refused: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(refused > 0, "four threads of 5000 live ids each do not fit");
    assert!(register.len() <= 8000);
    // Nothing leaked: once all is over, everything fits again.
    let later = NOW + 1_000_000;
    for number in 0..8000 {
        assert_eq!(register.reserve(id(number), later, later + 1).unwrap(), Reservation::Fresh);
    }
}

proptest! {
    /// With a clock that only goes forward the register is a map from ids to their ends.
    #[test]
    fn is_a_map(calls in proptest::collection::vec((0..40u64, 0..2000u64, 0..6000u64), 1..300)) {
        let register = Register::new(1000);
        let mut model: HashMap<u64, u64> = HashMap::new();
        let mut now = NOW;
        for (number, step, life) in calls {
            now += step;
            let answer = register.reserve(id(number), now, now + life);
            if life == 0 {
                prop_assert!(matches!(answer, Err(Error::Expired)));
            } else if model.get(&number).is_some_and(|&end| now < end) {
                prop_assert_eq!(answer.unwrap(), Reservation::Seen);
            } else {
                prop_assert_eq!(answer.unwrap(), Reservation::Fresh);
                model.insert(number, now + life);
            }
        }
    }

    /// An id whose end follows from the message is fresh once, whatever the clock says at each call and however
    /// full the register is.
    #[test]
    fn fresh_once_whatever_the_clock(
        capacity in 1..30usize,
        calls in proptest::collection::vec((0..40u64, 0..20_000u64), 1..400),
    ) {
        let register = Register::new(capacity);
        let mut uses: HashMap<u64, u32> = HashMap::new();
        for (number, now) in calls {
            let end = NOW + 500 * number;
            match register.reserve(id(number), NOW + now, end) {
                Ok(Reservation::Fresh) => *uses.entry(number).or_default() += 1,
                Ok(Reservation::Seen) | Err(Error::Full | Error::Expired) => {}
                Err(other) => panic!("{other}"),
            }
            prop_assert!(register.len() <= capacity);
        }
        prop_assert!(uses.values().all(|&uses| uses == 1));
    }
}
