//! AES-128 in cipher feedback mode with whole blocks (NIST SP 800-38A section 6.3), as TPMs protect what they store.

use aws_lc_rs::{
    cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey},
    iv::FixedLength,
};

use crate::Error;

/// Encrypts `in_out` in place. A key may be used once with an `iv`.
///
/// # Errors
/// [`Error::Key`] when the backend fails.
pub fn aes128_encrypt(key: &[u8; 16], iv: &[u8; 16], in_out: &mut [u8]) -> Result<(), Error> {
    let key = UnboundCipherKey::new(&AES_128, key).map_err(|_| Error::Key)?;
    let key = EncryptingKey::cfb128(key).map_err(|_| Error::Key)?;
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(in_out, context).map(drop).map_err(|_| Error::Key)
}
