//! RSASSA-PSS with SHA-384, MGF1-SHA-384 and a 48-byte salt, as AMD's certificates use it.

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PSS_2048_8192_SHA384, RSA_PSS_SHA384, UnparsedPublicKey},
};

use crate::Error;
use zeroize::Zeroizing;

/// A signing key. Wiped on drop.
pub struct SigningKey {
    pair: KeyPair,
}

impl SigningKey {
    /// A fresh key of 4096 bits. Takes seconds.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate() -> Result<Self, Error> {
        Ok(Self { pair: KeyPair::generate(KeySize::Rsa4096).map_err(|_| Error::Random)? })
    }

    /// Parses PKCS#8 in DER.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        Ok(Self { pair: KeyPair::from_pkcs8(der).map_err(|_| Error::Key)? })
    }

    /// The key as PKCS#8 in DER.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let document: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| Error::Key)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The public key as an RSAPublicKey in DER (RFC 8017 A.1.1), the content of a SubjectPublicKeyInfo's bit string.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PSS_SHA384, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| Error::Random)?;
        Ok(signature)
    }
}

/// Verifies a signature; `public_key` is an RSAPublicKey in DER of 2048 to 8192 bits.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA384, public_key)
        .verify(message, signature)
        .map_err(|_| Error::Signature)
}
