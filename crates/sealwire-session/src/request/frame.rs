//! Chunks whose plaintext is `varint(n) || data[n] || zeros` (SE-35): padding works in mid-stream.

use crate::Error;
use bytes::{Buf, Bytes, BytesMut};
use sealwire_crypto::aead::Sequence;
use sealwire_message::{
    chunk::{self, Limits},
    varint,
};

/// Zeros to pad with: as many as the largest step.
static ZEROS: [u8; 4096] = [0; 4096];
/// The most that the length in front of the data takes: chunks have less than 2^30 bytes.
const MAX_LENGTH: usize = 4;

/// Messages below this many bytes are padded by default (SE-35).
pub const SHORT: usize = 4096;
/// To multiples of this.
pub const PADDING_STEP: u16 = 256;

/// Longest plaintext of a chunk that such a length can tell.
const MAX_CHUNK: usize = 1 << 30;

/// How long a chunk's plaintext is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// as long as its data: bulk
    Off,
    /// to a multiple of so many bytes, at most 4096
    To(u16),
    /// the same, up to [`SHORT`] bytes of data: what is longer is bulk
    Short(u16),
}

/// Most parts of one chunk's data.
const MAX_PARTS: usize = 4;

/// The plaintext of a chunk, in parts.
struct Framed<'a> {
    length: [u8; 8],
    length_len: usize,
    data: [&'a [u8]; MAX_PARTS],
    zeros: &'static [u8],
}

impl Framed<'_> {
    fn parts(&self) -> [&[u8]; MAX_PARTS + 2] {
        let [a, b, c, d] = self.data;
        [self.length.get(..self.length_len).unwrap_or_default(), a, b, c, d, self.zeros]
    }
}

/// Seals data as chunks.
pub struct Sealer {
    chunks: chunk::Sealer<Sequence>,
    padding: Padding,
    /// bytes of data so far
    sealed: usize,
}

impl Sealer {
    /// A sealer at the first chunk.
    #[must_use]
    pub fn new(sequence: Sequence, padding: Padding, limits: Limits) -> Self {
        Self { chunks: chunk::Sealer::new(sequence, limits), padding, sealed: 0 }
    }

    /// Pads the chunks from here on otherwise.
    pub fn set_padding(&mut self, padding: Padding) {
        self.padding = padding;
    }

    /// Appends `data` to `out` as as many chunks as it needs; none when empty.
    ///
    /// # Errors
    /// [`Error::Chunk`] at a limit.
    pub fn seal(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
        data.chunks(self.room()).try_for_each(|part| self.chunk(out, &[part]))
    }

    /// Appends one chunk that is not the last; its data are `parts`, joined: at most four, and at most [`Self::room`]
    /// bytes in all.
    ///
    /// # Errors
    /// [`Error::Chunk`] at a limit.
    pub fn chunk(&mut self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Error> {
        let framed = self.framed(parts)?;
        Ok(self.chunks.chunk(out, &framed.parts())?)
    }

    /// Appends the final chunk; its data are as those of [`Self::chunk`].
    ///
    /// # Errors
    /// [`Error::Chunk`] at a limit.
    pub fn finish(mut self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Error> {
        let framed = self.framed(parts)?;
        Ok(self.chunks.finish(out, &framed.parts())?)
    }

    /// Length, data and zeros.
    fn framed<'a>(&mut self, parts: &[&'a [u8]]) -> Result<Framed<'a>, Error> {
        let mut data: [&[u8]; MAX_PARTS] = [&[]; MAX_PARTS];
        if parts.len() > MAX_PARTS {
            return Err(Error::Chunk(chunk::Error::ChunkTooLong));
        }
        data.iter_mut().zip(parts).for_each(|(room, part)| *room = part);
        let len = parts.iter().fold(0_usize, |len, part| len.saturating_add(part.len()));
        if len > self.room() {
            return Err(Error::Chunk(chunk::Error::ChunkTooLong));
        }
        let (length, length_len) = length(len);
        let zeros = self.zeros(length_len.saturating_add(len));
        self.sealed = self.sealed.saturating_add(len);
        Ok(Framed { length, length_len, data, zeros })
    }

    /// Bytes of data that fit one chunk.
    #[must_use]
    pub fn room(&self) -> usize {
        self.chunks.max_chunk().min(MAX_CHUNK).saturating_sub(MAX_LENGTH).max(1)
    }

    /// Zeros behind `len` bytes of plaintext; none that would not fit the chunk.
    fn zeros(&self, len: usize) -> &'static [u8] {
        let step = match self.padding {
            Padding::To(step) => step,
            Padding::Short(step) if self.sealed < SHORT => step,
            Padding::Off | Padding::Short(_) => return &[],
        };
        let step = usize::from(step).clamp(1, ZEROS.len());
        let wanted = len.next_multiple_of(step).saturating_sub(len);
        let room = self.chunks.max_chunk().saturating_sub(len);
        ZEROS.get(..wanted.min(room)).unwrap_or_default()
    }
}

/// Data that has authenticated.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// not the last; may be empty, for padding alone
    Data(Bytes),
    /// the last: the message is complete; may be empty
    Final(Bytes),
}

/// Opens chunks.
pub struct Opener {
    chunks: chunk::Opener<Sequence>,
}

impl Opener {
    /// An opener at the first chunk.
    #[must_use]
    pub fn new(sequence: Sequence, limits: Limits) -> Self {
        Self { chunks: chunk::Opener::new(sequence, limits) }
    }

    /// Gives it the next slice of the outer body.
    pub fn push(&mut self, slice: &[u8]) {
        self.chunks.push(slice);
    }

    /// Says that the outer body has ended.
    pub fn end(&mut self) {
        self.chunks.end();
    }

    /// The next data, or `None` until more is pushed.
    ///
    /// # Errors
    /// [`Error::Chunk`], [`Error::Padding`]
    pub fn next_data(&mut self) -> Result<Option<Opened>, Error> {
        Ok(match self.chunks.next_chunk()? {
            None => None,
            Some(chunk::Opened::Chunk(plaintext)) => Some(Opened::Data(data(plaintext)?)),
            Some(chunk::Opened::Final(plaintext)) => Some(Opened::Final(data(plaintext)?)),
        })
    }
}

/// `varint(n) || data[n] || zeros`
fn data(mut plaintext: Bytes) -> Result<Bytes, Error> {
    let (len, size) = varint::peek(&plaintext).ok_or(Error::Padding)?;
    plaintext.advance(size);
    let len = usize::try_from(len).map_err(|_| Error::Padding)?;
    if len > plaintext.len() {
        return Err(Error::Padding);
    }
    let data = plaintext.split_to(len);
    // Authentic, so the time that this takes tells nobody anything.
    if plaintext.iter().any(|byte| *byte != 0) { Err(Error::Padding) } else { Ok(data) }
}

/// The varint of a length, and how many of its bytes count.
fn length(len: usize) -> ([u8; 8], usize) {
    // Room for any varint: what is too long for a chunk is refused when it is sealed.
    let mut bytes = [0; 8];
    varint::put(&mut bytes.as_mut_slice(), len as u64);
    (bytes, varint::size(len as u64))
}
