use std::collections::BTreeSet;

use sealwire_crypto::{
    bls::{PublicKey, SIGNATURE_LEN, Signature},
    digest::sha256,
};

use super::{ALGORITHM, Partial, PartialError};
use crate::{
    Authentic, Checked, Reason, ThresholdSignature, base64url, canonical, identifier::Charset,
    key::Fingerprint,
};

/// A member of a group, whose key has been proven to be held (SP-47, SP-48).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    signer_id: String,
    key: PublicKey,
}

impl Participant {
    /// Registers a member by base64url of a public key and of the proof that it is held.
    ///
    /// # Errors
    /// [`Reason::ParticipantRejected`]: no such name, no valid point of the right group, no proof, or another key's.
    pub fn register(signer_id: &str, public_key: &str, possession: &str) -> Result<Self, Reason> {
        Self::try_register(signer_id, public_key, possession).ok_or(Reason::ParticipantRejected)
    }

    fn try_register(signer_id: &str, public_key: &str, possession: &str) -> Option<Self> {
        if !Charset::Visible.admits(signer_id) {
            return None;
        }
        let key = PublicKey::from_bytes(&base64url::decode(public_key).ok()?).ok()?;
        let proof = Signature::from_bytes(&base64url::decode(possession).ok()?).ok()?;
        key.verify_possession(&proof).ok()?;
        Some(Self { signer_id: signer_id.to_owned(), key })
    }

    /// The name.
    #[must_use]
    pub fn signer_id(&self) -> &str {
        &self.signer_id
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// Why members make no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The threshold is 1 to the number of members.
    #[error("the threshold has to be between 1 and the number of members")]
    Threshold,
    /// SP-46
    #[error("two members have the same name")]
    SameName,
    /// SP-47
    #[error("two members have the same key")]
    SameKey,
}

/// Who signs in the name of `sender`, and how many of them have to (SP-46).
#[derive(Debug, Clone)]
pub struct Group {
    sender: String,
    m: usize,
    members: Vec<Participant>,
}

impl Group {
    /// A group of which `m` members have to sign.
    ///
    /// # Errors
    /// [`GroupError`]
    pub fn new(sender: &str, m: usize, members: Vec<Participant>) -> Result<Self, GroupError> {
        if m == 0 || m > members.len() {
            return Err(GroupError::Threshold);
        }
        let names: BTreeSet<_> = members.iter().map(|member| &member.signer_id).collect();
        if names.len() != members.len() {
            return Err(GroupError::SameName);
        }
        let keys: BTreeSet<_> = members.iter().map(|member| member.key.to_bytes()).collect();
        if keys.len() != members.len() {
            return Err(GroupError::SameKey);
        }
        Ok(Self { sender: sender.to_owned(), m, members })
    }

    /// In whose name the group signs.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// How many have to sign.
    #[must_use]
    pub fn m(&self) -> usize {
        self.m
    }

    /// How many members there are.
    #[must_use]
    pub fn n(&self) -> usize {
        self.members.len()
    }

    /// Verifies the signature of an envelope that was checked like every other (SP-50). What follows for an envelope of
    /// one signer follows for this one.
    ///
    /// # Errors
    /// [`Reason::UnknownSender`] for another sender, [`Reason::MalformedEnvelope`] without a signature in the one form,
    /// [`Reason::AlgNotAllowed`], and [`Reason::InvalidSignature`] for everything that SP-46 and SP-47 refuse.
    pub fn authenticate(&self, checked: Checked) -> Result<Authentic, Reason> {
        let envelope = &checked.envelope;
        if envelope.header.sender != self.sender {
            return Err(Reason::UnknownSender);
        }
        let threshold = envelope.threshold().ok_or(Reason::MalformedEnvelope)?;
        let canonical = canonical::envelope(envelope);
        let key = self.verify(threshold, &canonical)?;
        let fingerprint = Fingerprint::of_public(ALGORITHM, &key.to_bytes());
        Ok(Authentic::new(checked, canonical, fingerprint))
    }

    /// Verifies one member's part of an envelope whose canonical form has this hash (SP-49).
    ///
    /// # Errors
    /// [`PartialError`]
    pub fn verify_partial(&self, partial: &Partial, hash: &[u8; 32]) -> Result<Signature, PartialError> {
        let name = || partial.signer_id.clone();
        let member = self.member(&partial.signer_id).ok_or_else(|| PartialError::Unknown(name()))?;
        if partial.hash != *hash {
            return Err(PartialError::OtherEnvelope(name()));
        }
        let signature =
            Signature::from_bytes(&partial.signature).map_err(|_| PartialError::Signature(name()))?;
        member.key.verify(hash, &signature).map_err(|_| PartialError::Signature(name()))?;
        Ok(signature)
    }

    /// The sum of the keys of these members, each of whom is there once (SP-46).
    pub(super) fn sum(&self, signer_ids: &[String]) -> Option<PublicKey> {
        let distinct: BTreeSet<_> = signer_ids.iter().collect();
        if distinct.len() != signer_ids.len() || !(self.m..=self.n()).contains(&signer_ids.len()) {
            return None;
        }
        let keys = signer_ids.iter().map(|id| self.member(id).map(|member| &member.key));
        PublicKey::sum(&keys.collect::<Option<Vec<_>>>()?).ok()
    }

    pub(super) fn member(&self, signer_id: &str) -> Option<&Participant> {
        self.members.iter().find(|member| member.signer_id == signer_id)
    }

    fn verify(&self, threshold: &ThresholdSignature, canonical: &[u8]) -> Result<PublicKey, Reason> {
        if threshold.alg != ALGORITHM {
            return Err(Reason::AlgNotAllowed);
        }
        let value: [u8; SIGNATURE_LEN] =
            base64url::decode_array(&threshold.value).map_err(|_| Reason::MalformedEnvelope)?;
        self.try_verify(threshold, &value, canonical).ok_or(Reason::InvalidSignature)
    }

    fn try_verify(
        &self,
        threshold: &ThresholdSignature,
        value: &[u8; SIGNATURE_LEN],
        canonical: &[u8],
    ) -> Option<PublicKey> {
        let configured = (u64::try_from(self.m).ok()?, u64::try_from(self.n()).ok()?);
        if (threshold.m, threshold.n) != configured {
            return None;
        }
        let sum = self.sum(&threshold.signer_ids)?;
        if threshold.key_id != key_id(&sum) {
            return None;
        }
        let signature = Signature::from_bytes(value).ok()?;
        sum.verify(&sha256(&[canonical]), &signature).ok()?;
        Some(sum)
    }
}

/// Base64url of the front of a sum of keys (EN-68).
pub(super) fn key_id(sum: &PublicKey) -> String {
    base64url::encode(sum.to_bytes().first_chunk::<16>().unwrap_or(&[0; 16]))
}
