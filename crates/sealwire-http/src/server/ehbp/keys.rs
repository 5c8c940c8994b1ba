//! The live keys of the wire, each with the replay register that lives and dies with it (EH-21).

use crate::Clock;
use arc_swap::ArcSwap;
use sealwire_crypto::random::Random;
use sealwire_ehbp::{EncapsulatedKey, Error, config::KeyConfig, server::ServerKey};
use sealwire_store::{FOREVER, Register, Reservation};
use std::{sync::Arc, time::Duration};

/// How keys are replaced.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// how long a key is accepted after it stops being advertised
    pub overlap: Duration,
    /// entries of each key's replay register
    pub register_capacity: usize,
}

/// A key that is accepted now. Its private half is wiped when the last exchange that uses it ends.
pub struct LiveKey {
    key: ServerKey,
    register: Register,
}

impl LiveKey {
    fn generate(settings: &Settings, random: &dyn Random) -> Result<Arc<Self>, Error> {
        let register = Register::new(settings.register_capacity);
        Ok(Arc::new(Self { key: ServerKey::generate(random)?, register }))
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &KeyConfig {
        self.key.config()
    }

    /// Takes an encapsulated key, once in the life of this key: nothing on the wire says when a request was made.
    pub(super) fn reserve(
        &self,
        enc: &EncapsulatedKey,
        now: u64,
    ) -> Result<Reservation, sealwire_store::Error> {
        // As many bytes as a register keeps: a peer can make two that agree in these only of its own requests.
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] =
            sealwire_crypto::digest::sha256(&[enc.as_bytes()]);
        self.register.reserve([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p], now, FOREVER)
    }
}

impl AsRef<ServerKey> for LiveKey {
    fn as_ref(&self) -> &ServerKey {
        &self.key
    }
}

/// The keys of one moment: at most two, because the wire does not name the key, and each is tried (EH-27).
pub struct KeySet {
    current: Arc<LiveKey>,
    previous: Option<Previous>,
}

/// A key that is accepted, but advertised no more.
#[derive(Clone)]
struct Previous {
    key: Arc<LiveKey>,
    /// Unix milliseconds
    accepted_until: u64,
}

impl KeySet {
    /// The advertised key.
    #[must_use]
    pub fn current(&self) -> &Arc<LiveKey> {
        &self.current
    }

    /// The one before it, if it is still accepted.
    fn previous(&self, now: u64) -> Option<&Arc<LiveKey>> {
        self.previous.as_ref().filter(|previous| previous.accepted_until > now).map(|previous| &previous.key)
    }
}

/// The keys, replaced as a whole. Nothing of it is ever written (EH-30).
pub struct Keys {
    settings: Settings,
    clock: Arc<dyn Clock>,
    set: ArcSwap<KeySet>,
}

impl Keys {
    /// Makes the first key.
    ///
    /// # Errors
    /// No randomness.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, random: &dyn Random) -> Result<Self, Error> {
        let first = KeySet { current: LiveKey::generate(&settings, random)?, previous: None };
        Ok(Self { settings, clock, set: ArcSwap::from_pointee(first) })
    }

    /// The keys of this moment.
    #[must_use]
    pub fn set(&self) -> Arc<KeySet> {
        self.set.load_full()
    }

    /// The set that a rotation leads to: a fresh key, and today's accepted for the overlap. Not live until
    /// [`Self::install`]ed, so that it can be attested first.
    ///
    /// # Errors
    /// No randomness.
    pub fn rotated(&self, random: &dyn Random) -> Result<KeySet, Error> {
        let overlap = u64::try_from(self.settings.overlap.as_millis()).unwrap_or(u64::MAX);
        let accepted_until = self.clock.unix_millis().saturating_add(overlap);
        let previous = Previous { key: Arc::clone(&self.set.load().current), accepted_until };
        Ok(KeySet { current: LiveKey::generate(&self.settings, random)?, previous: Some(previous) })
    }

    /// Whether another key should take the place of the advertised one before its time: its replay register is more than half
    /// full. Anybody who knows the key can fill it, and what is full takes nothing from anybody (EH-21).
    #[must_use]
    pub fn is_worn(&self) -> bool {
        let set = self.set.load();
        let register = &set.current.register;
        register.len() > register.capacity() / 2
    }

    /// Makes a set live.
    pub fn install(&self, set: Arc<KeySet>) {
        self.set.store(set);
    }

    /// Drops, and so wipes, a key whose overlap has ended.
    pub fn prune(&self) {
        let set = self.set.load();
        if set.previous.is_some() && set.previous(self.clock.unix_millis()).is_none() {
            let pruned = KeySet { current: Arc::clone(&set.current), previous: None };
            // A rotation that came in between has left it out too; then there is nothing to do.
            self.set.compare_and_swap(&*set, Arc::new(pruned));
        }
    }

    /// The advertised key, and the one before it if it is still accepted.
    pub(super) fn live(&self) -> (Arc<LiveKey>, Option<Arc<LiveKey>>) {
        let set = self.set.load();
        (Arc::clone(&set.current), set.previous(self.clock.unix_millis()).cloned())
    }

    /// Entries of all replay registers, for metrics.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let set = self.set.load();
        let previous = set.previous.as_ref().map_or(0, |previous| previous.key.register.len());
        set.current.register.len() + previous
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;
    use sealwire_crypto::random::OsRandom;

    // EH-21: a key is worn before its register is full, and the next one is fresh.
    #[test]
    fn a_key_is_worn_when_its_register_is_half_full() {
        let settings = Settings { overlap: Duration::from_secs(60), register_capacity: 4 };
        let keys = Keys::new(settings, Arc::new(SystemClock), &OsRandom).unwrap();
        for number in 1..=3_u8 {
            assert!(!keys.is_worn(), "{number}");
            let enc = EncapsulatedKey::from_field(format!("{number:02x}").repeat(32).as_bytes()).unwrap();
            assert!(matches!(keys.live().0.reserve(&enc, 0), Ok(Reservation::Fresh)));
        }
        assert!(keys.is_worn());
        keys.install(Arc::new(keys.rotated(&OsRandom).unwrap()));
        assert!(!keys.is_worn());
    }
}
