//! Byte strings that cannot run into each other, for what is hashed and signed.

use sealwire_crypto::digest::Sha256;

/// `LP(x)`: the length as `u32be`, then the bytes.
#[allow(dead_code, reason = "streams and seals are built on it")]
pub(crate) fn lp(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&length(bytes));
    out.extend_from_slice(bytes);
}

/// SHA-256 over a label with its zero byte and `LP` of each part.
pub(crate) fn labelled_digest(label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::default();
    hash.update(label);
    for part in parts {
        hash.update(&length(part));
        hash.update(part);
    }
    hash.finish()
}

/// Nothing here is as long as 4 GiB: all that comes from a peer is bounded far below (SP-09).
fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}
