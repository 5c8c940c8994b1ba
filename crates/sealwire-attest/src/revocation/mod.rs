//! The operator's revocation list (AT-25): what was accepted once and must not be any more.
//!
//! A list is signed by a key that the policy pins, has a serial that only goes up, and a time past which it refuses
//! everything: whoever keeps a newer list from a client can do so until then and no longer.

mod codec;
mod error;
mod rule;

pub use codec::{MAX_ENTRIES, MAX_LIST, MAX_VALUE};
pub use error::Error;
pub(crate) use rule::Rule;

use crate::UnixTime;
use sealwire_crypto::sign::ed25519::{self, SigningKey};
use std::collections::BTreeSet;

/// What a list says.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    /// goes up with each list of one operator
    pub serial: u64,
    /// when it was made
    pub issued_at: UnixTime,
    /// the last second in which it is good
    pub next_update: UnixTime,
    /// values of measurement registers, whatever the register; 1 to 64 bytes each
    pub measurements: BTreeSet<Vec<u8>>,
    /// ids of hardware (chip ids, and what has their place), 1 to 64 bytes each
    pub hardware_ids: BTreeSet<Vec<u8>>,
    /// SHA-384 of key documents
    pub documents: BTreeSet<[u8; 48]>,
    /// Ed25519 keys of operators, and SHA-256 fingerprints of certificates
    pub keys: BTreeSet<[u8; 32]>,
}

impl RevocationList {
    /// A list that revokes nothing.
    #[must_use]
    pub fn empty(serial: u64, issued_at: UnixTime, next_update: UnixTime) -> Self {
        Self {
            serial,
            issued_at,
            next_update,
            measurements: BTreeSet::new(),
            hardware_ids: BTreeSet::new(),
            documents: BTreeSet::new(),
            keys: BTreeSet::new(),
        }
    }

    /// The list in the form that policies take.
    ///
    /// # Errors
    /// [`Error::Times`]; [`Error::Bounds`] and [`Error::Malformed`] where the list would not be read again.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, Error> {
        let body = codec::encode_body(self);
        let signature = key.sign(&codec::signed_bytes(&body));
        let bytes = codec::encode(&key.public_key(), &body, &signature);
        // What cannot be read again must not be published: it would refuse everybody once the last list ends.
        codec::decode(&bytes)?;
        Ok(bytes)
    }
}

/// Counts alone: hardware ids stay out of logs.
impl std::fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevocationList")
            .field("serial", &self.serial)
            .field("issued_at", &self.issued_at)
            .field("next_update", &self.next_update)
            .field("measurements", &self.measurements.len())
            .field("hardware_ids", &self.hardware_ids.len())
            .field("documents", &self.documents.len())
            .field("keys", &self.keys.len())
            .finish()
    }
}

/// A list as it was read; nothing about it has been checked but its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedList {
    list: RevocationList,
    key: [u8; 32],
    body: Vec<u8>,
    signature: [u8; 64],
}

impl SignedList {
    /// Reads a list.
    ///
    /// # Errors
    /// What is wrong with its form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        codec::decode(bytes)
    }

    /// What it says. Whether that counts is for [`Self::verify`] to say.
    #[must_use]
    pub fn unverified(&self) -> &RevocationList {
        &self.list
    }

    /// The key that it says it is signed with.
    #[must_use]
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Verifies the signature under one of `keys`.
    ///
    /// # Errors
    /// [`Error::KeyNotPinned`], [`Error::Signature`]
    pub fn verify(self, keys: &[[u8; 32]]) -> Result<VerifiedList, Error> {
        if !keys.contains(&self.key) {
            return Err(Error::KeyNotPinned);
        }
        ed25519::verify(&self.key, &codec::signed_bytes(&self.body), &self.signature)
            .map_err(|_| Error::Signature)?;
        Ok(VerifiedList { list: self.list, signer: self.key })
    }
}

/// A list that a pinned key signed. Only [`SignedList::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedList {
    list: RevocationList,
    signer: [u8; 32],
}

impl VerifiedList {
    /// What it says.
    #[must_use]
    pub fn get(&self) -> &RevocationList {
        &self.list
    }

    /// The Ed25519 key that signed it.
    #[must_use]
    pub fn signer(&self) -> &[u8; 32] {
        &self.signer
    }
}
