//! Diffie-Hellman on an elliptic curve, for the KEMs and the key agreements.

use aws_lc_rs::agreement::{self, Algorithm, ECDH_P256, ECDH_P384, ParsedPublicKey, UnparsedPublicKey};

use crate::{
    Error,
    random::{self, Random},
};

/// A curve and the function on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    X25519,
}

impl Curve {
    /// Length of a point in bytes; on P-256 and P-384 uncompressed (SEC 1 section 2.3.3).
    pub(crate) const fn point_len(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::P384 => 97,
            Self::X25519 => 32,
        }
    }

    /// Length of a scalar, and of what is agreed on, in bytes.
    pub(crate) const fn secret_len(self) -> usize {
        match self {
            Self::P256 | Self::X25519 => 32,
            Self::P384 => 48,
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::P256 => &ECDH_P256,
            Self::P384 => &ECDH_P384,
            Self::X25519 => &agreement::X25519,
        }
    }

    /// Parses a peer's point: on the curve for P-256 and P-384, any 32 bytes for X25519, where low order shows only in
    /// the agreement.
    pub(crate) fn point(self, bytes: &[u8]) -> Option<ParsedPublicKey> {
        // The backend also reads compressed points and SubjectPublicKeyInfo, which nothing here has.
        let uncompressed = self == Self::X25519 || bytes.first() == Some(&4);
        if bytes.len() != self.point_len() || !uncompressed {
            return None;
        }
        UnparsedPublicKey::new(self.algorithm(), bytes).try_into().ok()
    }
}

/// A scalar of the curve. Wiped on drop.
pub(crate) struct PrivateScalar(agreement::PrivateKey);

impl PrivateScalar {
    /// The next [`Curve::secret_len`] bytes of `random` that are a scalar.
    pub(crate) fn generate(curve: Curve, random: &dyn Random) -> Result<Self, Error> {
        match curve {
            Curve::P256 | Curve::X25519 => {
                random::key::<32, _>(random, |bytes| Self::from_bytes(curve, bytes))
            }
            Curve::P384 => random::key::<48, _>(random, |bytes| Self::from_bytes(curve, bytes)),
        }
    }

    pub(crate) fn from_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, Error> {
        agreement::PrivateKey::from_private_key(curve.algorithm(), bytes).map(Self).map_err(|_| Error::Key)
    }

    pub(crate) fn public_key(&self) -> Result<Vec<u8>, Error> {
        let public = self.0.compute_public_key().map_err(|_| Error::Key)?;
        Ok(public.as_ref().to_vec())
    }

    /// Fills `out`, [`Curve::secret_len`] bytes. Fails when the result is zero, that is, when the point has low order
    /// (OB-04).
    pub(crate) fn agree(&self, point: ParsedPublicKey, out: &mut [u8]) -> Result<(), Error> {
        agreement::agree(&self.0, point, Error::Kem, |secret| {
            if secret.len() != out.len() {
                return Err(Error::Kem);
            }
            out.copy_from_slice(secret);
            Ok(())
        })
    }
}
