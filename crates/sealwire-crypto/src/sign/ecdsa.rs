//! Verifying ECDSA on the NIST curves, as certificates and hardware use it.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_FIXED,
    EcdsaVerificationAlgorithm, UnparsedPublicKey,
};

use crate::Error;

/// A curve, with the hash that goes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// P-256 with SHA-256
    P256Sha256,
    /// P-256 with SHA-384
    P256Sha384,
    /// P-384 with SHA-256
    P384Sha256,
    /// P-384 with SHA-384
    P384Sha384,
    /// P-521 with SHA-512
    P521Sha512,
}

impl Scheme {
    /// Length of an uncompressed point in bytes.
    #[must_use]
    pub fn public_key_len(self) -> usize {
        match self {
            Self::P256Sha256 | Self::P256Sha384 => 65,
            Self::P384Sha256 | Self::P384Sha384 => 97,
            Self::P521Sha512 => 133,
        }
    }
}

/// Verifies a signature in DER (RFC 3279 section 2.2.3); `public_key` is an uncompressed point.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify_der(scheme: Scheme, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    let algorithm = match scheme {
        Scheme::P256Sha256 => &ECDSA_P256_SHA256_ASN1,
        Scheme::P256Sha384 => &ECDSA_P256_SHA384_ASN1,
        Scheme::P384Sha256 => &ECDSA_P384_SHA256_ASN1,
        Scheme::P384Sha384 => &ECDSA_P384_SHA384_ASN1,
        Scheme::P521Sha512 => &ECDSA_P521_SHA512_ASN1,
    };
    verify(algorithm, scheme, public_key, message, signature)
}

/// Verifies a signature that is r || s, big-endian, each as long as the curve's order. For the curves with the hash of
/// their own size.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify_fixed(
    scheme: Scheme,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let algorithm = match scheme {
        Scheme::P256Sha256 => &ECDSA_P256_SHA256_FIXED,
        Scheme::P384Sha384 => &ECDSA_P384_SHA384_FIXED,
        Scheme::P521Sha512 => &ECDSA_P521_SHA512_FIXED,
        Scheme::P256Sha384 | Scheme::P384Sha256 => return Err(Error::Signature),
    };
    verify(algorithm, scheme, public_key, message, signature)
}

fn verify(
    algorithm: &'static EcdsaVerificationAlgorithm,
    scheme: Scheme,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    // The backend would also read compressed points and SubjectPublicKeyInfo.
    if public_key.len() != scheme.public_key_len() || public_key.first() != Some(&4) {
        return Err(Error::Signature);
    }
    UnparsedPublicKey::new(algorithm, public_key).verify(message, signature).map_err(|_| Error::Signature)
}
