//! Identity keys, and what is signed with them (SE-08, SE-09).

use crate::{Error, Scheme, message::Proof};
use sealwire_attest::{KeyDocument, UnixTime, key_document::PublishedKey};
use sealwire_crypto::{
    digest::Digest,
    random::{self, Random},
    sign::{ed25519, ml_dsa_65, slh_dsa_sha2_192f},
};

/// Purposes of the keys in a key document.
pub mod purpose {
    /// Ed25519, 32 bytes.
    pub const ED25519: &str = "session-ed25519";
    /// ML-DSA-65, 1952 bytes.
    pub const ML_DSA_65: &str = "session-ml-dsa-65";
    /// SLH-DSA-SHA2-192f, 48 bytes.
    pub const SLH_DSA_SHA2_192F: &str = "session-slh-dsa-sha2-192f";
}

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

impl Role {
    fn context(self) -> &'static [u8] {
        match self {
            Self::Server => b"sealwire/1 server proof",
            Self::Client => b"sealwire/1 client proof",
        }
    }

    /// The role in bindings of evidence and in key documents.
    pub(crate) fn in_documents(self) -> &'static str {
        match self {
            Self::Server => sealwire_attest::key_document::GATEWAY,
            Self::Client => sealwire_attest::key_document::CLIENT,
        }
    }
}

/// The identity keys of one start; they live and die with it (AT-45).
pub struct Identity {
    id: [u8; 16],
    ed25519: ed25519::SigningKey,
    ml_dsa_65: ml_dsa_65::SigningKey,
    slh_dsa: Option<slh_dsa_sha2_192f::SigningKey>,
}

impl Identity {
    /// Fresh keys; `slh_dsa` says whether there is one of those too, which takes milliseconds to make and to use.
    ///
    /// # Errors
    /// No randomness.
    pub fn generate(slh_dsa: bool, random: &dyn Random) -> Result<Self, Error> {
        Ok(Self {
            id: random::array(random)?,
            ed25519: ed25519::SigningKey::generate(random)?,
            ml_dsa_65: ml_dsa_65::SigningKey::generate(random)?,
            slh_dsa: if slh_dsa { Some(slh_dsa_sha2_192f::SigningKey::generate(random)?) } else { None },
        })
    }

    /// The public keys, as a key document lists them.
    #[must_use]
    pub fn published(&self, not_before: UnixTime, not_after: UnixTime) -> Vec<PublishedKey> {
        let key = |purpose: &str, bytes: Vec<u8>| PublishedKey {
            id: self.id.to_vec(),
            purpose: purpose.to_owned(),
            not_before,
            not_after,
            bytes,
        };
        let mut keys = vec![
            key(purpose::ED25519, self.ed25519.public_key().to_vec()),
            key(purpose::ML_DSA_65, self.ml_dsa_65.public_key().to_vec()),
        ];
        keys.extend(
            self.slh_dsa.as_ref().map(|slh| key(purpose::SLH_DSA_SHA2_192F, slh.public_key().to_vec())),
        );
        keys
    }

    /// Whether there are keys for a scheme.
    #[must_use]
    pub fn has(&self, scheme: Scheme) -> bool {
        scheme != Scheme::SlhDsaSha2192f || self.slh_dsa.is_some()
    }

    /// Signs T(credential) in a scheme.
    pub(crate) fn prove(
        &self,
        scheme: Scheme,
        role: Role,
        transcript: &Digest,
        random: &dyn Random,
    ) -> Result<Proof, Error> {
        let message = signed(role, scheme, transcript);
        let signatures = match scheme {
            Scheme::Ed25519MlDsa65 => {
                vec![self.ed25519.sign(&message).to_vec(), self.ml_dsa_65.sign(&message, random)?.to_vec()]
            }
            Scheme::Ed25519 => vec![self.ed25519.sign(&message).to_vec()],
            Scheme::SlhDsaSha2192f => {
                let key = self.slh_dsa.as_ref().ok_or(Error::NoIdentityKey)?;
                vec![key.sign(&message, random)?.to_vec()]
            }
        };
        Ok(Proof { scheme: scheme.id(), signatures })
    }
}

/// Verifies a proof under the live keys of a document that was accepted. `offered` are the schemes that will do.
pub(crate) fn verify(
    document: &KeyDocument,
    at: UnixTime,
    proof: &Proof,
    offered: &[Scheme],
    role: Role,
    transcript: &Digest,
) -> Result<Scheme, Error> {
    let scheme =
        Scheme::from_id(proof.scheme).filter(|scheme| offered.contains(scheme)).ok_or(Error::NotOffered)?;
    let message = signed(role, scheme, transcript);
    let key = |purpose| -> Result<&[u8], Error> {
        document.live_keys(purpose, at).next().map(|key| key.bytes.as_slice()).ok_or(Error::NoIdentityKey)
    };
    let verified = match (scheme, proof.signatures.as_slice()) {
        (Scheme::Ed25519MlDsa65, [classic, quantum_safe]) => ed25519::verify(
            key(purpose::ED25519)?,
            &message,
            classic,
        )
        .and(ml_dsa_65::verify(key(purpose::ML_DSA_65)?, &message, quantum_safe)),
        (Scheme::Ed25519, [signature]) => ed25519::verify(key(purpose::ED25519)?, &message, signature),
        (Scheme::SlhDsaSha2192f, [signature]) => {
            slh_dsa_sha2_192f::verify(key(purpose::SLH_DSA_SHA2_192F)?, &message, signature)
        }
        _ => return Err(Error::Signature),
    };
    verified.map(|()| scheme).map_err(|_| Error::Signature)
}

/// `0x20 × 64 || context || 0x00 || u16(scheme) || T`: nothing that another protocol signs begins like this.
fn signed(role: Role, scheme: Scheme, transcript: &Digest) -> Vec<u8> {
    [&[0x20; 64][..], role.context(), &[0], &scheme.id().to_be_bytes(), transcript.as_bytes()].concat()
}
