//! The task that renews before half-life (AT-41), off the request path.

use super::{
    channel::Errand,
    keeper::{Cause, Keeper, Renewal},
};
use std::{sync::Arc, time::Duration};
use tokio::task::AbortHandle;

/// The clock is looked at this often, however far the next renewal: it may be set, and the machine may sleep.
const LOOK: Duration = Duration::from_secs(60);
/// Least time between two renewals, however short documents live.
const LEAST: Duration = Duration::from_secs(1);
/// Pause after a first failure; it doubles, up to [`LOOK`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Stops the task when dropped.
pub(crate) struct Refresher(AbortHandle);

impl Refresher {
    /// Starts it on the current runtime.
    pub(crate) fn spawn(keeper: Arc<Keeper>) -> Self {
        Self(tokio::spawn(run(keeper)).abort_handle())
    }
}

impl Drop for Refresher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(keeper: Arc<Keeper>) {
    let mut failures = 0u32;
    loop {
        let state = keeper.state();
        let wait = if failures > 0 || state.refused.is_some() {
            pause(failures)
        } else {
            let now = keeper.appraiser().clock().now();
            state.pin.renew_at.duration_since(now).unwrap_or_default().max(LEAST)
        };
        tokio::select! {
            () = keeper.changed.notified() => {
                failures = 0;
                continue;
            }
            () = tokio::time::sleep(wait.min(LOOK)) => {}
        }
        if wait > LOOK {
            continue;
        }
        failures = match keeper.renew(&state.pin, Cause::Schedule, &mut Errand::default()).await {
            Renewal::Fresh(_) => 0,
            Renewal::NotNow | Renewal::Failed(_) => failures.saturating_add(1),
        };
    }
}

fn pause(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute() {
        let seconds: Vec<u64> = (0..8).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(seconds, [2, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pause(u32::MAX), LOOK);
    }
}
