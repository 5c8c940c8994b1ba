//! X25519 (RFC 7748) with keys that are kept, for protocols that derive from the agreement in their own way. What can
//! choose uses [`crate::hpke`].

use crate::{
    Error,
    ecdh::{Curve, PrivateScalar},
    random::Random,
};
use zeroize::Zeroizing;

/// Length of a private key, of a public key, and of what is agreed on, in bytes.
pub const LEN: usize = 32;

/// A private key. Wiped on drop.
pub struct PrivateKey(PrivateScalar);

impl PrivateKey {
    /// A fresh key: the next 32 bytes of `random`.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        PrivateScalar::generate(Curve::X25519, random).map(Self)
    }

    /// Parses [`LEN`] bytes.
    ///
    /// # Errors
    /// [`Error::Key`] on another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        PrivateScalar::from_bytes(Curve::X25519, bytes).map(Self)
    }

    /// The public key.
    ///
    /// # Errors
    /// [`Error::Key`], which no key here gives.
    pub fn public_key(&self) -> Result<[u8; LEN], Error> {
        self.0.public_key()?.try_into().map_err(|_| Error::Key)
    }

    /// The agreement with a peer's public key.
    ///
    /// # Errors
    /// [`Error::Kem`]: another length, or low order, which would agree on zero.
    pub fn agree(&self, public_key: &[u8]) -> Result<Zeroizing<[u8; LEN]>, Error> {
        let point = Curve::X25519.point(public_key).ok_or(Error::Kem)?;
        let mut out = Zeroizing::new([0; LEN]);
        self.0.agree(point, out.as_mut_slice())?;
        Ok(out)
    }
}
