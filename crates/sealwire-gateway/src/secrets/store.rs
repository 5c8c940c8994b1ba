//! The secrets of an instance: in its memory alone, and wiped when they go (SE-20 (d)).

use super::rules::Rules;
use sealwire_http::session::secret::{MAX_SECRET, Name};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use zeroize::Zeroizing;

/// How many there may be.
const MAX_SECRETS: usize = 1_024;
/// Bytes of all of them.
const MAX_BYTES: usize = 16 << 20;

/// One version of a secret.
pub(super) struct Secret {
    pub(super) version: u64,
    bytes: Zeroizing<Vec<u8>>,
}

impl Secret {
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes, so that an answer can have them without a copy.
impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What has to be there for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    Version(u64),
}

impl Before {
    /// As an operator signs it.
    pub(super) fn version(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Version(version) => version,
        }
    }
}

/// Why a write is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotWritten {
    /// another version is there, or none
    Other(Option<u64>),
    /// there are as many secrets, or bytes of them, as there may be
    Full,
    /// [`Retired`]
    Retired,
}

/// The configuration was replaced, and what was here with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Retired;

/// The secrets under one configuration.
pub(super) struct Store(Mutex<Option<Held>>);

/// What a store holds, and hands over to the next.
#[derive(Default)]
pub(super) struct Held {
    secrets: BTreeMap<Name, Arc<Secret>>,
    bytes: usize,
    /// the last version that was given to any
    last: u64,
}

impl Store {
    pub(super) fn new(held: Held) -> Self {
        Self(Mutex::new(Some(held)))
    }

    pub(super) fn get(&self, name: &Name) -> Result<Option<Arc<Secret>>, Retired> {
        Ok(self.held().as_ref().ok_or(Retired)?.secrets.get(name).cloned())
    }

    /// Every name that has a secret.
    pub(super) fn all(&self) -> Vec<(Name, Arc<Secret>)> {
        let held = self.held();
        let all = held.iter().flat_map(|held| &held.secrets);
        all.map(|(name, secret)| (name.clone(), secret.clone())).collect()
    }

    /// The version that a secret of `len` bytes would get.
    pub(super) fn next(&self, name: &Name, before: Before, len: usize) -> Result<u64, NotWritten> {
        self.held().as_ref().ok_or(NotWritten::Retired)?.next(name, before, len)
    }

    /// Puts a secret in the place of what is there.
    pub(super) fn put(
        &self,
        name: Name,
        before: Before,
        bytes: Zeroizing<Vec<u8>>,
    ) -> Result<u64, NotWritten> {
        let mut held = self.held();
        let held = held.as_mut().ok_or(NotWritten::Retired)?;
        let version = held.next(&name, before, bytes.len())?;
        held.bytes = held.bytes.saturating_add(bytes.len());
        held.last = version;
        if let Some(old) = held.secrets.insert(name, Arc::new(Secret { version, bytes })) {
            held.bytes = held.bytes.saturating_sub(old.size());
        }
        Ok(version)
    }

    /// Whether `version` is there to be deleted.
    pub(super) fn is_there(&self, name: &Name, version: u64) -> Result<(), NotWritten> {
        self.held().as_ref().ok_or(NotWritten::Retired)?.expect(name, Before::Version(version)).map(drop)
    }

    /// Forgets a secret.
    pub(super) fn delete(&self, name: &Name, version: u64) -> Result<(), NotWritten> {
        let mut held = self.held();
        let held = held.as_mut().ok_or(NotWritten::Retired)?;
        held.expect(name, Before::Version(version))?;
        if let Some(old) = held.secrets.remove(name) {
            held.bytes = held.bytes.saturating_sub(old.size());
        }
        Ok(())
    }

