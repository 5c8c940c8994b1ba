//! Time for the layers; tests bring their own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> SystemTime;

    /// Milliseconds since 1970; 0 before.
    fn unix_millis(&self) -> u64 {
        u64::try_from(since_epoch(self.now()).as_millis()).unwrap_or(u64::MAX)
    }

    /// Seconds since 1970; 0 before.
    fn unix_seconds(&self) -> u64 {
        since_epoch(self.now()).as_secs()
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
