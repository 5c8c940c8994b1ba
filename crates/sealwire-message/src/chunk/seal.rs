//! Sending.

use super::{AAD, AAD_FINAL, Error, Limits, Seal, limits::Allowance};
use crate::varint;
use bytes::{BufMut, BytesMut};
use sealwire_crypto::aead::TAG_LEN;

/// The most that a chunk adds to its plaintext: an 8-byte length and the tag.
const OVERHEAD: usize = 8 + TAG_LEN;

/// Writes chunks into a caller's buffer, sealed in place there.
pub struct Sealer<S> {
    sequence: S,
    max_chunk: usize,
    allowance: Allowance,
}

impl<S: Seal> Sealer<S> {
    /// A sealer at the first chunk.
    #[must_use]
    pub fn new(sequence: S, limits: Limits) -> Self {
        Self { sequence, max_chunk: limits.sent_chunk.max(1), allowance: Allowance::new(&limits) }
    }
    /// Plaintext bytes that fit one chunk.
    #[must_use]
    pub fn max_chunk(&self) -> usize {
        self.max_chunk
    }
    /// Appends one non-final chunk whose plaintext is `parts`, joined: not empty, at most [`Self::max_chunk`]
    /// bytes. `out` is as it was after an error.
    ///
    /// # Errors
    /// [`Error::ChunkTooLong`], [`Error::EmptyChunk`], [`Error::TooManyChunks`], [`Error::MessageTooLong`], [`Error::Sequence`]
    pub fn chunk(&mut self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Error> {
        let len = self.admit(parts)?;
        if len == 0 {
            return Err(Error::EmptyChunk);
        }
        self.append(out, AAD, len as u64 + TAG_LEN as u64, len, parts)
    }
    /// Appends `plaintext` as as many non-final chunks as it needs; none when empty.
    ///
    /// # Errors
    /// As [`Self::chunk`]; the chunks before the one that failed are in `out`.
    pub fn chunks(&mut self, out: &mut BytesMut, plaintext: &[u8]) -> Result<(), Error> {
        let count = plaintext.len().div_ceil(self.max_chunk);
        out.reserve(plaintext.len().saturating_add(count.saturating_mul(OVERHEAD)));
        plaintext.chunks(self.max_chunk).try_for_each(|part| self.chunk(out, &[part]))
    }
    /// Appends the final chunk; its plaintext may be empty.
    ///
    /// # Errors
    /// As [`Self::chunk`].
    pub fn finish(mut self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Error> {
        let len = self.admit(parts)?;
        self.append(out, AAD_FINAL, 0, len, parts)
    }

    /// The length of the joined parts, if the limits let them be one chunk.
    fn admit(&self, parts: &[&[u8]]) -> Result<usize, Error> {
        let len = parts.iter().fold(0_usize, |len, part| len.saturating_add(part.len()));
        if len > self.max_chunk {
            return Err(Error::ChunkTooLong);
        }
        self.allowance.check(len)?;
        Ok(len)
    }

    fn append(
        &mut self,
        out: &mut BytesMut,
        aad: &[u8],
        prefix: u64,
        len: usize,
        parts: &[&[u8]],
    ) -> Result<(), Error> {
        let before = out.len();
        out.reserve(len.saturating_add(OVERHEAD));
        varint::put(out, prefix);
        let start = out.len();
        for part in parts {
            out.put_slice(part);
        }
        let sealed = self.sequence.seal(aad, out.get_mut(start..).unwrap_or_default());
        // No plaintext is left behind in a buffer that is about to be sent.
        let tag = sealed.inspect_err(|_| out.truncate(before)).map_err(|_| Error::Sequence)?;
        out.put_slice(&tag);
        self.allowance.spend(len)
    }
}
