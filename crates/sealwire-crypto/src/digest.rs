//! Hashes over a list of parts, joined.

/// SHA-256 of the parts, joined.
#[must_use]
pub fn sha256(_parts: &[&[u8]]) -> [u8; 32] {
    todo!()
}
/// SHA-384 of the parts, joined.
#[must_use]
pub fn sha384(_parts: &[&[u8]]) -> [u8; 48] {
    todo!()
}
/// SHA-512 of the parts, joined.
#[must_use]
pub fn sha512(_parts: &[&[u8]]) -> [u8; 64] {
    todo!()
}
/// Whether `a` and `b` are equal, in time that depends on their lengths only.
#[must_use]
pub fn constant_time_eq(_a: &[u8], _b: &[u8]) -> bool {
    todo!()
}
