//! Signing with ECDSA on P-384 and SHA-384, as hardware does it; [`super::ecdsa`] verifies.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};

use crate::Error;
use zeroize::Zeroizing;

const PUBLIC_KEY_LEN: usize = 97;

/// A signing key. Wiped on drop.
pub struct SigningKey {
    pair: EcdsaKeyPair,
}

impl SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate() -> Result<Self, Error> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(|_| Error::Random)?;
        Ok(Self { pair })
    }

    /// Parses PKCS#8 in DER.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der).map_err(|_| Error::Key)?;
        Ok(Self { pair })
    }

    /// The key as PKCS#8 in DER.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let document = self.pair.to_pkcs8v1().map_err(|_| Error::Key)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The public key as an uncompressed point, 97 bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_LEN] {
        let mut out = [0; PUBLIC_KEY_LEN];
        out.copy_from_slice(self.pair.public_key().as_ref());
        out
    }

    /// Signs `message`: r || s, 48 bytes each, big-endian.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 96], Error> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| Error::Random)?;
        signature.as_ref().try_into().map_err(|_| Error::Random)
    }
}
