//! Connections that were taken over from the listener: how many at once, and how they end when the server does.

use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::TaskTracker,
};

/// Channels, and what is passed on to other instances, of one server and all its configurations.
pub struct Tunnels {
    slots: Arc<Semaphore>,
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
