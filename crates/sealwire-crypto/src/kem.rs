//! KEMs by their HPKE identifiers; private and public keys are parsed once and kept (OB-03).

use crate::{Error, random::Random};
use zeroize::Zeroizing;

/// A KEM by its HPKE identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Kem {
    /// DHKEM(P-256, HKDF-SHA256)
    P256 = 0x0010,
    /// DHKEM(X25519, HKDF-SHA256)
    X25519 = 0x0020,
    /// X-Wing: ML-KEM-768 and X25519 (draft-connolly-cfrg-xwing-kem)
    XWing = 0x647a,
}

impl Kem {
    /// The KEM of an HPKE identifier.
    #[must_use]
    pub fn from_id(_id: u16) -> Option<Self> {
        todo!()
    }
    /// The HPKE identifier.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }
    /// Length of an encapsulated key in bytes (Nenc).
    #[must_use]
    pub fn enc_len(self) -> usize {
        todo!()
    }
    /// Length of a public key in bytes (Npk).
    #[must_use]
    pub fn public_key_len(self) -> usize {
        todo!()
    }
    /// Length of a private key in bytes (Nsk); for X-Wing the seed.
    #[must_use]
    pub fn private_key_len(self) -> usize {
        todo!()
    }
}

/// A validated public key.
#[derive(Clone)]
pub struct PublicKey {}

impl PublicKey {
    /// Parses and validates `bytes` (OB-04, OB-119).
    ///
    /// # Errors
    /// [`Error::Key`]: wrong length, low order, off the curve, modulus check.
    pub fn from_bytes(_kem: Kem, _bytes: &[u8]) -> Result<Self, Error> {
        todo!()
    }
    /// The KEM.
    #[must_use]
    pub fn kem(&self) -> Kem {
        todo!()
    }
    /// Npk bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        todo!()
    }
}

/// A private key, expanded once. Wiped on drop.
pub struct PrivateKey {}

impl PrivateKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(_kem: Kem, _random: &dyn Random) -> Result<Self, Error> {
        todo!()
    }
    /// Parses Nsk bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_bytes(_kem: Kem, _bytes: &[u8]) -> Result<Self, Error> {
        todo!()
    }
    /// Its public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        todo!()
    }
}

/// What both sides of an encapsulation share.
pub type SharedSecret = Zeroizing<[u8; 32]>;