    /// Takes everything out, for good: nothing is read or written here any more. What is kept is what `old` and `new`
    /// rules agree on.
    pub(super) fn retire(&self, old: &Rules, new: Option<&Rules>) -> Held {
        let Some(mut held) = self.held().take() else { return Held::default() };
        held.secrets.retain(|name, _| new.is_some_and(|new| new.agree_on(name, old)));
        held.bytes = held.secrets.values().map(|secret| secret.size()).sum();
        held
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// The secret that is there, if it is what is expected.
    fn expect(&self, name: &Name, before: Before) -> Result<Option<&Arc<Secret>>, NotWritten> {
        let there = self.secrets.get(name);
        let expected = match before {
            Before::Nothing => None,
            Before::Version(version) => Some(version),
        };
        let found = there.map(|secret| secret.version);
        if found == expected { Ok(there) } else { Err(NotWritten::Other(found)) }
    }

    fn next(&self, name: &Name, before: Before, len: usize) -> Result<u64, NotWritten> {
        let there = self.expect(name, before)?;
        let others = self.bytes.saturating_sub(there.map_or(0, |secret| secret.size()));
        let is_one_more = there.is_none();
        if len > MAX_SECRET
            || others.saturating_add(len) > MAX_BYTES
            || (is_one_more && self.secrets.len() >= MAX_SECRETS)
        {
            return Err(NotWritten::Full);
        }
        Ok(self.last.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn put(store: &Store, text: &str, before: Before, bytes: &[u8]) -> Result<u64, NotWritten> {
        let put = store.put(name(text), before, Zeroizing::new(bytes.to_vec()));
        if let Ok(version) = put {
            let secret = store.get(&name(text)).unwrap().unwrap();
            assert_eq!((secret.version, secret.as_ref().as_ref()), (version, bytes));
        }
        put
    }

    // SE-20 (d)
    #[test]
    fn a_write_says_what_it_replaces() {
        let store = Store::new(Held::default());
        assert_eq!(put(&store, "a", Before::Version(1), b"x"), Err(NotWritten::Other(None)));
        assert_eq!(put(&store, "a", Before::Nothing, b"x"), Ok(1));
        assert_eq!(put(&store, "a", Before::Nothing, b"y"), Err(NotWritten::Other(Some(1))));
        assert_eq!(put(&store, "a", Before::Version(2), b"y"), Err(NotWritten::Other(Some(1))));
        assert_eq!(put(&store, "b", Before::Nothing, b"x"), Ok(2));
        assert_eq!(put(&store, "a", Before::Version(1), b"y"), Ok(3));
        assert_eq!(store.delete(&name("a"), 1), Err(NotWritten::Other(Some(3))));
        assert_eq!(store.delete(&name("a"), 3), Ok(()));
        assert!(store.get(&name("a")).unwrap().is_none());
        assert_eq!(put(&store, "a", Before::Version(3), b"z"), Err(NotWritten::Other(None)));
        assert_eq!(put(&store, "a", Before::Nothing, b"z"), Ok(4), "no version comes twice");
    }

    // SE-20 (d)
    #[test]
    fn there_is_so_much_room() {
        let store = Store::new(Held::default());
        for number in 0..MAX_SECRETS {
            put(&store, &number.to_string(), Before::Nothing, b"x").unwrap();
        }
        assert_eq!(put(&store, "more", Before::Nothing, b"x"), Err(NotWritten::Full));
        put(&store, "0", Before::Version(1), b"y").unwrap();
        store.delete(&name("1"), 2).unwrap();
        put(&store, "more", Before::Nothing, b"x").unwrap();

        let store = Store::new(Held::default());
        assert_eq!(put(&store, "a", Before::Nothing, &vec![0; MAX_SECRET + 1]), Err(NotWritten::Full));
        let longest = vec![7; MAX_SECRET];
        for number in 0..MAX_BYTES / MAX_SECRET {
            put(&store, &number.to_string(), Before::Nothing, &longest).unwrap();
        }
        assert_eq!(put(&store, "more", Before::Nothing, b"x"), Err(NotWritten::Full));
        let last = put(&store, "0", Before::Version(1), &longest[1..]).unwrap();
        put(&store, "more", Before::Nothing, b"x").unwrap();
        assert_eq!(put(&store, "0", Before::Version(last), &longest), Err(NotWritten::Full));
        assert_eq!(put(&store, "0", Before::Version(last), &longest[1..]), Ok(last + 2));
    }

    // SE-20 (d): of writers at once that expect the same, one writes.
    #[test]
    fn one_of_many_writes() {
        let store = Store::new(Held::default());
        let one = |before, number: u8| {
            std::thread::scope(|scope| {
                let write = |number| store.put(name("a"), before, Zeroizing::new(vec![number; 8]));
                let threads: Vec<_> = (0..number).map(|number| scope.spawn(move || write(number))).collect();
                threads.into_iter().filter_map(|thread| thread.join().unwrap().ok()).collect::<Vec<_>>()
            })
        };
        assert_eq!(one(Before::Nothing, 16), [1]);
        assert_eq!(one(Before::Version(1), 16), [2]);
    }

    #[test]
    fn what_is_retired_takes_nothing() {
        let rules = Rules::new(Vec::new());
        let store = Store::new(Held::default());
        put(&store, "a", Before::Nothing, b"x").unwrap();
        let held = store.retire(&rules, None);
        assert_eq!((held.secrets.len(), held.bytes, held.last), (0, 0, 1));
        assert!(store.get(&name("a")).is_err() && store.all().is_empty());
        assert_eq!(put(&store, "a", Before::Nothing, b"x"), Err(NotWritten::Retired));
        assert_eq!(store.delete(&name("a"), 1), Err(NotWritten::Retired));
        assert_eq!(put(&Store::new(held), "a", Before::Nothing, b"x"), Ok(2), "versions go on");
    }

    proptest! {
        // SE-20 (d): versions only go up, and the sum is that of what is there.
        #[test]
        fn the_sum_is_of_what_is_there(steps in prop::collection::vec((0u8..4, 1usize..64, any::<bool>()), 1..60)) {
            let store = Store::new(Held::default());
            let mut given = HashSet::new();
            for (which, len, deletes) in steps {
                let name = name(&which.to_string());
                let there = store.get(&name).unwrap().map(|secret| secret.version);
                match there {
                    Some(version) if deletes => store.delete(&name, version).unwrap(),
                    _ => {
                        let before = there.map_or(Before::Nothing, Before::Version);
                        let next = store.next(&name, before, len).unwrap();
                        let version = store.put(name, before, Zeroizing::new(vec![which; len])).unwrap();
                        prop_assert_eq!(next, version);
                        prop_assert!(given.insert(version) && given.iter().all(|other| *other <= version));
                    }
                }
                let sum: usize = store.all().iter().map(|(_, secret)| secret.size()).sum();
                prop_assert_eq!(store.held().as_ref().unwrap().bytes, sum);
            }
        }
    }
}
