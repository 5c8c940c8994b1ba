//! RSAES-OAEP with SHA-256 and MGF1-SHA-256 (RFC 8017 section 7.1): to an endorsement key of a TPM.

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};

use crate::Error;

/// RSAES-OAEP-ENCRYPT. `public_key` is a SubjectPublicKeyInfo in DER of 2048 to 8192 bits; the label is all of
/// `label`, whatever bytes it has.
///
/// # Errors
/// [`Error::Key`] for a key that is none, [`Error::Limit`] for a message that is too long for it.
pub fn encrypt_sha256(public_key: &[u8], label: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    let key = PublicEncryptingKey::from_der(public_key).map_err(|_| Error::Key)?;
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| Error::Key)?;
    let mut out = vec![0; key.ciphertext_size()];
    let written = key.encrypt(&OAEP_SHA256_MGF1SHA256, message, &mut out, Some(label));
    let len = written.map_err(|_| Error::Limit)?.len();
    out.truncate(len);
    Ok(out)
}
