//! Where a key comes from: an attested document, or the word of the user.

use bytes::Bytes;

/// Why a key is believed. In the extensions of every answer of a wire that can do without attestation, once
/// something of it has opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// it stands in a key document that hardware attests and the policy accepted
    Attested,
    /// the user named it. What runs behind it nobody has verified
    Pinned,
}

/// In the extensions of an answer in place of a [`KeySource`]: nothing of it was sealed, so that anybody on the way can read
/// and make it. So is the answer to a request that went in clear, and one whose status has no content.
#[derive(Debug, Clone, Copy)]
pub struct InClear;

/// A server's public key that the user vouches for (HH-10). It is never taken for an attested one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedKey {
    /// the id that requests name it by, 1 to 255 bytes; empty on wires that name none (EHBP, hpke-http 1.x)
    pub id: Bytes,
    /// X25519
    pub public_key: [u8; 32],
}
