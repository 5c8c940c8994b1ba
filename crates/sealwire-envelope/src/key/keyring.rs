use std::{collections::HashMap, sync::Arc};

use super::{Error, Fingerprint, KeyRecord, Revocations, Status, Use};
use crate::{Algorithm, Reason, Signature, base64url};

/// How many records of a peer are tried that sends other key ids than ours (SP-15).
const MAX_TRIED: usize = 4;

/// Lengths of round-3 Dilithium signatures, levels 3 and 5, which have ML-DSA's names on some wires (EN-21).
const ROUND_3_LENS: [usize; 2] = [3293, 4595];

/// What a route requires of a signature (EN-87). It filters records before anything is verified (SP-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Require {
    /// Ed25519
    #[default]
    Ed25519,
    /// HMAC with a shared secret
    Hmac,
    /// any algorithm that the sender's record has
    Any,
}

impl Require {
    fn admits(self, algorithm: Algorithm) -> bool {
        match self {
            Self::Ed25519 => algorithm == Algorithm::Ed25519,
            Self::Hmac => algorithm == Algorithm::Hs256,
            Self::Any => true,
        }
    }
}

/// Who is asked for: the names on a message, and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// whose key
    pub sender: &'a str,
    /// to whom the message goes; secrets hold in one direction alone (SP-18)
    pub recipient: Option<&'a str>,
    /// what the message is for (SP-17)
    pub purpose: Use,
    /// what the route requires
    pub require: Require,
    /// the clock, in milliseconds since the Unix epoch
    pub now_ms: i64,
}

/// The keys of all peers, found by sender and key id, never by sender alone (SP-15).
#[derive(Clone, Default)]
pub struct Keyring {
    peers: HashMap<String, Peer>,
    revocations: Revocations,
}

#[derive(Clone, Default)]
struct Peer {
    records: Vec<Arc<KeyRecord>>,
    any_key_id: bool,
}

impl Keyring {
    /// With no keys at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a key.
    ///
    /// # Errors
    /// [`Error::Revoked`]; [`Error::Taken`] when the name stands for another key.
    pub fn insert(&mut self, record: KeyRecord) -> Result<(), Error> {
        if record.status() != Status::Revoked && self.revocations.contains(record.fingerprint()) {
            return Err(Error::Revoked);
        }
        let peer = self.peers.entry(record.sender().to_owned()).or_default();
        let same_name = |other: &&mut Arc<KeyRecord>| {
            other.key_id() == record.key_id() && other.recipient() == record.recipient()
        };
        match peer.records.iter_mut().find(same_name) {
            Some(other) if other.fingerprint() != record.fingerprint() => return Err(Error::Taken),
            Some(other) => *other = Arc::new(record),
            None => peer.records.push(Arc::new(record)),
        }
        // Newest first (SP-15).
        peer.records.sort_by_key(|record| std::cmp::Reverse(record.not_before_ms()));
        Ok(())
    }

    /// Forgets a key that is no longer used (SP-19). It may come back.
    pub fn remove(&mut self, sender: &str, key_id: &str) {
        if let Some(peer) = self.peers.get_mut(sender) {
            peer.records.retain(|record| record.key_id() != key_id);
            if peer.records.is_empty() && !peer.any_key_id {
                self.peers.remove(sender);
            }
        }
    }

    /// Marks a peer that sends default key ids (EN-06): its keys are tried when none has the id (SP-15).
    pub fn allow_any_key_id(&mut self, sender: &str) {
        self.peers.entry(sender.to_owned()).or_default().any_key_id = true;
    }

    /// What was revoked.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// What was revoked, to revoke more. It counts from the next message on.
    pub fn revocations_mut(&mut self) -> &mut Revocations {
        &mut self.revocations
    }

    /// Whether there is any record of `sender`: who may be named in metrics (SP-83).
    #[must_use]
    pub fn knows(&self, sender: &str) -> bool {
        self.peers.get(sender).is_some_and(|peer| !peer.records.is_empty())
    }

