//! What is negotiated (SE-04, SE-09). The key agreement is [`Group`]'s.

use sealwire_crypto::{aead::Aead, kdf::Hkdf};

pub use sealwire_crypto::kx::Group;

/// The AEAD of a session; the hash follows from it (SE-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Suite {
    /// of the handshake, requests, answers and channels alike
    pub aead: Aead,
}

impl Suite {
    /// The suite of an AEAD's identifier.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Aead::from_id(id).map(|aead| Self { aead })
    }

    /// The hash under HKDF, HMAC and the transcript.
    #[must_use]
    pub fn hash(self) -> Hkdf {
        match self.aead {
            Aead::Aes128Gcm => Hkdf::Sha256,
            Aead::Aes256Gcm | Aead::ChaCha20Poly1305 => Hkdf::Sha384,
        }
    }

    /// The stable name: `aes-256-gcm-sha384`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.aead {
            Aead::Aes128Gcm => "aes-128-gcm-sha256",
            Aead::Aes256Gcm => "aes-256-gcm-sha384",
            Aead::ChaCha20Poly1305 => "chacha20-poly1305-sha384",
        }
    }
}

/// With which keys an identity signs (SE-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Scheme {
    /// Ed25519 and ML-DSA-65 together: both have to verify
    Ed25519MlDsa65 = 1,
    /// Ed25519 alone: only where both sides say so
    Ed25519 = 2,
    /// SLH-DSA-SHA2-192f
    SlhDsaSha2192f = 3,
}

impl Scheme {
    /// The scheme of an identifier.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        [Self::Ed25519MlDsa65, Self::Ed25519, Self::SlhDsaSha2192f]
            .into_iter()
            .find(|scheme| scheme.id() == id)
    }

    /// The identifier.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519MlDsa65 => "ed25519+ml-dsa-65",
            Self::Ed25519 => "ed25519",
            Self::SlhDsaSha2192f => "slh-dsa-sha2-192f",
        }
    }
}
