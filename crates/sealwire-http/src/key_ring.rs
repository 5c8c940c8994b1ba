//! The live keys of the oblivious wire, each with the replay register that lives and dies with it (OB-52, OB-61).

use crate::Clock;
use arc_swap::ArcSwap;
use bytes::Bytes;
use sealwire_crypto::{
    aead::Aead,
    hpke::Symmetric,
    kdf::Hkdf,
    kem::Kem,
    random::{self, Random},
};
use sealwire_oblivious::{
    Error,
    config::{self, KeyConfig},
    gateway::GatewayKey,
};
use sealwire_store::Register;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How keys are made and replaced.
#[derive(Debug, Clone)]
pub struct Settings {
    /// KEMs on offer, by preference; one key each
    pub kems: Vec<Kem>,
    /// AEADs on offer with each key, by preference
    pub aeads: Vec<Aead>,
    /// how long a key is accepted after it stops being advertised
    pub overlap: Duration,
    /// how long a published list may be believed: an id is not used again before (OB-53)
    pub list_lifetime: Duration,
    /// entries of each key's replay register
    pub register_capacity: usize,
}

/// A key that is accepted now. Its private half is wiped when the last exchange that uses it ends.
pub struct LiveKey {
    key: GatewayKey,
    register: Register,
}

impl LiveKey {
    fn id(&self) -> u8 {
        self.key.config().key_id
    }

    /// The replay register of this key.
    #[must_use]
    pub fn register(&self) -> &Register {
        &self.register
    }
}

impl AsRef<GatewayKey> for LiveKey {
    fn as_ref(&self) -> &GatewayKey {
        &self.key
    }
}

/// A key that is accepted, but advertised no more.
#[derive(Clone)]
struct Retiring {
    key: Arc<LiveKey>,
    /// Unix milliseconds
    accepted_until: u64,
}

/// The keys of one moment.
pub struct KeySet {
    advertised: Vec<Arc<LiveKey>>,
    retiring: Vec<Retiring>,
    list: Bytes,
}

impl KeySet {
    fn new(advertised: Vec<Arc<LiveKey>>, retiring: Vec<Retiring>) -> Self {
        let configs: Vec<KeyConfig> = advertised.iter().map(|live| live.key.config().clone()).collect();
        let list = config::encode_list(&configs).into();
        Self { advertised, retiring, list }
    }

    /// The exact bytes of the advertised list, `application/ohttp-keys`.
    #[must_use]
    pub fn list(&self) -> Bytes {
        self.list.clone()
    }

    /// The advertised keys, by preference.
    #[must_use]
    pub fn advertised(&self) -> &[Arc<LiveKey>] {
        &self.advertised
    }

    fn find(&self, id: u8, now: u64) -> Option<&Arc<LiveKey>> {
        let has_id = |live: &&Arc<LiveKey>| live.id() == id;
        let retiring = self.retiring.iter().filter(|retiring| retiring.accepted_until > now);
        self.advertised.iter().chain(retiring.map(|retiring| &retiring.key)).find(has_id)
    }
}

/// The keys, replaced as a whole. Nothing of it is ever written (AT-45).
pub struct KeyRing {
    settings: Settings,
    clock: Arc<dyn Clock>,
    current: ArcSwap<KeySet>,
    /// ids that are advertised no more but named by a list that may still be believed, and its end in Unix milliseconds
    taken: Mutex<HashMap<u8, u64>>,
}