    /// The record of a fingerprint that `sender` has, usable or not.
    #[must_use]
    pub fn find(&self, sender: &str, fingerprint: &Fingerprint) -> Option<&Arc<KeyRecord>> {
        self.peers.get(sender)?.records.iter().find(|record| record.fingerprint() == fingerprint)
    }

    /// Verifies `signature` over `message`: which of the sender's keys made it (SP-15).
    ///
    /// # Errors
    /// [`Reason::UnknownSender`], [`Reason::AlgNotAllowed`], [`Reason::AlgIncompatible`],
    /// [`Reason::MalformedEnvelope`], [`Reason::InvalidSignature`]
    pub fn verify(
        &self,
        wanted: &Wanted<'_>,
        message: &[u8],
        signature: &Signature,
    ) -> Result<&Arc<KeyRecord>, Reason> {
        let peer = self.peers.get(wanted.sender).ok_or(Reason::UnknownSender)?;
        let usable = || peer.records.iter().filter(|record| self.usable(record, wanted));
        let verify = |record: &KeyRecord| {
            let raw = raw_signature(record.algorithm(), &signature.value)?;
            if record.material().verifies(message, &raw) { Ok(()) } else { Err(Reason::InvalidSignature) }
        };
        if let Some(record) = usable().find(|record| record.key_id() == signature.key_id) {
            allowed(record, signature, wanted.require)?;
            return verify(record).map(|()| record);
        }
        if !peer.any_key_id {
            return Err(Reason::UnknownSender);
        }
        let mut refused = Reason::UnknownSender;
        for record in usable().take(MAX_TRIED) {
            match allowed(record, signature, wanted.require).and_then(|()| verify(record)) {
                Ok(()) => return Ok(record),
                // A signature that does not verify says more than another algorithm.
                Err(reason) if refused != Reason::InvalidSignature => refused = reason,
                Err(_) => {}
            }
        }
        Err(refused)
    }

    fn usable(&self, record: &KeyRecord, wanted: &Wanted<'_>) -> bool {
        record.verifies_at(wanted.purpose, wanted.now_ms)
            && (record.recipient().is_none() || record.recipient() == wanted.recipient)
            && !self.revocations.covers(record)
    }
}

fn allowed(record: &KeyRecord, signature: &Signature, require: Require) -> Result<(), Reason> {
    let algorithm = record.algorithm();
    if signature.alg == algorithm.name() && require.admits(algorithm) {
        Ok(())
    } else {
        Err(Reason::AlgNotAllowed)
    }
}

/// The bytes of a signature of `algorithm` (SP-07).
pub(crate) fn raw_signature(algorithm: Algorithm, value: &str) -> Result<RawSignature, Reason> {
    let malformed = |_| Reason::MalformedEnvelope;
    Ok(match algorithm {
        Algorithm::Ed25519 => RawSignature::Short(base64url::decode_array::<64>(value).map_err(malformed)?),
        Algorithm::Hs256 => RawSignature::Tag(base64url::decode_array::<32>(value).map_err(malformed)?),
        Algorithm::MlDsa(set) => {
            let raw = base64url::decode(value).map_err(malformed)?;
            match raw.len() {
                len if len == set.signature_len() => RawSignature::Long(raw),
                len if ROUND_3_LENS.contains(&len) => return Err(Reason::AlgIncompatible),
                _ => return Err(Reason::MalformedEnvelope),
            }
        }
    })
}

/// A raw signature, without an allocation where it is short.
pub(crate) enum RawSignature {
    Short([u8; 64]),
    Tag([u8; 32]),
    Long(Vec<u8>),
}

impl std::ops::Deref for RawSignature {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(bytes) => bytes,
            Self::Tag(bytes) => bytes,
            Self::Long(bytes) => bytes,
        }
    }
}
