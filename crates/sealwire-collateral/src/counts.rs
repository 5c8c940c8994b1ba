use std::sync::atomic::{AtomicU64, Ordering};

/// What has happened since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// uses of an item that was at hand, and as new as it should be
    pub hits: u64,
    /// uses of an item that was not, so that it had to be fetched
    pub misses: u64,
    /// items that were renewed, or found to be the latest
    pub refreshes: u64,
    /// fetches that failed
    pub failures: u64,
    /// uses of an item within the grace period: its vendor should have been asked again, and could not be
    pub stale: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) refreshes: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) stale: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            refreshes: read(&self.refreshes),
            failures: read(&self.failures),
            stale: read(&self.stale),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
