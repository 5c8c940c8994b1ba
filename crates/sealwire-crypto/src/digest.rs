//! Hashes over a list of parts, joined, and over what comes piece by piece.

use aws_lc_rs::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use subtle::ConstantTimeEq;

/// Length of the longest digest here, in bytes.
pub const MAX_LEN: usize = 64;

/// A hash that is chosen at run time, such as a suite's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl Hash {
    /// Length of a digest in bytes (Nh): 32, 48 or 64.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of the parts, joined.
    #[must_use]
    pub fn digest(self, parts: &[&[u8]]) -> Digest {
        Digest::new(&hash(self.algorithm(), parts))
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        }
    }
}

/// A digest of [`Hash::digest_len`] bytes. Public data: comparison is not in constant time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Digest {
    fn new(digest: &aws_lc_rs::digest::Digest) -> Self {
        let mut bytes = [0; MAX_LEN];
        let len = copy(digest.as_ref(), &mut bytes);
        Self { bytes, len }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The digest of a transcript that goes on: what has been said so far can be had at any time.
#[derive(Clone)]
pub struct Running(Context);

impl Running {
    /// Of nothing yet.
    #[must_use]
    pub fn new(hash: Hash) -> Self {
        Self(Context::new(hash.algorithm()))
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces so far, joined; more may follow.
    #[must_use]
    pub fn peek(&self) -> Digest {
        self.clone().finish()
    }

    /// The digest of all pieces, joined.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest::new(&self.0.finish())
    }
}

/// SHA-1 of the parts, joined: a name for a key or an issuer where a standard has no other (RFC 6960). Collisions can be
/// made, so nothing is proven by it.
#[must_use]
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    array(&hash(&SHA1_FOR_LEGACY_USE_ONLY, parts))
}

/// SHA-256 of the parts, joined.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    array(&hash(&SHA256, parts))
}

/// SHA-384 of the parts, joined.
#[must_use]
pub fn sha384(parts: &[&[u8]]) -> [u8; 48] {
    array(&hash(&SHA384, parts))
}

/// SHA-512 of the parts, joined.
#[must_use]
pub fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    array(&hash(&SHA512, parts))
}

/// SHA-256 of what comes piece by piece.
#[derive(Clone)]
pub struct Sha256(Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Sha256 {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces, joined.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        array(&self.0.finish())
    }
}

/// Whether `a` and `b` are equal, in time that depends on their lengths only.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

fn hash(algorithm: &'static Algorithm, parts: &[&[u8]]) -> aws_lc_rs::digest::Digest {
    // A context allocates; one part, the usual case, does without.
    if let [only] = parts {
        return aws_lc_rs::digest::digest(algorithm, only);
    }
    let mut context = Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// Copies the output of a hash function to the front of a buffer that holds any of them, and gives its length.
pub(crate) fn copy(output: &[u8], buffer: &mut [u8; MAX_LEN]) -> usize {
    for (to, from) in buffer.iter_mut().zip(output) {
        *to = *from;
    }
    output.len().min(MAX_LEN)
}

fn array<const N: usize>(digest: &aws_lc_rs::digest::Digest) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(digest.as_ref());
    out
}
