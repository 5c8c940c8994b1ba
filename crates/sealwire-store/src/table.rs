//! The table under the register and the memory store: keys with a deadline, in shards.
//!
//! Many small hash maps rather than one. A map rehashes all at once when it grows, and one of a million entries
//! would hold every request for tens of milliseconds; a shard of a few thousand does it in microseconds. For the
//! same reason there is no thread that scans: each shard is swept by the calls that touch it.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::{Error, Reservation};

/// Entries per shard when the table is full. A little under what a hash map of 4096 slots takes before it grows,
/// so that the memory of a full table is well used.
const PER_SHARD: usize = 3072;
/// More shards than this cost memory and gain nothing.
const MAX_SHARDS: usize = 1 << 16;
/// Entries that earn a millisecond of rest when a sweep has visited them. A sweep visits the whole shard; without
/// rest a busy table, in which something ends at every moment, would sweep at every call. A full shard
/// rests for three quarters of a second, a small table hardly at all.
const VISITED_PER_REST: usize = 4;
/// Shards that one call sweeps at most when the table is full, which bounds how long it takes.
const PRESSED: usize = 8;

#[derive(Debug)]
pub(crate) struct Table<K> {
    shards: Box<[Mutex<Shard<K>>]>,
    /// Picks the shard. Its own keys: bits that were used to pick the shard would be equal within it.
    picker: RandomState,
    entries: AtomicUsize,
    capacity: usize,
    /// The next shard to sweep when the table is full.
    cursor: AtomicUsize,
}

#[derive(Debug)]
struct Shard<K> {
    deadlines: HashMap<K, u64>,
    /// No deadline in the shard is before this.
    earliest: u64,
    /// Not swept again before this.
    rest_until: u64,
    /// The latest deadline of anything that was dropped.
    forgotten: u64,
}

impl<K: Hash + Eq> Table<K> {
    pub(crate) fn new(capacity: usize) -> Self {
        let shards = capacity.div_ceil(PER_SHARD).clamp(1, MAX_SHARDS);
        Self {
            shards: (0..shards).map(|_| Mutex::new(Shard::new())).collect(),
            picker: RandomState::new(),
            entries: AtomicUsize::new(0),
            capacity,
            cursor: AtomicUsize::new(0),
        }
    }

    /// Entries held, those included that are over and not swept yet.
    pub(crate) fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn reserve(&self, key: K, now: u64, expires: u64) -> Result<Reservation, Error> {
        if expires <= now {
            return Err(Error::Expired);
        }
        let mut shard = self.shard(&key).ok_or(Error::Unavailable)?;
        self.sweep(&mut shard, now);
        if let Some(&deadline) = shard.deadlines.get(&key) {
            if now < deadline {
                return Ok(Reservation::Seen);
            }
            // Over but not swept yet: the id keeps its place.
            shard.forgotten = shard.forgotten.max(deadline);
            shard.insert(key, expires);
            return Ok(Reservation::Fresh);
        }
        if expires <= shard.forgotten {
            return Err(Error::Expired);
        }
        if !self.take_place() && !self.make_place(now) {
            return Err(Error::Full);
        }
        shard.insert(key, expires);
        Ok(Reservation::Fresh)
    }

    fn shard(&self, key: &K) -> Option<MutexGuard<'_, Shard<K>>> {
        // The upper half of the hash, scaled to the number of shards.
        let half = self.picker.hash_one(key) >> 32;
        let index = (half * self.shards.len() as u64) >> 32;
        let shard = self.shards.get(usize::try_from(index).ok()?)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sweep(&self, shard: &mut Shard<K>, now: u64) {
        let dropped = shard.sweep(now);
        self.entries.fetch_sub(dropped, Ordering::Relaxed);
    }

    fn take_place(&self) -> bool {
        let next = |entries| (entries < self.capacity).then(|| entries + 1);
        self.entries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// Sweeps other shards until there is a place, a bounded number at most. They are only tried, never waited for: the
    /// caller holds the lock of its own.
    fn make_place(&self, now: u64) -> bool {
        for _ in 0..PRESSED.min(self.shards.len()) {
            let index = self.cursor.fetch_add(1, Ordering::Relaxed) % self.shards.len();
            let other = match self.shards.get(index).map(Mutex::try_lock) {
                Some(Ok(other)) => Some(other),
                Some(Err(TryLockError::Poisoned(poisoned))) => Some(poisoned.into_inner()),
                Some(Err(TryLockError::WouldBlock)) | None => None,
            };
            if let Some(mut other) = other {
                self.sweep(&mut other, now);
                if self.take_place() {
                    return true;
                }
            }
        }
        false
    }
}

impl<K: Hash + Eq> Shard<K> {
    fn new() -> Self {
        Self { deadlines: HashMap::new(), earliest: u64::MAX, rest_until: 0, forgotten: 0 }
    }

    fn insert(&mut self, key: K, expires: u64) {
        let held = self.deadlines.len();
        if held == self.deadlines.capacity() {
            // Left to itself the map would double also when its room went to the marks of removed entries.
            let mut roomy = HashMap::with_capacity(held + held / 8 + 1);
            roomy.extend(self.deadlines.drain());
            self.deadlines = roomy;
        }
        self.earliest = self.earliest.min(expires);
        self.deadlines.insert(key, expires);
    }

    /// Drops what is over at `now`; returns how many that were.
    fn sweep(&mut self, now: u64) -> usize {
        if now < self.earliest || now < self.rest_until {
            return 0;
        }
        let visited = self.deadlines.len();
        let mut earliest = u64::MAX;
        let mut forgotten = self.forgotten;
        self.deadlines.retain(|_, &mut deadline| {
            let live = now < deadline;
            if live {
                earliest = earliest.min(deadline);
            } else {
                forgotten = forgotten.max(deadline);
            }
            live
        });
        self.earliest = earliest;
        self.forgotten = forgotten;
        self.rest_until = now.saturating_add((visited / VISITED_PER_REST) as u64);
        let left = self.deadlines.len();
        // Give back what a burst took.
        if left < self.deadlines.capacity() / 8 {
            self.deadlines.shrink_to(left * 2);
        }
        visited - left
    }
}
