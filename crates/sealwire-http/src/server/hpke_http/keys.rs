//! The live keys: one is advertised, several are accepted (HH-41).

use super::Replays;
use crate::Clock;
use arc_swap::ArcSwap;
use bytes::Bytes;
use sealwire_hpke_http::{Error, server::ServerKey};
use std::sync::Arc;

/// A key, and what stops repeats of the requests that are sealed to it. Its private half is wiped when the last exchange
/// that uses it ends.
pub struct LiveKey {
    key: ServerKey,
    replays: Replays,
}

impl LiveKey {
    /// `replays` lives as long as the key: with it where it was made at start, and beyond where it is configured.
    #[must_use]
    pub fn new(key: ServerKey, replays: Replays) -> Self {
        Self { key, replays }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &Bytes {
        self.key.recipient().id()
    }

    /// What stops repeats.
    #[must_use]
    pub fn replays(&self) -> &Replays {
        &self.replays
    }
}

impl AsRef<ServerKey> for LiveKey {
    fn as_ref(&self) -> &ServerKey {
        &self.key
    }
}

/// A key that is accepted, but not advertised.
#[derive(Clone)]
struct Accepted {
    key: Arc<LiveKey>,
    /// Unix milliseconds, exclusive
    until: u64,
}

/// The keys of one moment.
pub struct KeySet {
    advertised: Arc<LiveKey>,
    others: Vec<Accepted>,
    record: Bytes,
    lease: u32,
}

impl KeySet {
    /// Advertises one key, for `lease` seconds after it was asked for.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] for a lease of 0.
    pub fn new(advertised: Arc<LiveKey>, lease: u32) -> Result<Self, Error> {
        let record = advertised.key.record(lease)?.encode().into();
        Ok(Self { advertised, others: Vec::new(), record, lease })
    }

    /// Accepts another key, too, up to `until`, in Unix milliseconds and exclusive.
    #[must_use]
    pub fn accepting(mut self, key: Arc<LiveKey>, until: u64) -> Self {
        self.others.push(Accepted { key, until });
        self
    }

    /// The set in which `key` is advertised and everything that is accepted now stays so: what was advertised until now up to
    /// `until`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn followed_by(&self, key: Arc<LiveKey>, until: u64, now: u64) -> Result<Self, Error> {
        let mut next = Self::new(key, self.lease)?.accepting(self.advertised.clone(), until);
        next.others.extend(self.others.iter().filter(|other| other.until > now).cloned());
        Ok(next)
    }

    /// The bytes of the key record (HH-07).
    #[must_use]
    pub fn record(&self) -> &Bytes {
        &self.record
    }

    /// The key that is advertised.
    #[must_use]
    pub fn advertised(&self) -> &Arc<LiveKey> {
        &self.advertised
    }

    fn find(&self, id: &[u8], now: u64) -> Option<&Arc<LiveKey>> {
        let others = self.others.iter().filter(|other| other.until > now).map(|other| &other.key);
        std::iter::once(&self.advertised).chain(others).find(|key| key.id() == id)
    }
}

/// The keys, replaced as a whole.
pub struct Keys {
    current: ArcSwap<KeySet>,
    clock: Arc<dyn Clock>,
}

impl Keys {
    /// With these keys.
    #[must_use]
    pub fn new(set: KeySet, clock: Arc<dyn Clock>) -> Self {
        Self { current: ArcSwap::from_pointee(set), clock }
    }

    /// The keys of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        self.current.load_full()
    }

    /// The key of an id, if it is accepted now.
    #[must_use]
    pub fn find(&self, id: &[u8]) -> Option<Arc<LiveKey>> {
        self.current.load().find(id, self.clock.unix_millis()).cloned()
    }

    /// Makes a set live.
    pub fn install(&self, set: Arc<KeySet>) {
        self.current.store(set);
    }

    /// Drops, and so wipes, keys that are accepted no more.
    pub fn prune(&self) {
        let (now, current) = (self.clock.unix_millis(), self.current.load());
        if current.others.iter().any(|other| other.until <= now) {
            let pruned = KeySet {
                advertised: current.advertised.clone(),
                others: current.others.iter().filter(|other| other.until > now).cloned().collect(),
                record: current.record.clone(),
                lease: current.lease,
            };
            // One that was installed in between has left them out itself, or does next time.
            self.current.compare_and_swap(&*current, Arc::new(pruned));
        }
    }

    /// Entries of all registers in memory, for metrics.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let current = self.current.load();
        let others = current.others.iter().map(|other| &other.key);
        std::iter::once(&current.advertised).chain(others).map(|key| key.replays.remembered()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_crypto::random::OsRandom;
    use sealwire_hpke_http::key::KeyRecord;
    use std::{
        sync::Mutex,
        time::{Duration, SystemTime, UNIX_EPOCH},
    };

    struct Hand(Mutex<u64>);

    impl Clock for Hand {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_millis(*self.0.lock().unwrap())
        }
    }

    fn key(id: &'static str) -> Arc<LiveKey> {
        let key = ServerKey::generate(id, &OsRandom).unwrap();
        Arc::new(LiveKey::new(key, Replays::in_memory(8)))
    }

    // HH-41: from A to B.
    #[test]
    fn a_key_is_followed_by_another() {
        let clock = Arc::new(Hand(Mutex::new(1000)));
        let keys = Keys::new(KeySet::new(key("a"), 300).unwrap(), clock.clone());
        let found = |id: &str| keys.find(id.as_bytes()).is_some();
        assert!(found("a") && !found("b"));
        keys.install(Arc::new(keys.current().followed_by(key("b"), 5000, 1000).unwrap()));
        let record = KeyRecord::parse(keys.current().record()).unwrap();
        assert_eq!((&record.recipient().id()[..], record.use_for()), (&b"b"[..], 300));
        assert!(found("a") && found("b"));
        *clock.0.lock().unwrap() = 4999;
        keys.prune();
        assert!(found("a"));
        *clock.0.lock().unwrap() = 5000;
        assert!(!found("a") && found("b"), "the end is exclusive");
        keys.prune();
        *clock.0.lock().unwrap() = 1000;
        assert!(!found("a"), "it has been wiped");
    }

    #[test]
    fn a_lease_is_not_nothing() {
        assert!(matches!(KeySet::new(key("a"), 0), Err(Error::InvalidConfiguration)));
    }
}
