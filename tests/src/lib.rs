//! What the cross-crate tests share: programs that run, real sockets to drive them over, and messages made by hand.
//!
//! The tests are grouped by wire under `tests/`. Helpers panic where a test would; nothing here is for anything else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod app;
pub mod chain;
pub mod document;
pub mod fake;
pub mod message;
pub mod metrics;
pub mod narrow;
pub mod peers;
pub mod proxy;
pub mod raw;
pub mod redis;
pub mod stage;
pub mod swtpm;
pub mod tap;
pub mod tee;
pub mod upstream;
pub mod vectors;

pub use app::App;
pub use stage::Stage;

use std::{future::Future, time::Duration};

/// What a test waits for at most. Nothing here takes a second on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Awaits `future`, and fails the test where it takes longer than [`PATIENCE`].
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Asks again until `holds` says yes.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    within(what, asking).await;
}
