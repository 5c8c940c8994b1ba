//! HMAC (RFC 2104).

use aws_lc_rs::hmac;

use crate::{
    Error,
    digest::{self, Hash},
};

/// HMAC-SHA-256 over the parts, joined.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(sign(&hmac::Key::new(hmac::HMAC_SHA256, key), parts).as_ref());
    out
}

/// An HMAC key, hashed into its two blocks once. Wiped on drop.
pub struct Key {
    key: hmac::Key,
}

impl Key {
    /// A key of any length; below [`Hash::digest_len`] bytes it is weaker than the hash.
    #[must_use]
    pub fn new(hash: Hash, key: &[u8]) -> Self {
        Self { key: hmac::Key::new(algorithm(hash), key) }
    }

    /// The tag of the parts, joined, of [`Hash::digest_len`] bytes.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> Tag {
        let mut bytes = [0; digest::MAX_LEN];
        let len = digest::copy(sign(&self.key, parts).as_ref(), &mut bytes);
        Tag { bytes, len }
    }

    /// Verifies a whole tag in constant time.
    ///
    /// # Errors
    /// [`Error::Open`]; also for a tag of another length.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> Result<(), Error> {
        equal(self.sign(parts).as_bytes(), tag)
    }

    /// The first `N` bytes of the tag, 16 to 32 (RFC 2104 section 5), which is checked when it compiles.
    #[must_use]
    pub fn sign_truncated<const N: usize>(&self, parts: &[&[u8]]) -> [u8; N] {
        const { assert!(N >= 16 && N <= 32, "of no use below, longer than a digest above") };
        let mut out = [0; N];
        for (to, from) in out.iter_mut().zip(self.sign(parts).bytes) {
            *to = from;
        }
        out
    }

    /// Verifies what [`Key::sign_truncated`] gives, in constant time.
    ///
    /// # Errors
    /// [`Error::Open`]
    pub fn verify_truncated<const N: usize>(&self, parts: &[&[u8]], tag: &[u8; N]) -> Result<(), Error> {
        equal(&self.sign_truncated::<N>(parts), tag)
    }
}

/// A tag. It has no equality of its own, since a comparison that stops early gives forgeries away.
#[derive(Clone, Copy)]
pub struct Tag {
    bytes: [u8; digest::MAX_LEN],
    len: usize,
}

impl Tag {
    /// The bytes, as many as a digest of the key's hash has.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

pub(crate) fn algorithm(hash: Hash) -> hmac::Algorithm {
    match hash {
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    }
}

fn sign(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

fn equal(ours: &[u8], theirs: &[u8]) -> Result<(), Error> {
    if digest::constant_time_eq(ours, theirs) { Ok(()) } else { Err(Error::Open) }
}
