//! RSASSA-PSS with SHA-384, MGF1-SHA-384 and a 48-byte salt, as AMD's certificates use it.

use crate::Error;
use zeroize::Zeroizing;

/// A signing key. Wiped on drop.
pub struct SigningKey {}

impl SigningKey {
    /// A fresh key of 4096 bits. Takes seconds.
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
    /// The public key as an RSAPublicKey in DER (RFC 8017 A.1.1), the content of a SubjectPublicKeyInfo's bit string.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        todo!()
    }
    /// Signs `message`.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, Error> {
        todo!()
    }
}

/// Verifies a signature; `public_key` is an RSAPublicKey in DER of 2048 to 8192 bits.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify(_public_key: &[u8], _message: &[u8], _signature: &[u8]) -> Result<(), Error> {
    todo!()
}
