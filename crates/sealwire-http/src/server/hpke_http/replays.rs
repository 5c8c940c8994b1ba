use sealwire_hpke_http::server::Reservation as Wanted;
use sealwire_store::{Error, Register, Reservation, Store};
use std::sync::Arc;

/// The space of this wire in a store. An id covers the whole header of its request, the key's id in it.
const SPACE: &str = "hpke-http/3";

/// What stops repeats (HH-16).
pub struct Replays(Kind);

enum Kind {
    Memory(Register),
    Store(Arc<dyn Store>),
}

impl Replays {
    /// For a key that was made at start: it lives in the same memory as the key, and dies with it. At most `capacity`
    /// requests are remembered.
    #[must_use]
    pub fn in_memory(capacity: usize) -> Self {
        Self(Kind::Memory(Register::new(capacity)))
    }

    /// For a key that outlives the process: reservations are durable before a request goes on.
    #[must_use]
    pub fn stored(store: Arc<dyn Store>) -> Self {
        Self(Kind::Store(store))
    }

    pub(super) fn remembered(&self) -> usize {
        match &self.0 {
            Kind::Memory(register) => register.len(),
            Kind::Store(_) => 0,
        }
    }

    /// Reserves; `now` is in Unix milliseconds.
    pub(super) async fn reserve(&self, wanted: Wanted, now: u64) -> Result<Reservation, Error> {
        self.reserve_in(SPACE, &wanted.id, now, wanted.deadline.saturating_mul(1000)).await
    }

    /// The same in another space; `expires` is in Unix milliseconds, too.
    pub(super) async fn reserve_in(
        &self,
        space: &str,
        id: &[u8; 32],
        now: u64,
        expires: u64,
    ) -> Result<Reservation, Error> {
        match &self.0 {
            // Half of a SHA-256: who finds two requests of one id has only made both himself.
            Kind::Memory(register) => {
                let id = id.first_chunk().ok_or(Error::KeyLength)?;
                register.reserve(*id, now, expires)
            }
            Kind::Store(store) => store.reserve(space, id, now, expires).await,
        }
    }
}
