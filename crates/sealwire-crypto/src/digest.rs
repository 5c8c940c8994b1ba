//! Hashes over a list of parts, joined.

use aws_lc_rs::digest::{Algorithm, Context, Digest, SHA256, SHA384, SHA512};
use subtle::ConstantTimeEq;

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

fn hash(algorithm: &'static Algorithm, parts: &[&[u8]]) -> Digest {
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

fn array<const N: usize>(digest: &Digest) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(digest.as_ref());
    out
}
