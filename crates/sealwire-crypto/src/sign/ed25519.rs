//! Ed25519 (RFC 8032).

use std::sync::{Arc, LazyLock};

use aws_lc_rs::{
    encoding::{AsBigEndian as _, Curve25519SeedBin},
    signature::{self, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::{CompressedEdwardsY, VartimeEdwardsPrecomputation},
    scalar::Scalar,
    traits::VartimePrecomputedMultiscalarMul as _,
};

use crate::{
    Error, digest,
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

    /// The key of a seed (RFC 8032 section 5.1.5), 32 bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_seed(seed: &[u8]) -> Result<Self, Error> {
        Ok(Self { pair: Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Key)? })
    }

    /// The seed, 32 bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn to_seed(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let seed = self.pair.seed().map_err(|_| Error::Key)?;
        let bytes: Curve25519SeedBin = seed.as_be_bytes().map_err(|_| Error::Key)?;
        Ok(Zeroizing::new(bytes.as_ref().to_vec()))
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

/// A public key that was decoded and checked once: it is on the curve, in its only encoding, and of no small order, under
/// which everybody could sign. [`VerifyingKey::verify`] is as strict about signatures.
///
/// It holds multiples of the key, some 20 KiB, with which a signature verifies in three quarters of the time that it takes
/// from the bytes alone.
#[derive(Clone)]
pub struct VerifyingKey {
    /// of the base point and of the negated key
    multiples: Arc<VartimeEdwardsPrecomputation>,
    bytes: [u8; 32],
}

impl VerifyingKey {
    /// Decodes a public key of 32 bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| Error::Key)?;
        let point = CompressedEdwardsY(bytes).decompress().ok_or(Error::Key)?;
        if point.compress().to_bytes() != bytes || point.is_small_order() {
            return Err(Error::Key);
        }
        let multiples = VartimeEdwardsPrecomputation::new([ED25519_BASEPOINT_POINT, -point]);
        Ok(Self { multiples: Arc::new(multiples), bytes })
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Verifies a signature of 64 bytes by the cofactorless equation (RFC 8032 section 5.1.7). S has to be below the order,
    /// and R neither of small order nor otherwise encoded than it has to be, so that there is one signature only and it
    /// commits to the message. Everything here is public, so nothing is done in constant time.
    ///
    /// # Errors
    /// [`Error::Signature`]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let signature: &[u8; 64] = signature.try_into().map_err(|_| Error::Signature)?;
        let (r, s) = signature.split_first_chunk::<32>().ok_or(Error::Signature)?;
        let s: [u8; 32] = s.try_into().map_err(|_| Error::Signature)?;
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)).ok_or(Error::Signature)?;
        if SMALL_ORDER.contains(r) {
            return Err(Error::Signature);
        }
        let k = Scalar::from_bytes_mod_order_wide(&digest::sha512(&[r, &self.bytes, message]));
        // The encoding that is computed is the canonical one, so no other R equals it.
        let expected = self.multiples.vartime_multiscalar_mul([s, k]).compress();
        if expected.as_bytes() == r { Ok(()) } else { Err(Error::Signature) }
    }
}

/// The eight points whose order divides the cofactor, encoded.
static SMALL_ORDER: LazyLock<[[u8; 32]; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().to_bytes()));
