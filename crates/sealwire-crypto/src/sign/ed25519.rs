//! Ed25519 (RFC 8032).

use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::{
    Error,
    random::{self, Random},
};
use zeroize::Zeroizing;

/// A signing key. Wiped on drop.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// A fresh key: the next 32 bytes of `random` are its seed.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        let seed = Zeroizing::new(random::array::<32>(random)?);
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| Error::Random)?;
        Ok(Self { pair })
    }

    /// Parses an unencrypted PKCS#8 document in DER (RFC 5958).
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        Ok(Self { pair: Ed25519KeyPair::from_pkcs8(der).map_err(|_| Error::Key)? })
    }

    /// The key as PKCS#8 in DER, without the public key, which is the form that every tool reads.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let document = self.pair.to_pkcs8v1().map_err(|_| Error::Key)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The public key, 32 bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.pair.public_key().as_ref());
        out
    }

    /// Signs `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(message).as_ref());
        out
    }
}

/// Verifies a signature; `public_key` has 32 bytes, `signature` 64.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    UnparsedPublicKey::new(&signature::ED25519, public_key)
        .verify(message, signature)
        .map_err(|_| Error::Signature)
}
