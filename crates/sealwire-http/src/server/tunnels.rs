//! Connections that were taken over from the listener: how many at once, and how they end when the server does.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::TaskTracker,
};

/// Channels that are being opened, at once. Whoever opens one has proven nothing yet, so these displace no others than each
/// other, the oldest first: an opening that takes a round trip is over before so many have come behind it.
const OPENINGS: usize = 1024;

/// Channels, and what is passed on to other instances, of one server and all its configurations.
pub struct Tunnels {
    slots: Arc<Semaphore>,
    openings: Arc<Openings>,
    tasks: TaskTracker,
    draining: CancellationToken,
    cut: CancellationToken,
}

/// Counts one of them until it is dropped.
pub struct Slot(#[allow(dead_code, reason = "held, never read")] OwnedSemaphorePermit);

impl Tunnels {
    /// None so far, and at most so many at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS))),
            openings: Arc::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }

    /// Room for one more; none above the limit, and none once they are drained.
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        if self.draining.is_cancelled() {
            return None;
        }
        Arc::clone(&self.slots).try_acquire_owned().ok().map(Slot)
    }

    /// A place for one that is being opened, which takes no room until it is; none where there is no room now.
    #[must_use]
    pub fn opening(&self) -> Option<Opening> {
        let has_room = !self.draining.is_cancelled() && self.slots.available_permits() > 0;
        has_room.then(|| self.openings.begin())
    }

    /// Runs one, until it ends or all are cut.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            let _ = cut.run_until_cancelled_owned(task).await;
        });
    }

    /// Ready once they are to come to their end.
    pub fn draining(&self) -> WaitForCancellationFuture<'_> {
        self.draining.cancelled()
    }

    /// Asks all to come to their end, and cuts what has not after `patience`.
    pub async fn drain(&self, patience: Duration) {
        self.draining.cancel();
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::info!(open = self.tasks.len(), "drain time is over: channels are cut");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }

    /// Cuts all, now.
    pub fn cut(&self) {
        self.draining.cancel();
        self.cut.cancel();
    }
}

/// What is being opened, in the order in which it came.
#[derive(Default)]
struct Openings(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    next: u64,
    waiting: BTreeMap<u64, CancellationToken>,
}

impl Openings {
    fn begin(self: &Arc<Self>) -> Opening {
        let mut queue = self.lock();
        while queue.waiting.len() >= OPENINGS {
            let Some((_, oldest)) = queue.waiting.pop_first() else { break };
            oldest.cancel();
        }
        let (number, displaced) = (queue.next, CancellationToken::new());
        queue.next = number.wrapping_add(1);
        queue.waiting.insert(number, displaced.clone());
        Opening { number, displaced, of: Arc::clone(self) }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that is being opened. It gives its place back when it is dropped.
pub struct Opening {
    number: u64,
    displaced: CancellationToken,
    of: Arc<Openings>,
}

impl Opening {
    /// Runs the opening; `None` if others have displaced it.
    pub async fn run<T>(self, opening: impl Future<Output = T>) -> Option<T> {
        self.displaced.run_until_cancelled(opening).await
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.of.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    // SE-13, SE-37: a flood of openings displaces the oldest of them, never a channel, and leaves nothing behind.
    #[tokio::test]
    async fn openings_displace_each_other() {
        let tunnels = Tunnels::new(2);
        let open = tunnels.slot().unwrap();
        let first = tunnels.opening().unwrap();
        let flood: Vec<_> = (1..OPENINGS).map(|_| tunnels.opening().unwrap()).collect();
        assert!(!first.displaced.is_cancelled());
        let last = tunnels.opening().unwrap();
        assert_eq!(first.run(pending::<()>()).await, None);
        assert_eq!(last.run(ready(7)).await, Some(7));
        let other = tunnels.slot().unwrap();
        assert!(tunnels.slot().is_none() && tunnels.opening().is_none(), "what is open stays");
        drop((flood, open, other));
        assert!(tunnels.openings.lock().waiting.is_empty());
        tunnels.cut();
        assert!(tunnels.opening().is_none());
    }
}
