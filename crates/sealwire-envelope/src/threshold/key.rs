use base64ct::{Base64UrlUnpadded, Encoding as _};
use sealwire_crypto::{
    bls::{self, SCALAR_LEN},
    random::Random,
};
use zeroize::Zeroizing;

use super::Partial;
use crate::{Envelope, base64url};

/// Not a key of a signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of a threshold signer: base64url of 32 bytes below the order of the group")]
pub struct KeyError;

/// A signer's own key. Wiped on drop, never printed.
pub struct SecretKey(bls::SecretKey);

impl SecretKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`sealwire_crypto::Error::Random`]
    pub fn generate(random: &dyn Random) -> Result<Self, sealwire_crypto::Error> {
        bls::SecretKey::generate(random).map(Self)
    }

    /// From base64url of the scalar, big-endian (EN-66).
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        // In constant time, unlike the base64url of public values.
        let mut bytes = Zeroizing::new([0; SCALAR_LEN]);
        let decoded = Base64UrlUnpadded::decode(text, bytes.as_mut_slice()).map_err(|_| KeyError)?;
        bls::SecretKey::from_bytes(decoded).map(Self).map_err(|_| KeyError)
    }

    /// Base64url of the scalar, big-endian.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64UrlUnpadded::encode_string(self.0.to_bytes().as_slice()))
    }

    /// Base64url of the public key.
    #[must_use]
    pub fn public_key_text(&self) -> String {
        base64url::encode(self.0.public_key().to_bytes())
    }

    /// Base64url of the proof that this key is held, with which its public key is registered (SP-48).
    #[must_use]
    pub fn possession_text(&self) -> String {
        base64url::encode(self.0.prove_possession().to_bytes())
    }

    /// Signs an envelope as one of several signers (EN-67).
    #[must_use]
    pub fn sign(&self, signer_id: &str, envelope: &Envelope) -> Partial {
        let hash = super::partial::canonical_hash(envelope);
        Partial { signer_id: signer_id.to_owned(), signature: self.0.sign(&hash).to_bytes(), hash }
    }

    /// The key, to be split among holders of shares.
    #[must_use]
    pub fn as_bls(&self) -> &bls::SecretKey {
        &self.0
    }
}

impl From<bls::SecretKey> for SecretKey {
    fn from(key: bls::SecretKey) -> Self {
        Self(key)
    }
}
