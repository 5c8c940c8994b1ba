//! The ids that one connection has in use (TU-26, TU-27). There is one such table for each connection, so that an id of
//! another connection is not there.

use crate::Id;
use std::collections::{HashMap, hash_map::Entry};

/// Why an id is not taken into use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// TU-26: it is in use on this connection
    #[error("the id is in use")]
    InUse,
    /// TU-27: so many are, that there is no more room
    #[error("too many at once")]
    Full,
}

/// What is known of each id in use.
#[derive(Debug)]
pub struct Live<T> {
    entries: HashMap<Id, T>,
    at_most: usize,
}

impl<T> Live<T> {
    /// None, and at most so many.
    #[must_use]
    pub fn new(at_most: usize) -> Self {
        Self { entries: HashMap::new(), at_most }
    }

    /// Takes an id into use.
    ///
    /// # Errors
    /// [`Refused`]; what was there stays as it is.
    pub fn begin(&mut self, id: Id, entry: T) -> Result<(), Refused> {
        let is_full = self.entries.len() >= self.at_most;
        match self.entries.entry(id) {
            Entry::Occupied(_) => Err(Refused::InUse),
            Entry::Vacant(_) if is_full => Err(Refused::Full),
            Entry::Vacant(place) => {
                place.insert(entry);
                Ok(())
            }
        }
    }

    /// What is known of an id.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&T> {
        self.entries.get(id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: &Id) -> Option<&mut T> {
        self.entries.get_mut(id)
    }

    /// The id is no longer in use.
    pub fn end(&mut self, id: &Id) -> Option<T> {
        self.entries.remove(id)
    }

    /// Everything that was in use.
    pub fn drain(&mut self) -> impl Iterator<Item = (Id, T)> {
        self.entries.drain()
    }

    /// How many are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    // TU-26: a second opening of a live id does not touch the first; two connections do not meet.
    #[test]
    fn a_live_id_stays_as_it_is() {
        let (mut one, mut other) = (Live::new(8), Live::new(8));
        one.begin(id("a"), 1).unwrap();
        assert_eq!(one.begin(id("a"), 2), Err(Refused::InUse));
        assert_eq!(one.get(&id("a")), Some(&1));
        other.begin(id("a"), 3).unwrap();
        assert_eq!(other.end(&id("a")), Some(3));
        assert_eq!(one.end(&id("a")), Some(1));
        assert_eq!(one.begin(id("a"), 4), Ok(()));
    }

    // TU-27
    #[test]
    fn the_number_is_bounded() {
        let mut live = Live::new(2);
        live.begin(id("a"), ()).unwrap();
        live.begin(id("b"), ()).unwrap();
        assert_eq!(live.begin(id("c"), ()), Err(Refused::Full));
        assert_eq!(live.begin(id("a"), ()), Err(Refused::InUse));
        live.end(&id("a"));
        assert_eq!(live.begin(id("c"), ()), Ok(()));
    }
}
