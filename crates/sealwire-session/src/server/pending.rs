//! Handshakes that await the client's authentication (SE-11, SE-13).

use super::{
    ClientPresented, ExpectClientFinish,
    slots::{BUSY_WITHIN, Slots},
};
use crate::{Error, Limits, message::ClientFinish};
use std::sync::{Arc, Mutex, PoisonError};

/// Handshakes whose flight is sent and whose client has yet to show who it is. Bounded: the oldest goes first.
pub struct Pending {
    limit: usize,
    retry_from: usize,
    slots: Mutex<Slots<Awaited>>,
}

struct Awaited {
    /// when the flight was sent, Unix milliseconds
    since: u64,
    /// taken out by the one message that opens; the lock is this handshake's own: what is tried on it holds up no other
    handshake: Arc<Mutex<Option<Box<ExpectClientFinish>>>>,
}

impl Pending {
    /// As many as there may be half-open sessions.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let Limits { half_open, retry_from, .. } = *limits;
        Self { limit: half_open.max(1), retry_from, slots: Mutex::new(Slots::new()) }
    }

    /// Keeps a handshake whose flight is sent at `now`, in Unix milliseconds.
    pub fn insert(&self, expect: Box<ExpectClientFinish>, now: u64) {
        let id = expect.id();
        let awaited = Awaited { since: now, handshake: Arc::new(Mutex::new(Some(expect))) };
        let _evicted = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let oldest = if slots.len() >= self.limit { slots.pop() } else { None };
            slots.insert(id, awaited);
            oldest
        };
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether hellos should be answered with a retry (SE-13), as [`Table::is_busy`](super::Table::is_busy).
    #[must_use]
    pub fn is_busy(&self, now: u64) -> bool {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.are_many(self.retry_from, |awaited| now.saturating_sub(awaited.since) < BUSY_WITHIN)
    }

    /// Takes a client's finish: the first that opens goes on, and none after it.
    ///
    /// # Errors
    /// [`Error::UnknownSession`], and those of [`ExpectClientFinish::receive`]. The handshake is as it was.
    pub fn receive(&self, message: &[u8]) -> Result<ClientPresented, Error> {
        let id = ClientFinish::decode(message)?.session;
        let awaited = {
            let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.get(&id).map(|awaited| Arc::clone(&awaited.handshake)).ok_or(Error::UnknownSession)?
        };
        let mut awaited = awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let received = awaited.as_ref().ok_or(Error::UnknownSession)?.receive(message)?;
        let expect = awaited.take().ok_or(Error::UnknownSession)?;
        drop(awaited);
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok(expect.presented(received))
    }
}
