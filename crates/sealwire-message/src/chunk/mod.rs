//! Chunk framing (draft-ietf-ohai-chunked-ohttp section 3): `varint(len) ct`… then `varint(0) ct`.

mod limits;
mod open;
mod seal;

pub use limits::Limits;
pub use open::{Opened, Opener};
pub use seal::Sealer;

use sealwire_crypto::{
    aead::{Sequence, TAG_LEN},
    hpke::{Receiver, Sender},
};

/// Additional data of every chunk but the last.
const AAD: &[u8] = b"";
/// Additional data of the last chunk, so that no other passes for it (OB-109).
const AAD_FINAL: &[u8] = b"final";

/// Seals the next message of a sequence in place.
pub trait Seal {
    /// Encrypts `data` in place and returns its tag.
    ///
    /// # Errors
    /// When the sequence is used up.
    fn seal(&mut self, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error>;
}
/// Opens the next message of a sequence in place.
pub trait Open {
    /// Decrypts `data` (ciphertext then tag) in place and returns the plaintext, its front.
    ///
    /// # Errors
    /// When the tag does not verify.
    fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error>;
}
impl Seal for Sender {
    fn seal(&mut self, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error> {
        Self::seal(self, aad, data)
    }
}
impl Seal for Sequence {
    fn seal(&mut self, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error> {
        Self::seal(self, aad, data)
    }
}
impl Open for Receiver {
    fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error> {
        Self::open(self, aad, data)
    }
}
impl Open for Sequence {
    fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error> {
        Self::open(self, aad, data)
    }
}

/// What the sender of a chunked message did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OB-109, OB-110, OB-113: a tag did not verify. Bytes after the final chunk end here too: nothing tells
    /// them from it.
    #[error("a chunk does not authenticate")]
    Open,
    /// OB-111
    #[error("an empty chunk that is not the last")]
    EmptyChunk,
    /// OB-112
    #[error("a chunk length that cannot hold a tag and a byte")]
    ChunkTooShort,
    /// OB-112
    #[error("a chunk longer than the limit")]
    ChunkTooLong,
    /// OB-108, OB-112, OB-113
    #[error("the message ends before its final chunk")]
    Truncated,
    /// OB-114
    #[error("more chunks than the limit")]
    TooManyChunks,
    /// OB-114, OB-29
    #[error("more plaintext than the limit")]
    MessageTooLong,
    /// OB-29: the key has been used as often as its algorithm allows.
    #[error("the sequence of nonces is used up")]
    Sequence,
}
