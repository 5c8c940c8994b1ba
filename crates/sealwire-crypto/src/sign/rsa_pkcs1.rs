//! Verifying RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2), which TPMs and their makers' certificates still use.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
};

use crate::{Error, digest::Hash};

/// Verifies a signature over the `hash` of `message`; `public_key` is an RSAPublicKey in DER of 2048 to 8192 bits.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify(hash: Hash, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    let parameters = match hash {
        Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
    };
    UnparsedPublicKey::new(parameters, public_key).verify(message, signature).map_err(|_| Error::Signature)
}
