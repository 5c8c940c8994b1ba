//! A small cache of results (AT-26). What it holds was verified; nothing in it is a decision.

use crate::{Error, UnixTime};
use std::{
    ops::Add,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The most results that one cache holds. A client talks to few enclaves; a gateway verifies itself alone.
const CAPACITY: usize = 64;

/// How often a cache helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// look-ups that found a result
    pub hits: u64,
    /// look-ups that did not
    pub misses: u64,
}

impl Add for CacheCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { hits: self.hits + other.hits, misses: self.misses + other.misses }
    }
}

/// Results by the SHA-256 of everything that they rest on. The least recently used one gives way to a new one.
pub(crate) struct Cache<V> {
    /// most recently used last; 64 comparisons cost less than a hash table's bookkeeping
    entries: Mutex<Vec<Entry<V>>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

struct Entry<V> {
    key: [u8; 32],
    value: V,
    /// the earliest expiry of what it rests on
    until: UnixTime,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::new(Vec::new()), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The result for `key`, if it has not expired by `at`.
    pub(crate) fn get(&self, key: &[u8; 32], at: UnixTime) -> Option<V> {
        let found = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.iter().position(|entry| entry.key == *key && at <= entry.until).map(|index| {
                let entry = entries.remove(index);
                let value = entry.value.clone();
                entries.push(entry);
                value
            })
        };
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps a result until `until`.
    pub(crate) fn put(&self, key: [u8; 32], value: V, until: UnixTime) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.key != key);
        if entries.len() >= CAPACITY {
            entries.remove(0);
        }
        entries.push(Entry { key, value, until });
    }

    /// The result for `key` if it is known, or else what `verify` finds, which is kept until the time that it has.
    pub(crate) fn get_or_verify(
        &self,
        key: [u8; 32],
        at: UnixTime,
        verify: impl FnOnce() -> Result<V, Error>,
        until: impl FnOnce(&V) -> UnixTime,
    ) -> Result<V, Error> {
        if let Some(known) = self.get(&key, at) {
            return Ok(known);
        }
        let found = verify()?;
        let until = until(&found);
        // What is over already would only take the place of something else.
        if at <= until {
            self.put(key, found.clone(), until);
        }
        Ok(found)
    }

    pub(crate) fn counts(&self) -> CacheCounts {
        CacheCounts { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed) }
    }
}
