//! BLS signatures on BLS12-381, with public keys in G1 and signatures in G2 (the "minimal public key size" variant of
//! draft-irtf-cfrg-bls-signature): many signatures of one message add up to one.
//!
//! A key, once it is a [`PublicKey`], and a signature, once it is a [`Signature`], is a point of the prime-order subgroup
//! and not the identity. What is signed is hashed with one of two domain separation tags, so that a proof of possession
//! is no signature of a message and a signature of a message is no proof.

mod scalar;

use blst::{
    BLST_ERROR,
    min_pk::{self, AggregatePublicKey, AggregateSignature},
};

use crate::{
    Error,
    random::{self, Random},
};
pub use scalar::{SCALAR_LEN, Scalar};
use zeroize::Zeroizing;

/// Length of a compressed public key in bytes.
pub const PUBLIC_KEY_LEN: usize = 48;
/// Length of a compressed signature in bytes.
pub const SIGNATURE_LEN: usize = 96;

/// The tag of messages: the basic scheme.
const MESSAGE: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";
/// The tag of proofs of possession.
const POSSESSION: &[u8] = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// A signing key: a scalar that is not zero. Wiped on drop.
pub struct SecretKey(min_pk::SecretKey);

impl SecretKey {
    /// A fresh key: the next 32 bytes of `random` are its input keying material (KeyGen of the draft).
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        let ikm = Zeroizing::new(random::array::<32>(random)?);
        min_pk::SecretKey::key_gen(ikm.as_slice(), &[]).map(Self).map_err(|_| Error::Random)
    }

    /// Parses [`SCALAR_LEN`] bytes, big-endian.
    ///
    /// # Errors
    /// [`Error::Key`] on another length, zero, or a number that is not below the order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != SCALAR_LEN {
            return Err(Error::Key);
        }
        min_pk::SecretKey::from_bytes(bytes).map(Self).map_err(|_| Error::Key)
    }

    /// The scalar, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.sk_to_pk())
    }

    /// Signs `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message, MESSAGE, &[]))
    }

    /// Proves that this key is held by whoever presents its public key, which alone is what is signed.
    #[must_use]
    pub fn prove_possession(&self) -> Signature {
        Signature(self.0.sign(&self.public_key().to_bytes(), POSSESSION, &[]))
    }
}

/// A public key, or a sum of them: in the prime-order subgroup, not the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(min_pk::PublicKey);

impl PublicKey {
    /// Parses and validates [`PUBLIC_KEY_LEN`] compressed bytes.
    ///
    /// # Errors
    /// [`Error::Key`]: another length, off the curve, outside the subgroup, the identity, x not below the modulus.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != PUBLIC_KEY_LEN {
            return Err(Error::Key);
        }
        let key = min_pk::PublicKey::uncompress(bytes).map_err(|_| Error::Key)?;
        key.validate().map_err(|_| Error::Key)?;
        Ok(Self(key))
    }

    /// The compressed bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_LEN] {
        self.0.compress()
    }

    /// The sum of keys, under which the sum of their signatures of one message verifies.
    ///
    /// That alone says nothing about who signed: a key chosen as a difference cancels another one out, so each key has to
    /// have come with a proof that [`PublicKey::verify_possession`] took.
    ///
    /// # Errors
    /// [`Error::Key`]: no key, or keys whose sum is the identity.
    pub fn sum(keys: &[&Self]) -> Result<Self, Error> {
        let keys: Vec<&min_pk::PublicKey> = keys.iter().map(|key| &key.0).collect();
        let sum = AggregatePublicKey::aggregate(&keys, false).map_err(|_| Error::Key)?.to_public_key();
        sum.validate().map_err(|_| Error::Key)?;
        Ok(Self(sum))
    }

    /// Verifies a signature of `message`.
    ///
    /// # Errors
    /// [`Error::Signature`]
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), Error> {
        self.check(message, MESSAGE, signature)
    }

    /// Verifies a proof that the secret key is held.
    ///
    /// # Errors
    /// [`Error::Signature`]
    pub fn verify_possession(&self, proof: &Signature) -> Result<(), Error> {
        self.check(&self.to_bytes(), POSSESSION, proof)
    }

    /// Both points have been validated when they were parsed.
    fn check(&self, message: &[u8], tag: &[u8], signature: &Signature) -> Result<(), Error> {
        match signature.0.verify(false, message, tag, &[], &self.0, false) {
            BLST_ERROR::BLST_SUCCESS => Ok(()),
            _ => Err(Error::Signature),
        }
    }
}

/// A signature, or a sum of them: in the prime-order subgroup, not the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature(min_pk::Signature);

impl Signature {
    /// Parses and validates [`SIGNATURE_LEN`] compressed bytes.
    ///
    /// # Errors
    /// [`Error::Signature`]: another length, off the curve, outside the subgroup, the identity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != SIGNATURE_LEN {
            return Err(Error::Signature);
        }
        let signature = min_pk::Signature::uncompress(bytes).map_err(|_| Error::Signature)?;
        signature.validate(true).map_err(|_| Error::Signature)?;
        Ok(Self(signature))
    }

    /// The compressed bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SIGNATURE_LEN] {
        self.0.compress()
    }

    /// The sum of signatures.
    ///
    /// # Errors
    /// [`Error::Signature`]: none at all, or signatures whose sum is the identity.
    pub fn sum(signatures: &[&Self]) -> Result<Self, Error> {
        let signatures: Vec<&min_pk::Signature> = signatures.iter().map(|signature| &signature.0).collect();
        let sum = AggregateSignature::aggregate(&signatures, false).map_err(|_| Error::Signature)?;
        let sum = sum.to_signature();
        sum.validate(true).map_err(|_| Error::Signature)?;
        Ok(Self(sum))
    }
}
