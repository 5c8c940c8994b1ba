//! What is found by its session id, in the order in which it was last used.

use crate::SessionId;
use std::collections::{BTreeMap, HashMap};

/// Half-open sessions that are older, in milliseconds, say nothing about the load of now.
pub(super) const BUSY_WITHIN: u64 = 60_000;

/// A map that knows which of its values was used the longest ago.
pub(super) struct Slots<V> {
    found: HashMap<SessionId, (u64, V)>,
    /// by a count that goes up with every use
    order: BTreeMap<u64, SessionId>,
    uses: u64,
}

impl<V> Slots<V> {
    pub(super) fn new() -> Self {
        Self { found: HashMap::new(), order: BTreeMap::new(), uses: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    pub(super) fn get(&self, id: &SessionId) -> Option<&V> {
        self.found.get(id).map(|(_, value)| value)
    }

    /// Puts a value in, as the one used last; what stood there goes.
    pub(super) fn insert(&mut self, id: SessionId, value: V) -> Option<V> {
        let before = self.remove(&id);
        let use_ = self.used(id);
        self.found.insert(id, (use_, value));
        before
    }

    /// Says that a value was used; nothing where there is none.
    pub(super) fn touch(&mut self, id: &SessionId) {
        let Some((before, _)) = self.found.get(id) else { return };
        self.order.remove(before);
        let use_ = self.used(*id);
        if let Some((last, _)) = self.found.get_mut(id) {
            *last = use_;
        }
    }

    pub(super) fn remove(&mut self, id: &SessionId) -> Option<V> {
        let (use_, value) = self.found.remove(id)?;
        self.order.remove(&use_);
        Some(value)
    }

    /// Takes out the one that was used the longest ago.
    pub(super) fn pop(&mut self) -> Option<V> {
        let (_, id) = self.order.pop_first()?;
        self.found.remove(&id).map(|(_, value)| value)
    }

    /// Whether there are `count`, of which the earliest is still `recent`, beginning with the one used last.
    pub(super) fn are_many(&self, count: usize, recent: impl FnOnce(&V) -> bool) -> bool {
        let Some(before) = count.checked_sub(1) else { return true };
        self.order.values().rev().nth(before).and_then(|id| self.get(id)).is_some_and(recent)
    }

    /// Takes out all that `chosen` names.
    pub(super) fn take_if(&mut self, mut chosen: impl FnMut(&V) -> bool) -> Vec<V> {
        let ids: Vec<_> =
            self.found.iter().filter(|(_, (_, value))| chosen(value)).map(|(id, _)| *id).collect();
        ids.iter().filter_map(|id| self.remove(id)).collect()
    }

    fn used(&mut self, id: SessionId) -> u64 {
        // One use for each nanosecond of five centuries.
        self.uses = self.uses.wrapping_add(1);
        self.order.insert(self.uses, id);
        self.uses
    }
}
