//! What one configuration has of hpke-http/3: keys, and where the keys of callers are found.

mod key_file;
mod lock;
mod store;

pub use key_file::{KeyFile, Step};
pub(crate) use lock::Lock;
pub(crate) use store::open as open_store;

use crate::config::{HpkeHttpPlan, KeysOf, LegacyPlan};
use sealwire_http::{
    Clock,
    crypto::{
        kem::PrivateKey,
        random::{self, Random},
    },
    hpke_http::{self, Error, legacy::server::ServerKey as ServerKey1, server::ServerKey},
    server::hpke_http::{KeySet, Keys, LiveKey, Replays, legacy::LegacyKey},
    store::{Store, credentials::Credentials},
};
use std::{sync::Arc, time::Duration};

/// Bytes of the id of a key that is made at start, behind the instance's.
const RANDOM_ID: usize = 8;
/// How long a request that was sealed in the last moment of a lease may be under way: it lives for 300 seconds, and clocks
/// may be 30 seconds apart (HH-15, HH-41).
pub const UNDER_WAY: Duration = Duration::from_secs(hpke_http::LIFETIME + 2 * hpke_http::CLOCK_SKEW);

/// Why hpke-http cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No randomness, or keys that cannot be.
    #[error("no keys of hpke-http: {0}")]
    Keys(#[from] Error),
    /// No key of the releases 1.x.
    #[error("no key of hpke-http 1.x: {0}")]
    Legacy(String),
    /// Where the keys of callers are.
    #[error("the source of callers' keys: {0}")]
    Source(String),
    /// The file of keys is another instance's, too (HH-65).
    #[error("{0}")]
    Shared(String),
    /// A step of a rotation was left out (HH-41).
    #[error("the file of keys {0}")]
    Step(String),
    /// The replay store (HH-17).
    #[error("{0}")]
    Store(String),
}

impl From<lock::Error> for Failure {
    fn from(error: lock::Error) -> Self {
        Self::Shared(error.to_string())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::Store(error.to_string())
    }
}

/// Keys of one configuration, and its source of credentials.
#[derive(Clone)]
pub(crate) struct HpkeHttp {
    pub(crate) keys: Arc<Keys>,
    pub(crate) credentials: Arc<dyn Credentials>,
    /// of the releases 1.x, where they are spoken
    pub(crate) legacy: Option<Arc<LegacyKey>>,
}

/// What keys are made of.
pub(crate) struct Making<'a> {
    pub(crate) instance: [u8; 16],
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) random: &'a dyn Random,
    /// where reservations outlive the process
    pub(crate) store: Option<&'a Arc<dyn Store>>,
}

impl HpkeHttp {
    /// Of a configuration that has none before it.
    pub(crate) fn new(plan: &HpkeHttpPlan, making: &Making<'_>) -> Result<Self, Failure> {
        let keys = Arc::new(Keys::new(making.set(plan)?, making.clock.clone()));
        let legacy = plan.legacy.as_ref().map(|legacy| making.legacy(legacy, plan)).transpose()?;
        Ok(Self { keys, credentials: plan.credentials().map_err(Failure::Source)?, legacy })
    }

    /// Entries of all registers in memory.
    pub(crate) fn remembered(&self) -> usize {
        let legacy = self.legacy.as_ref().map_or(0, |key| key.remembered());
        self.keys.remembered().saturating_add(legacy)
    }

    /// The same keys with another source of credentials, or the same read again.
    pub(crate) fn reading(&self, plan: &HpkeHttpPlan, making: &Making<'_>) -> Result<Self, Failure> {
        let credentials = plan.credentials().map_err(Failure::Source)?;
        let legacy = match &plan.legacy {
            Some(legacy) if legacy.key.is_some() => Some(making.legacy(legacy, plan)?),
            // Whoever has it has it for life (HH-89).
            Some(_) => self.legacy.clone(),
            None => None,
        };
        Ok(Self { keys: self.keys.clone(), credentials, legacy })
    }
}

