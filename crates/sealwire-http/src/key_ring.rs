//! The live keys of the oblivious wire, each with the replay register that lives and dies with it (OB-52, OB-61).

use crate::Clock;
use bytes::Bytes;
use sealwire_crypto::{aead::Aead, kem::Kem, random::Random};
use sealwire_oblivious::{Error, gateway::GatewayKey};
use std::{sync::Arc, time::Duration};

/// How keys are made and replaced.
#[derive(Debug, Clone)]
pub struct Settings {
    /// KEMs on offer, by preference; one key each
    pub kems: Vec<Kem>,
    /// AEADs on offer with each key, by preference
    pub aeads: Vec<Aead>,
    /// how long a key is accepted after it stops being advertised
    pub overlap: Duration,
    /// entries of each key's replay register
    pub register_capacity: usize,
}

/// A key that is accepted now.
pub struct LiveKey {}

impl AsRef<GatewayKey> for LiveKey {
    fn as_ref(&self) -> &GatewayKey {
        todo!()
    }
}

/// The keys of one moment.
pub struct KeySet {}

impl KeySet {
    /// The exact bytes of the advertised list, `application/ohttp-keys`.
    #[must_use]
    pub fn list(&self) -> Bytes {
        todo!()
    }
    /// The advertised keys, by preference.
    #[must_use]
    pub fn advertised(&self) -> &[Arc<LiveKey>] {
        todo!()
    }
}

/// The keys, replaced as a whole.
pub struct KeyRing {}

impl KeyRing {
    /// Makes the first keys.
    ///
    /// # Errors
    /// No randomness.
    pub fn new(_settings: Settings, _clock: Arc<dyn Clock>, _random: &dyn Random) -> Result<Self, Error> {
        todo!()
    }
    /// The keys of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        todo!()
    }
    /// The set that a rotation leads to: fresh advertised keys, today's accepted for the overlap. Not live until
    /// [`Self::install`]ed, so that it can be attested first.
    ///
    /// # Errors
    /// No randomness, or no key id is free.
    pub fn rotated(&self, _random: &dyn Random) -> Result<KeySet, Error> {
        todo!()
    }
    /// Makes a set live.
    pub fn install(&self, _set: KeySet) {
        todo!()
    }
    /// Wipes keys whose overlap has ended.
    pub fn prune(&self) {
        todo!()
    }
    /// Entries of all replay registers, for metrics.
    #[must_use]
    pub fn remembered(&self) -> usize {
        todo!()
    }
}
