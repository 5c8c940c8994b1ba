//! The suite that every backend must pass.
//!
//! Checks panic with what they expected. They need a Tokio runtime, best with several threads: concurrency is
//! among what is checked.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::{Error, FOREVER, Reservation, Store};

type Answer = Result<Reservation, Error>;

/// Any time will do; this one is in November 2026.
const NOW: u64 = 1_795_000_000_000;
const WINDOW: u64 = 600_000;

/// Runs every check that does not need the store to be opened twice. `open` makes an empty store that holds the given
/// number of live reservations.
pub async fn suite(open: impl AsyncFn(usize) -> Arc<dyn Store>) {
    one_winner(open(1000).await).await;
    ends_are_exclusive(&*open(1000).await).await;
    never_evicts(&*open(8).await).await;
    never_overfills(open(8).await).await;
    spaces_are_apart(&*open(1000).await).await;
    lengths_are_bounded(&*open(1000).await).await;
    clock_may_go_back(&*open(1000).await).await;
}

/// For a backend that outlives the process: `open` opens one and the same storage each time, empty at first; the store
/// of the time before has been dropped by then.
pub async fn durable(open: impl AsyncFn() -> Arc<dyn Store>) {
    let store = open().await;
    fresh(&store.reserve("a", b"window", NOW, NOW + WINDOW).await);
    fresh(&store.reserve("a", b"for ever", NOW, FOREVER).await);
    fresh(&store.reserve("a", b"forgotten", NOW, NOW + 1).await);
    // Time passes, something is reserved, and what is over is dropped.
    fresh(&store.reserve("a", b"later", NOW + 2, NOW + WINDOW).await);
    drop(store);

    let store = open().await;
    seen(&store.reserve("a", b"window", NOW, NOW + WINDOW).await);
    not_fresh(&store.reserve("a", b"forgotten", NOW, NOW + 1).await);
    fresh(&store.reserve("b", b"window", NOW, NOW + WINDOW).await);
    seen(&store.reserve("a", b"window", NOW + WINDOW - 1, NOW + 2 * WINDOW).await);
    seen(&store.reserve("a", b"for ever", NOW + WINDOW, FOREVER).await);
    fresh(&store.reserve("a", b"window", NOW + WINDOW, NOW + 2 * WINDOW).await);
    drop(store);

    let store = open().await;
    seen(&store.reserve("a", b"window", NOW + WINDOW, NOW + 2 * WINDOW).await);
    not_fresh(&store.reserve("a", b"later", NOW, NOW + WINDOW).await);
}

/// Of many concurrent calls for one id one wins.
async fn one_winner(store: Arc<dyn Store>) {
    const IDS: u8 = 32;
    const CALLERS: usize = 16;
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        for id in 0..IDS {
            let store = Arc::clone(&store);
            calls.spawn(async move { (id, store.reserve("race", &[id], NOW, NOW + WINDOW).await) });
        }
    }
    let mut winners = Vec::new();
    for (id, answer) in calls.join_all().await {
        match answer {
            Ok(Reservation::Fresh) => winners.push(id),
            other => seen(&other),
        }
    }
    winners.sort_unstable();
    assert_eq!(winners, (0..IDS).collect::<Vec<_>>(), "each id has one winner");
}

/// A reservation holds up to its end and not at it, and one that is over cannot be made.
async fn ends_are_exclusive(store: &dyn Store) {
    let end = NOW + WINDOW;
    fresh(&store.reserve("ends", b"id", NOW, end).await);
    seen(&store.reserve("ends", b"id", NOW, end).await);
    seen(&store.reserve("ends", b"id", end - 1, end + WINDOW).await);
    fresh(&store.reserve("ends", b"id", end, end + WINDOW).await);
    seen(&store.reserve("ends", b"id", end + WINDOW - 1, end + 2 * WINDOW).await);
    fresh(&store.reserve("ends", b"id", end + WINDOW, end + 2 * WINDOW).await);

    expired(&store.reserve("ends", b"equal", end, end).await);
    expired(&store.reserve("ends", b"past", end, end - 1).await);
    expired(&store.reserve("ends", b"zero", end, 0).await);

    fresh(&store.reserve("ends", b"for ever", end, FOREVER).await);
    seen(&store.reserve("ends", b"for ever", FOREVER - 1, FOREVER).await);
}

