//! Ed25519 (RFC 8032).

use crate::{Error, random::Random};
use zeroize::Zeroizing;

/// A signing key. Wiped on drop.
pub struct SigningKey {}

impl SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(_random: &dyn Random) -> Result<Self, Error> {
        todo!()
    }
    /// Parses an unencrypted PKCS#8 document in DER (RFC 5958).
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_pkcs8(_der: &[u8]) -> Result<Self, Error> {
        todo!()
    }
    /// The key as PKCS#8 in DER.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        todo!()
    }
    /// The public key, 32 bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        todo!()
    }
    /// Signs `message`.
    #[must_use]
    pub fn sign(&self, _message: &[u8]) -> [u8; 64] {
        todo!()
    }
}

/// Verifies a signature; `public_key` has 32 bytes, `signature` 64.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify(_public_key: &[u8], _message: &[u8], _signature: &[u8]) -> Result<(), Error> {
    todo!()
}
