//! A store in memory: for one process, and for what may be forgotten when it ends.

use std::fmt;

use crate::key::key;
use crate::table::Table;
use crate::{BoxFuture, Error, Reservation, Store};

/// A [`Store`] that lives as long as the process.
pub struct MemoryStore {
    reservations: Table<Box<[u8]>>,
}

impl MemoryStore {
    /// A store of at most `capacity` live reservations, over all spaces.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { reservations: Table::new(capacity) }
    }

    /// How many reservations are held, those included that are over and were not dropped yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reservations.len()
    }

    /// Whether no reservation is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store for MemoryStore {
    fn reserve<'a>(
        &'a self,
        space: &'a str,
        id: &'a [u8],
        now: u64,
        expires: u64,
    ) -> BoxFuture<'a, Result<Reservation, Error>> {
        Box::pin(async move { self.reservations.reserve(key(space, id)?, now, expires) })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("capacity", &self.reservations.capacity())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::conformance;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn conforms() {
        conformance::suite(async |capacity| Arc::new(MemoryStore::new(capacity)) as Arc<dyn Store>).await;
    }
}
