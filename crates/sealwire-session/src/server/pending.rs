//! Handshakes that await the client's authentication (SE-11, SE-13).

use super::{ClientPresented, ExpectClientFinish, slots::Slots};
use crate::{Error, Limits, message::ClientFinish};
use std::sync::{Arc, Mutex, PoisonError};

/// Handshakes whose flight is sent and whose client has yet to show who it is, each with what the caller knows of it.
/// Bounded: the oldest goes first.
pub struct Pending<D> {
    limit: usize,
    slots: Mutex<Slots<Awaited<D>>>,
}

/// Taken out by the one message that opens. The lock is this handshake's own: what is tried on it holds up no other.
type Awaited<D> = Arc<Mutex<Option<(Box<ExpectClientFinish>, D)>>>;

impl<D> Pending<D> {
    /// As many as there may be half-open sessions.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { limit: limits.half_open.max(1), slots: Mutex::new(Slots::new()) }
    }

    /// Keeps a handshake.
    pub fn insert(&self, expect: Box<ExpectClientFinish>, data: D) {
        let id = expect.id();
        let awaited = Arc::new(Mutex::new(Some((expect, data))));
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

    /// Takes a client's finish: the first that opens goes on, and none after it.
    ///
    /// # Errors
    /// [`Error::UnknownSession`], and those of [`ExpectClientFinish::receive`]. The handshake is as it was.
    pub fn receive(&self, message: &[u8]) -> Result<(ClientPresented, D), Error> {
        let id = ClientFinish::decode(message)?.session;
        let awaited = self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(&id).map(Arc::clone);
        let awaited = awaited.ok_or(Error::UnknownSession)?;
        let mut awaited = awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let (expect, _) = awaited.as_ref().ok_or(Error::UnknownSession)?;
        let received = expect.receive(message)?;
        let (expect, data) = awaited.take().ok_or(Error::UnknownSession)?;
        drop(awaited);
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok((expect.presented(received), data))
    }
}
