//! Chunk framing (draft-ietf-ohai-chunked-ohttp section 3): `varint(len) ct`… then `varint(0) ct`.

use bytes::{Bytes, BytesMut};
use sealwire_crypto::{
    aead::{Sequence, TAG_LEN},
    hpke::{Receiver, Sender},
};

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

/// Limits of one chunked message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// plaintext of one received chunk, bytes (OB-22: at least 16384)
    pub received_chunk: usize,
    /// plaintext of one sent chunk, bytes
    pub sent_chunk: usize,
    /// chunks of one message
    pub chunks: u64,
    /// plaintext of one message, bytes
    pub message: u64,
}

/// What the sender of a chunked message did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OB-109, OB-110: a tag did not verify.
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
    /// OB-108, OB-113
    #[error("the message ends before its final chunk")]
    Truncated,
    /// OB-114
    #[error("more chunks than the limit")]
    TooManyChunks,
    /// OB-114
    #[error("more plaintext than the limit")]
    MessageTooLong,
}

/// Writes chunks into a caller's buffer, sealed in place there.
pub struct Sealer<S> {
    _sequence: S,
}

impl<S: Seal> Sealer<S> {
    /// A sealer at the first chunk.
    #[must_use]
    pub fn new(_sequence: S, _limits: Limits) -> Self {
        todo!()
    }
    /// Plaintext bytes that fit one chunk.
    #[must_use]
    pub fn max_chunk(&self) -> usize {
        todo!()
    }
    /// Appends one non-final chunk whose plaintext is `parts`, joined: not empty, at most [`Self::max_chunk`] bytes.
    ///
    /// # Errors
    /// [`Error::ChunkTooLong`], [`Error::EmptyChunk`], [`Error::TooManyChunks`], [`Error::MessageTooLong`]
    pub fn chunk(&mut self, _out: &mut BytesMut, _parts: &[&[u8]]) -> Result<(), Error> {
        todo!()
    }
    /// Appends `plaintext` as as many non-final chunks as it needs; none when empty.
    ///
    /// # Errors
    /// As [`Self::chunk`].
    pub fn chunks(&mut self, _out: &mut BytesMut, _plaintext: &[u8]) -> Result<(), Error> {
        todo!()
    }
    /// Appends the final chunk; its plaintext may be empty.
    ///
    /// # Errors
    /// As [`Self::chunk`].
    pub fn finish(self, _out: &mut BytesMut, _parts: &[&[u8]]) -> Result<(), Error> {
        todo!()
    }
}

/// A chunk that has authenticated.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// not the last; never empty
    Chunk(Bytes),
    /// the last: the message is complete; may be empty
    Final(Bytes),
}

/// Takes the bytes of a chunked message in slices of any size and yields what has authenticated.
pub struct Opener<O> {
    _sequence: O,
}

impl<O: Open> Opener<O> {
    /// An opener at the first chunk.
    #[must_use]
    pub fn new(_sequence: O, _limits: Limits) -> Self {
        todo!()
    }
    /// Gives it the next slice of the outer body (copied once, and decrypted where it then lies).
    pub fn push(&mut self, _slice: &[u8]) {
        todo!()
    }
    /// Says that the outer body has ended: what is left is the final chunk, or the message was cut.
    pub fn end(&mut self) {
        todo!()
    }
    /// The next chunk, or `None` until more is pushed (and for ever after [`Opened::Final`]).
    ///
    /// # Errors
    /// What the sender did wrong; the opener is then of no further use.
    pub fn next_chunk(&mut self) -> Result<Option<Opened>, Error> {
        todo!()
    }
}
