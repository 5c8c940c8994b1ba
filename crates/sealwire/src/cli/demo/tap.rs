//! What the relay saw.

use sealwire::relay::Tap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes each way that are kept to be searched and shown; counts go on.
const KEPT: usize = 8 << 20;

/// What passed the relay.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// towards the gateway; of one exchange, its whole sealed request
    pub(super) requests: Vec<u8>,
    /// towards the client
    pub(super) answers: Vec<u8>,
    /// bytes towards the gateway
    pub(super) up: u64,
    /// bytes towards the client
    pub(super) down: u64,
}

impl Traffic {
    /// The first of `needles` that is in anything that passed.
    pub(super) fn find<'a>(&self, needles: &[&'a str]) -> Option<&'a str> {
        let has =
            |hay: &[u8], needle: &str| hay.windows(needle.len()).any(|window| window == needle.as_bytes());
        needles.iter().copied().find(|needle| has(&self.requests, needle) || has(&self.answers, needle))
    }

    /// Hex of a sealed request's beginning: its header and what follows.
    pub(super) fn excerpt(&self) -> String {
        format!("{}…", hex::encode(self.requests.get(..24).unwrap_or(&self.requests)))
    }
}

/// The relay writes, the demo reads.
#[derive(Default)]
pub(super) struct Seen(Mutex<Traffic>);

impl Seen {
    /// What passed since the last time.
    pub(super) fn take(&self) -> Traffic {
        std::mem::take(&mut self.traffic())
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(kept: &mut Vec<u8>, slice: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(slice.get(..room).unwrap_or(slice));
}

impl Tap for Seen {
    fn request(&self, slice: &[u8]) {
        let mut traffic = self.traffic();
        traffic.up += slice.len() as u64;
        keep(&mut traffic.requests, slice);
    }

    fn response(&self, slice: &[u8]) {
        let mut traffic = self.traffic();
        traffic.down += slice.len() as u64;
        keep(&mut traffic.answers, slice);
    }
}