/// A full store refuses what is new, keeps what it has, and takes new ids when old ones are over. Needs a capacity of 8.
async fn never_evicts(store: &dyn Store) {
    for id in 0..8 {
        fresh(&store.reserve("full", &[id], NOW, NOW + WINDOW).await);
    }
    full(&store.reserve("full", &[8], NOW, NOW + WINDOW).await);
    full(&store.reserve("other", &[0], NOW, NOW + WINDOW).await);
    for id in 0..8 {
        seen(&store.reserve("full", &[id], NOW + WINDOW - 1, NOW + WINDOW).await);
    }
    full(&store.reserve("full", &[8], NOW + WINDOW - 1, NOW + 2 * WINDOW).await);
    for id in 8..16 {
        fresh(&store.reserve("full", &[id], NOW + WINDOW, NOW + 2 * WINDOW).await);
    }
    full(&store.reserve("full", &[16], NOW + WINDOW, NOW + 2 * WINDOW).await);
}

/// The bound holds when many come at once. Needs a capacity of 8.
async fn never_overfills(store: Arc<dyn Store>) {
    let mut calls = JoinSet::new();
    for id in 0..64 {
        let store = Arc::clone(&store);
        calls.spawn(async move { store.reserve("rush", &[id], NOW, NOW + WINDOW).await });
    }
    let mut held = 0;
    for answer in calls.join_all().await {
        match answer {
            Ok(Reservation::Fresh) => held += 1,
            other => full(&other),
        }
    }
    assert_eq!(held, 8, "as many as there is room for");
}

/// An id belongs to its space, however the two are cut.
async fn spaces_are_apart(store: &dyn Store) {
    let pairs: [(&str, &[u8]); 5] =
        [("a", b"bc"), ("ab", b"c"), ("", b"abc"), ("abc", b"\0"), ("", b"\x01abc")];
    for (space, id) in pairs {
        fresh(&store.reserve(space, id, NOW, NOW + WINDOW).await);
    }
    for (space, id) in pairs {
        seen(&store.reserve(space, id, NOW, NOW + WINDOW).await);
    }
}

/// Peers may choose ids: their length is bounded.
async fn lengths_are_bounded(store: &dyn Store) {
    fresh(&store.reserve(&"s".repeat(64), &[1; 128], NOW, NOW + WINDOW).await);
    seen(&store.reserve(&"s".repeat(64), &[1; 128], NOW, NOW + WINDOW).await);
    for (space, id) in [(65, 1), (1, 0), (1, 129)] {
        let answer = store.reserve(&"s".repeat(space), &vec![1; id], NOW, NOW + WINDOW).await;
        assert!(matches!(answer, Err(Error::KeyLength)), "space {space}, id {id}: {answer:?}");
    }
}

/// What was dropped stays refused when the clock goes back to a time at which it was live.
async fn clock_may_go_back(store: &dyn Store) {
    for id in 0..100 {
        fresh(&store.reserve("back", &[id], NOW, NOW + WINDOW).await);
    }
    for id in 100..200 {
        fresh(&store.reserve("back", &[id], NOW + 2 * WINDOW, NOW + 3 * WINDOW).await);
    }
    for id in 0..200 {
        let end = if id < 100 { NOW + WINDOW } else { NOW + 3 * WINDOW };
        not_fresh(&store.reserve("back", &[id], NOW + 1, end).await);
    }
}

#[track_caller]
fn fresh(answer: &Answer) {
    assert!(matches!(answer, Ok(Reservation::Fresh)), "expected fresh, got {answer:?}");
}

#[track_caller]
fn seen(answer: &Answer) {
    assert!(matches!(answer, Ok(Reservation::Seen)), "expected seen, got {answer:?}");
}

#[track_caller]
fn not_fresh(answer: &Answer) {
    assert!(
        matches!(answer, Ok(Reservation::Seen) | Err(Error::Expired)),
        "expected a refusal, got {answer:?}"
    );
}

#[track_caller]
fn full(answer: &Answer) {
    assert!(matches!(answer, Err(Error::Full)), "expected full, got {answer:?}");
}

#[track_caller]
fn expired(answer: &Answer) {
    assert!(matches!(answer, Err(Error::Expired)), "expected expired, got {answer:?}");
}
