//! KEMs by their HPKE identifiers; private and public keys are parsed once and kept (OB-03).

mod dhkem;
mod xwing;

use std::sync::Arc;

use crate::{
    Error,
    random::{self, Random},
};
use dhkem::Group;
use zeroize::Zeroizing;

/// A fresh ephemeral key on P-256 and its agreement with `public_key`, both uncompressed points: the shared secret is the
/// x coordinate (SP 800-56A section 5.7.1.2). For protocols that derive keys from it in their own way.
///
/// # Errors
/// [`Error::Key`] when `public_key` is no point on the curve, [`Error::Random`].
pub fn p256_ephemeral(
    public_key: &[u8],
    random: &dyn Random,
) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>), Error> {
    dhkem::PublicKey::from_bytes(Group::P256, public_key)?.ephemeral(random)
}

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
    pub fn from_id(id: u16) -> Option<Self> {
        [Self::P256, Self::X25519, Self::XWing].into_iter().find(|kem| kem.id() == id)
    }

    /// The HPKE identifier.
    #[must_use]
    pub fn id(self) -> u16 {
        self as u16
    }

    /// Length of an encapsulated key in bytes (Nenc).
    #[must_use]
    pub fn enc_len(self) -> usize {
        match self {
            Self::P256 | Self::X25519 => self.public_key_len(),
            Self::XWing => xwing::ENC_LEN,
        }
    }

    /// Length of a public key in bytes (Npk).
    #[must_use]
    pub fn public_key_len(self) -> usize {
        match self {
            Self::P256 => Group::P256.public_key_len(),
            Self::X25519 => Group::X25519.public_key_len(),
            Self::XWing => xwing::PUBLIC_KEY_LEN,
        }
    }

    /// Length of a private key in bytes (Nsk); for X-Wing the seed.
    #[must_use]
    pub fn private_key_len(self) -> usize {
        PRIVATE_KEY_LEN
    }
}

/// Nsk of every KEM here.
const PRIVATE_KEY_LEN: usize = 32;

/// What both sides of an encapsulation share.
pub type SharedSecret = Zeroizing<[u8; 32]>;

/// A validated public key. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey(Arc<Public>);

enum Public {
    Dh(dhkem::PublicKey),
    XWing(xwing::PublicKey),
}

impl PublicKey {
    /// Parses and validates `bytes` (OB-04, OB-119).
    ///
    /// # Errors
    /// [`Error::Key`]: wrong length, low order, off the curve, modulus check.
    pub fn from_bytes(kem: Kem, bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self(Arc::new(match kem {
            Kem::P256 => Public::Dh(dhkem::PublicKey::from_bytes(Group::P256, bytes)?),
            Kem::X25519 => Public::Dh(dhkem::PublicKey::from_bytes(Group::X25519, bytes)?),
            Kem::XWing => Public::XWing(xwing::PublicKey::from_bytes(bytes)?),
        })))
    }

    /// The KEM.
    #[must_use]
    pub fn kem(&self) -> Kem {
        match &*self.0 {
            Public::Dh(key) => key.group().kem(),
            Public::XWing(_) => Kem::XWing,
        }
    }

    /// Npk bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &*self.0 {
            Public::Dh(key) => key.as_bytes(),
            Public::XWing(key) => key.as_bytes(),
        }
    }

    /// Encap: the encapsulated key (Nenc bytes) and the shared secret. An elliptic-curve ephemeral key is the next 32
    /// bytes of `random`, as they are; the ML-KEM half of X-Wing draws from the backend's own generator, or, before them,
    /// 32 bytes of a script ([`Random::is_scripted`]).
    ///
    /// # Errors
    /// [`Error::Kem`], [`Error::Random`]
    pub fn encapsulate(&self, random: &dyn Random) -> Result<(Vec<u8>, SharedSecret), Error> {
        match &*self.0 {
            Public::Dh(key) => key.encapsulate(random),
            Public::XWing(key) => key.encapsulate(random),
        }
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PublicKey").field(&self.kem()).finish_non_exhaustive()
    }
}

/// A private key, expanded once. Wiped on drop.
pub struct PrivateKey {
    key: Private,
    public: PublicKey,
}

enum Private {
    Dh(dhkem::PrivateKey),
    XWing(xwing::PrivateKey),
}

impl PrivateKey {
    /// A fresh key: the next 32 bytes of `random` that are one.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(kem: Kem, random: &dyn Random) -> Result<Self, Error> {
        random::key::<PRIVATE_KEY_LEN, _>(random, |bytes| Self::from_bytes(kem, bytes))
    }

    /// Parses Nsk bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_bytes(kem: Kem, bytes: &[u8]) -> Result<Self, Error> {
        let bytes = bytes.try_into().map_err(|_| Error::Key)?;
        let (key, public) = match kem {
            Kem::P256 | Kem::X25519 => {
                let group = if kem == Kem::P256 { Group::P256 } else { Group::X25519 };
                let (key, public) = dhkem::PrivateKey::from_bytes(group, bytes)?;
                (Private::Dh(key), Public::Dh(public))
            }
            Kem::XWing => {
                let (key, public) = xwing::PrivateKey::from_seed(bytes)?;
                (Private::XWing(key), Public::XWing(public))
            }
        };
        Ok(Self { key, public: PublicKey(Arc::new(public)) })
    }

    /// Its public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Decap: the shared secret of an encapsulated key.
    ///
    /// # Errors
    /// [`Error::Kem`]: wrong length, low order, off the curve (OB-04). An ML-KEM ciphertext that was altered is no error
    /// here: it gives another secret, and the first tag fails.
    pub fn decapsulate(&self, enc: &[u8]) -> Result<SharedSecret, Error> {
        match &self.key {
            Private::Dh(key) => key.decapsulate(enc, self.public.as_bytes()),
            Private::XWing(key) => key.decapsulate(enc, self.public.as_bytes()),
        }
    }
}
