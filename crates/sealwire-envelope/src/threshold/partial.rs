use sealwire_crypto::{bls::SIGNATURE_LEN, digest::sha256};

use crate::{
    Envelope, base64url, canonical,
    canonical::write_string,
    json::{self, ENVELOPE_DEPTH},
};

/// One signer's part (EN-67).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// who signed
    pub signer_id: String,
    /// member `partialSig`
    pub signature: [u8; SIGNATURE_LEN],
    /// member `canonicalHash`: what was signed, SHA-256 of the canonical form
    pub hash: [u8; 32],
}

/// Why a part was not taken; each names its signer (SP-49).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartialError {
    /// Nobody of this name is in the group.
    #[error("{0} is not in the group")]
    Unknown(String),
    /// SP-46: one signer counts once.
    #[error("{0} has signed already")]
    Twice(String),
    /// The part is about another envelope.
    #[error("{0} has signed another envelope")]
    OtherEnvelope(String),
    /// The signature is not this signer's.
    #[error("the signature of {0} does not verify")]
    Signature(String),
    /// SP-47: the sum of their keys is the identity, under which everything verifies.
    #[error("the keys of these signers cancel each other out")]
    Cancel,
    /// EN-68: fewer than m.
    #[error("{have} of {need} signers")]
    TooFew {
        /// how many have signed
        have: usize,
        /// how many have to
        need: usize,
    },
}

impl Partial {
    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = b"{\"signerId\":".to_vec();
        write_string(&self.signer_id, &mut out);
        out.extend_from_slice(b",\"partialSig\":");
        write_string(&base64url::encode(self.signature), &mut out);
        out.extend_from_slice(b",\"canonicalHash\":");
        write_string(&base64url::encode(self.hash), &mut out);
        out.push(b'}');
        String::from_utf8(out).unwrap_or_default()
    }

    /// Reads a JSON text.
    ///
    /// # Errors
    /// [`json::Error`]
    pub fn from_json(text: &[u8]) -> Result<Self, json::Error> {
        let (mut signer_id, mut signature, mut hash) = (None, None, None);
        json::read(text, ENVELOPE_DEPTH, |reader| {
            reader.object(|name, reader| {
                match name {
                    "signerId" => signer_id = Some(reader.string()?.into_owned()),
                    "partialSig" => signature = base64url::decode_array(&*reader.string()?).ok(),
                    "canonicalHash" => hash = base64url::decode_array(&*reader.string()?).ok(),
                    _ => return Err(json::Error::UnknownMember),
                }
                Ok(())
            })
        })?;
        Ok(Self {
            signer_id: json::required(signer_id)?,
            signature: json::required(signature)?,
            hash: json::required(hash)?,
        })
    }
}

/// What signers sign (EN-66).
pub(super) fn canonical_hash(envelope: &Envelope) -> [u8; 32] {
    sha256(&[&canonical::envelope(envelope)])
}