impl KeyRing {
    /// Makes the first keys.
    ///
    /// # Errors
    /// No randomness.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, random: &dyn Random) -> Result<Self, Error> {
        let empty = KeySet { advertised: Vec::new(), retiring: Vec::new(), list: Bytes::new() };
        let ring = Self {
            settings,
            clock,
            current: ArcSwap::from_pointee(empty),
            taken: Mutex::new(HashMap::new()),
        };
        let first = ring.rotated(random)?;
        ring.install(Arc::new(first));
        Ok(ring)
    }

    /// The keys of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        self.current.load_full()
    }

    /// The live key of an id: advertised, or inside its overlap.
    #[must_use]
    pub fn find(&self, id: u8) -> Option<Arc<LiveKey>> {
        self.current.load().find(id, self.clock.unix_millis()).cloned()
    }

    /// The set that a rotation leads to: fresh advertised keys, today's accepted for the overlap. Not live until
    /// [`Self::install`]ed, so that it can be attested first.
    ///
    /// # Errors
    /// No randomness, or no key id is free.
    pub fn rotated(&self, random: &dyn Random) -> Result<KeySet, Error> {
        let now = self.clock.unix_millis();
        let suites: Vec<Symmetric> =
            self.settings.aeads.iter().map(|&aead| Symmetric { kdf: Hkdf::Sha256, aead }).collect();
        let mut advertised: Vec<Arc<LiveKey>> = Vec::with_capacity(self.settings.kems.len());
        for &kem in &self.settings.kems {
            let key = GatewayKey::generate(self.free_id(&advertised, now, random)?, kem, &suites, random)?;
            let register = Register::new(self.settings.register_capacity);
            advertised.push(Arc::new(LiveKey { key, register }));
        }
        let current = self.current.load();
        let accepted_until = now.saturating_add(millis(self.settings.overlap));
        let leaving = current.advertised.iter().map(|key| Retiring { key: Arc::clone(key), accepted_until });
        let staying = current.retiring.iter().filter(|retiring| retiring.accepted_until > now).cloned();
        Ok(KeySet::new(advertised, leaving.chain(staying).collect()))
    }

    /// A random id that no live key has, no believable list names, and `chosen` does not hold: random, so that an
    /// id of an earlier start is most likely unknown (OB-52).
    fn free_id(&self, chosen: &[Arc<LiveKey>], now: u64, random: &dyn Random) -> Result<u8, Error> {
        let current = self.current.load();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|_, until| *until > now);
        let live = |id| {
            let retiring = current.retiring.iter().filter(|retiring| retiring.accepted_until > now);
            let retiring = retiring.map(|retiring| &retiring.key);
            current.advertised.iter().chain(chosen).chain(retiring).any(|live| live.id() == id)
        };
        let [start] = random::array::<1>(random)?;
        (0..=u8::MAX)
            .map(|step| start.wrapping_add(step))
            .find(|id| !taken.contains_key(id) && !live(*id))
            .ok_or(Error::NoFreeKeyId)
    }

    /// Makes a set live.
    pub fn install(&self, set: Arc<KeySet>) {
        let left = self.current.swap(set);
        let now = self.clock.unix_millis();
        let until = now.saturating_add(millis(self.settings.overlap.max(self.settings.list_lifetime)));
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for live in &left.advertised {
            taken.insert(live.id(), until);
        }
    }

    /// Drops, and so wipes, keys whose overlap has ended.
    pub fn prune(&self) {
        let now = self.clock.unix_millis();
        let current = self.current.load();
        if current.retiring.iter().any(|retiring| retiring.accepted_until <= now) {
            let retiring = current.retiring.iter().filter(|retiring| retiring.accepted_until > now).cloned();
            let pruned = KeySet::new(current.advertised.clone(), retiring.collect());
            // A rotation that came in between has left them out too; then there is nothing to do.
            self.current.compare_and_swap(&*current, Arc::new(pruned));
        }
    }

    /// Ids of all keys that are accepted now.
    #[must_use]
    pub fn key_ids(&self) -> Vec<u8> {
        let (current, now) = (self.current.load(), self.clock.unix_millis());
        let retiring = current.retiring.iter().filter(|retiring| retiring.accepted_until > now);
        let retiring = retiring.map(|retiring| &retiring.key);
        current.advertised.iter().chain(retiring).map(|live| live.id()).collect()
    }

    /// Entries of all replay registers, for metrics.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let current = self.current.load();
        let retiring = current.retiring.iter().map(|retiring| &retiring.key);
        current.advertised.iter().chain(retiring).map(|live| live.register.len()).sum()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
