use std::fmt;

use crate::table::Table;
use crate::{Error, Reservation};

/// The replay register of one key: ids of 16 bytes, in memory, gone with the key (OB-60, OB-61).
///
/// Bounded: when `capacity` live ids are held, new ones are refused, and none is evicted. A full register takes
/// about 33 bytes of memory for each id. No call waits for more than another call's short critical section, so it
/// may be used from asynchronous code.
pub struct Register {
    seen: Table<[u8; 16]>,
}

impl Register {
    /// A register of at most `capacity` ids: what the window and the highest rate multiply to.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { seen: Table::new(capacity) }
    }

    /// Reserves `id` from `now` until `expires`, exclusive; both in milliseconds since the Unix epoch.
    /// [`FOREVER`](crate::FOREVER) as `expires` means the key's whole life.
    ///
    /// # Errors
    /// [`Error::Full`] when no more ids can be held; [`Error::Expired`] when `expires` is not after `now`, or not
    /// after the end of an id that the register has forgotten.
    pub fn reserve(&self, id: [u8; 16], now: u64, expires: u64) -> Result<Reservation, Error> {
        self.seen.reserve(id, now, expires)
    }

    /// How many ids are held, those included that are over and were not dropped yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether no id is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many ids can be held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.seen.capacity()
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("len", &self.len()).field("capacity", &self.capacity()).finish()
    }
}
