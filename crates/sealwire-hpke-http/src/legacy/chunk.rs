//! Chunks: `len u32 | counter u32 | ct`, whose clear bytes are `coding u8 | data` (HH-83).

use super::{Error, decode::coding, exported::Cipher};
use bytes::{Buf, BufMut, BytesMut};
use sealwire_crypto::aead::TAG_LEN;

/// Data of one chunk, bytes, at most.
pub const DATA_LEN: usize = 65536;
/// What `len` may say, at most: the released writers leave 64 bytes for data that compression made longer.
const MAX_LEN: usize = DATA_LEN + COUNTER_LEN + 1 + TAG_LEN + 64;
const COUNTER_LEN: usize = 4;
const LENGTH_LEN: usize = 4;
/// A counter, a coding and a tag.
const MIN_LEN: usize = COUNTER_LEN + 1 + TAG_LEN;

/// Writes chunks of coding 0 into a caller's buffer, sealed in place there. Nothing is ever compressed (HH-100, HH-103).
pub(super) struct ChunkSealer {
    cipher: Cipher,
}

impl ChunkSealer {
    pub(super) fn new(cipher: Cipher) -> Self {
        Self { cipher }
    }

    /// Appends one chunk of at most [`DATA_LEN`] bytes.
    pub(super) fn chunk(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
        let len = MIN_LEN.saturating_add(data.len());
        if data.len() > DATA_LEN {
            return Err(Error::TooLong);
        }
        let counter = self.cipher.counter()?;
        let before = out.len();
        out.reserve(LENGTH_LEN + len);
        out.put_u32(u32::try_from(len).map_err(|_| Error::TooLong)?);
        out.put_u32(counter);
        let start = out.len();
        out.put_u8(coding::IDENTITY);
        out.put_slice(data);
        let sealed = self.cipher.seal(out.get_mut(start..).unwrap_or_default());
        // No clear text is left behind in a buffer that is about to be sent.
        let tag = sealed.inspect_err(|_| out.truncate(before))?;
        out.put_slice(&tag);
        Ok(())
    }

    /// Appends `data` as as many chunks as it needs; none when empty.
    pub(super) fn chunks(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
        data.chunks(DATA_LEN).try_for_each(|data| self.chunk(out, data))
    }
}

/// Takes the bytes of chunks in slices of any size and yields what has authenticated.
pub(super) struct ChunkOpener {
    cipher: Cipher,
    buffer: BytesMut,
    ended: bool,
}

/// A chunk that has authenticated.
pub(super) struct Chunk {
    pub(super) coding: u8,
    pub(super) data: BytesMut,
}

impl ChunkOpener {
    pub(super) fn new(cipher: Cipher) -> Self {
        Self { cipher, buffer: BytesMut::new(), ended: false }
    }

    pub(super) fn push(&mut self, slice: &[u8]) {
        if !self.ended {
            self.buffer.extend_from_slice(slice);
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the outer body has ended, at the end of a chunk.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.buffer.is_empty()
    }

    /// The next chunk, or `None` until more is pushed.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Chunk>, Error> {
        let Some(&length) = self.buffer.first_chunk::<LENGTH_LEN>() else { return self.starved() };
        // The cap is held against the length, before any of it is waited for.
        let len = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Error::ChunkLength)?;
        if !(MIN_LEN..=MAX_LEN).contains(&len) {
            return Err(Error::ChunkLength);
        }
        if self.buffer.len() < LENGTH_LEN + len {
            return self.starved();
        }
        self.buffer.advance(LENGTH_LEN);
        let mut chunk = self.buffer.split_to(len);
        let counter = chunk.get_u32();
        let clear = self.cipher.open(counter, &mut chunk)?.len();
        chunk.truncate(clear);
        let coding = chunk.get_u8();
        Ok(Some(Chunk { coding, data: chunk }))
    }

    fn starved(&self) -> Result<Option<Chunk>, Error> {
        if self.ended && !self.buffer.is_empty() { Err(Error::Truncated) } else { Ok(None) }
    }
}
