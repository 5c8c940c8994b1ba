//! One's own keys, replaced in time (EN-94, SP-19): a new key is published before it signs, and the old one verifies until
//! nothing that it has signed can come any more.

use sealwire_crypto::random::{self, Random};

use super::{
    Error, PrivateKey, Signer, Uses,
    document::{KeyDocument, KeyEntry},
};
use crate::{Algorithm, validate::MAX_CLOCK_SKEW_MS};

/// When keys are replaced. All in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// how old a key becomes before another signs
    pub max_age_ms: i64,
    /// how long the old one goes on verifying
    pub overlap_ms: i64,
    /// how long verifiers keep a document of keys
    pub cache_ms: i64,
    /// longest lifetime of what is signed
    pub max_ttl_ms: i64,
}

/// A schedule under which a message could outlive its key at some verifier (SP-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the overlap has to be at least the longest lifetime, 30 s and what verifiers keep documents for")]
pub struct ShortOverlap;

/// The keys of one sender.
pub struct Rotation {
    sender: String,
    uses: Uses,
    schedule: Schedule,
    keys: Vec<Managed>,
}

struct Managed {
    signer: Signer,
    entry: KeyEntry,
    not_before_ms: i64,
}

impl Rotation {
    /// Without a key yet: [`Rotation::rotate`] makes the first.
    ///
    /// # Errors
    /// [`ShortOverlap`]
    pub fn new(sender: &str, uses: impl Into<Uses>, schedule: Schedule) -> Result<Self, ShortOverlap> {
        let least = schedule.max_ttl_ms.saturating_add(MAX_CLOCK_SKEW_MS).saturating_add(schedule.cache_ms);
        if schedule.overlap_ms < least {
            return Err(ShortOverlap);
        }
        Ok(Self { sender: sender.to_owned(), uses: uses.into(), schedule, keys: Vec::new() })
    }

    /// The key that signs at `now_ms`: the newest whose time has come (EN-95).
    #[must_use]
    pub fn signer(&self, now_ms: i64) -> Option<&Signer> {
        self.current(now_ms).map(|key| &key.signer)
    }

    /// Whether it is time to [`Rotation::rotate`]: the newest key is so old that the next has to be published, or there is
    /// none.
    #[must_use]
    pub fn is_due(&self, now_ms: i64) -> bool {
        let publish_at = |key: &Managed| {
            key.not_before_ms.saturating_add(self.schedule.max_age_ms - self.schedule.cache_ms)
        };
        self.keys.iter().map(publish_at).max().is_none_or(|at| at <= now_ms)
    }

    /// Makes the next key, publishes it in the document, and lets it sign once every verifier has had the time to see it.
    /// The first one signs at once. Gives its name.
    ///
    /// # Errors
    /// [`Error::NotAKey`] without randomness.
    pub fn rotate(&mut self, algorithm: Algorithm, now_ms: i64, random: &dyn Random) -> Result<&str, Error> {
        let id = random::array::<4>(random).map_err(|_| Error::NotAKey)?;
        let id = format!("key-{now_ms}-{:08x}", u32::from_be_bytes(id));
        let key = PrivateKey::generate(algorithm, random).map_err(|_| Error::NotAKey)?;
        let public = key.public_key()?;
        let not_before_ms =
            if self.keys.is_empty() { now_ms } else { now_ms.saturating_add(self.schedule.cache_ms) };
        let expires_ms = not_before_ms.saturating_add(self.schedule.overlap_ms);
        for old in &mut self.keys {
            let expires = old.entry.expires_ms.get_or_insert(expires_ms);
            *expires = expires_ms.min(*expires);
        }
        let signer = Signer::private(&self.sender, &id, key)?.with_uses(self.uses);
        let entry = KeyEntry {
            sender: Some(self.sender.clone()),
            not_before_ms: Some(not_before_ms),
            uses: Some(self.uses),
            ..KeyEntry::new(&id, public, now_ms)
        };
        self.keys.push(Managed { signer, entry, not_before_ms });
        Ok(self.keys.last().map_or("", |key| key.signer.key_id()))
    }

    /// Forgets the keys whose overlap is over.
    pub fn forget_expired(&mut self, now_ms: i64) {
        self.keys.retain(|key| key.entry.expires_ms.is_none_or(|expires| expires > now_ms));
    }

    /// What is published.
    #[must_use]
    pub fn document(&self, now_ms: i64) -> KeyDocument {
        KeyDocument {
            updated_ms: Some(now_ms),
            keys: self.keys.iter().map(|key| key.entry.clone()).collect(),
        }
    }

    fn current(&self, now_ms: i64) -> Option<&Managed> {
        self.keys.iter().filter(|key| key.not_before_ms <= now_ms).max_by_key(|key| key.not_before_ms)
    }
}
