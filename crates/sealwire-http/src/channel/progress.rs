use super::Fault;
use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::{Notify, futures::Notified};

/// What is known of a stream that somebody else has.
#[derive(Default)]
pub(crate) struct Progress {
    fault: OnceLock<Fault>,
    over: AtomicBool,
    asked: Notify,
}

impl Progress {
    /// What went wrong, if anything did.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.fault.get().map_or(Ok(()), |fault| Err(*fault))
    }

    /// Whether the other side closed its direction before it said anything, by its keys.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(super) fn over(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Waits, from the moment of this call on, for the owner of the stream to want to read. It has then understood what
    /// came before.
    pub(crate) fn asked_again(&self) -> Notified<'_> {
        // `notify_waiters` wakes whatever was made before it, polled or not.
        self.asked.notified()
    }

    /// The owner of the stream wants to read.
    pub(super) fn asked(&self) {
        self.asked.notify_waiters();
    }

    /// Keeps the first fault; says whether it was.
    pub(super) fn fail(&self, fault: Fault) -> bool {
        self.fault.set(fault).is_ok()
    }
}
