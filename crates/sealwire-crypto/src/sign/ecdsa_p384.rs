//! ECDSA on P-384 with SHA-384; signatures are r || s, 48 bytes each, big-endian.

use crate::Error;
use zeroize::Zeroizing;

/// A signing key. Wiped on drop.
pub struct SigningKey {}

impl SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate() -> Result<Self, Error> {
        todo!()
    }
    /// Parses PKCS#8 in DER.
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
    /// The public key as an uncompressed point, 97 bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; 97] {
        todo!()
    }
    /// Signs `message`.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn sign(&self, _message: &[u8]) -> Result<[u8; 96], Error> {
        todo!()
    }
}

/// Verifies a signature; `public_key` is an uncompressed point.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify(_public_key: &[u8], _message: &[u8], _signature: &[u8]) -> Result<(), Error> {
    todo!()
}