impl Making<'_> {
    /// The first keys.
    pub(crate) fn set(&self, plan: &HpkeHttpPlan) -> Result<KeySet, Error> {
        match &plan.keys {
            KeysOf::Instance => KeySet::new(self.fresh(plan)?, plan.lease),
            KeysOf::File(file) => self.configured(file, plan),
        }
    }

    /// The set that a rotation leads to; `None` for keys that somebody else rotates. What is advertised now is accepted
    /// for the `overlap`.
    pub(crate) fn rotated(
        &self,
        plan: &HpkeHttpPlan,
        current: &KeySet,
        overlap: Duration,
    ) -> Result<Option<KeySet>, Error> {
        if matches!(plan.keys, KeysOf::File(_)) {
            return Ok(None);
        }
        let now = self.clock.unix_millis();
        let until = now.saturating_add(u64::try_from(overlap.as_millis()).unwrap_or(u64::MAX));
        current.followed_by(self.fresh(plan)?, until, now).map(Some)
    }

    /// The key of the releases 1.x.
    fn legacy(&self, legacy: &LegacyPlan, plan: &HpkeHttpPlan) -> Result<Arc<LegacyKey>, Failure> {
        tracing::warn!(
            "hpke-http 1.x is taken, whose weaknesses no server can mend: requests without a body prove nothing (HH-91), \
             method, path and fields are bound to nothing (HH-96), and the key of an answer is that of its request alone \
             (HH-98); callers should move to hpke-http/3, package version 4.0.1"
        );
        let failed = |error: hpke_http::legacy::Error| Failure::Legacy(error.to_string());
        let (key, replays) = match &legacy.key {
            None => (
                ServerKey1::generate(self.random).map_err(failed)?,
                Replays::in_memory(plan.register_capacity),
            ),
            Some(file) => {
                let (_, key) = file.advertised()?;
                let store = self.store.ok_or(Error::InvalidConfiguration)?;
                (ServerKey1::new(key).map_err(failed)?, Replays::stored(store.clone()))
            }
        };
        Ok(Arc::new(LegacyKey::new(key, replays).map_err(failed)?))
    }

    /// A key of this start. Its id begins with the instance's, so that another instance knows whose it is (SE-44).
    fn fresh(&self, plan: &HpkeHttpPlan) -> Result<Arc<LiveKey>, Error> {
        let id = [&self.instance[..], &random::array::<RANDOM_ID>(self.random)?].concat();
        let key = ServerKey::generate(id, self.random)?;
        Ok(Arc::new(LiveKey::new(key, Replays::in_memory(plan.register_capacity))))
    }

    /// The set of a file that takes the place of another; `None` where keys are made here.
    pub(crate) fn followed(
        &self,
        plan: &HpkeHttpPlan,
        before: &HpkeHttpPlan,
    ) -> Result<Option<KeySet>, Failure> {
        let (KeysOf::File(file), KeysOf::File(old)) = (&plan.keys, &before.keys) else { return Ok(None) };
        file.follows(old, self.clock.unix_seconds()).map_err(Failure::Step)?;
        Ok(Some(self.configured(file, plan)?))
    }

    fn configured(&self, file: &KeyFile, plan: &HpkeHttpPlan) -> Result<KeySet, Error> {
        // The configuration was refused without a store, and where it is settled at start.
        let store = self.store.ok_or(Error::InvalidConfiguration)?;
        let live = |(id, key): (&str, PrivateKey)| {
            let key = ServerKey::new(id.as_bytes().to_vec(), key, self.random)?;
            Ok::<_, Error>(Arc::new(LiveKey::new(key, Replays::stored(store.clone()))))
        };
        let set = KeySet::new(live(file.advertised()?)?, plan.lease)?;
        file.others()?.into_iter().try_fold(set, |set, key| Ok(set.accepting(live(key)?, u64::MAX)))
    }
}
