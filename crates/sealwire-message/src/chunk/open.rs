//! Receiving.

use super::{AAD, AAD_FINAL, Error, Limits, Open, limits::Allowance};
use crate::varint;
use bytes::{Buf, Bytes, BytesMut};
use sealwire_crypto::aead::TAG_LEN;

/// A chunk that has authenticated.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// not the last; never empty
    Chunk(Bytes),
    /// the last: the message is complete; may be empty
    Final(Bytes),
}

/// Takes the bytes of a chunked message in slices of any size and yields what has authenticated.
///
/// It holds one chunk and what was pushed since [`Self::next_chunk`] last said `None`. Its buffer is used
/// again as soon as the chunks that were yielded from it are dropped.
pub struct Opener<O> {
    sequence: O,
    limits: Limits,
    allowance: Allowance,
    buffer: BytesMut,
    ended: bool,
    state: State,
}

/// What is due.
enum State {
    Length,
    /// so many bytes, tag included
    Chunk(usize),
    /// everything up to the end
    Final,
    Done,
    Failed(Error),
}

impl<O: Open> Opener<O> {
    /// An opener at the first chunk.
    #[must_use]
    pub fn new(sequence: O, limits: Limits) -> Self {
        Self {
            sequence,
            limits,
            allowance: Allowance::new(&limits),
            buffer: BytesMut::new(),
            ended: false,
            state: State::Length,
        }
    }
    /// Gives it the next slice of the outer body (copied once, and decrypted where it then lies).
    pub fn push(&mut self, slice: &[u8]) {
        if !self.ended {
            self.buffer.extend_from_slice(slice);
        }
    }
    /// Says that the outer body has ended: what is left is the final chunk, or the message was cut. What is
    /// pushed later is ignored.
    pub fn end(&mut self) {
        self.ended = true;
    }
    /// The next chunk, or `None` until more is pushed (and for ever after [`Opened::Final`]).
    ///
    /// # Errors
    /// What the sender did wrong; the opener is then of no further use and repeats the error.
    pub fn next_chunk(&mut self) -> Result<Option<Opened>, Error> {
        self.advance().inspect_err(|&error| {
            self.state = State::Failed(error);
            self.buffer = BytesMut::new();
            self.ended = true;
        })
    }

    fn advance(&mut self) -> Result<Option<Opened>, Error> {
        loop {
            match self.state {
                State::Length => {
                    let Some((len, size)) = varint::peek(&self.buffer) else { return self.starved() };
                    self.state = match len {
                        0 => State::Final,
                        len => State::Chunk(self.admit(len)?),
                    };
                    self.buffer.advance(size);
                }
                State::Chunk(len) => {
                    if self.buffer.len() < len {
                        return self.starved();
                    }
                    let plaintext = self.open(AAD, len)?;
                    if plaintext.is_empty() {
                        return Err(Error::EmptyChunk);
                    }
                    self.allowance.spend(plaintext.len())?;
                    self.state = State::Length;
                    return Ok(Some(Opened::Chunk(plaintext)));
                }
                State::Final => {
                    let plaintext = self.buffer.len().saturating_sub(TAG_LEN);
                    if plaintext > self.limits.received_chunk {
                        return Err(Error::ChunkTooLong);
                    }
                    self.allowance.check(plaintext)?;
                    if !self.ended {
                        return Ok(None);
                    }
                    if self.buffer.len() < TAG_LEN {
                        return Err(Error::Truncated);
                    }
                    let plaintext = self.open(AAD_FINAL, self.buffer.len())?;
                    self.state = State::Done;
                    return Ok(Some(Opened::Final(plaintext)));
                }
                State::Done => return Ok(None),
                State::Failed(error) => return Err(error),
            }
        }
    }

    /// Holds the length of a non-final chunk against the limits, before any of it is waited for (OB-112).
    fn admit(&self, len: u64) -> Result<usize, Error> {
        let len = usize::try_from(len).map_err(|_| Error::ChunkTooLong)?;
        match len.checked_sub(TAG_LEN) {
            None => Err(Error::ChunkTooShort),
            // A tag and nothing else: whether or not it authenticates, it is not an end of stream (OB-111, OB-154).
            Some(0) => Err(Error::EmptyChunk),
            Some(plaintext) if plaintext > self.limits.received_chunk => Err(Error::ChunkTooLong),
            Some(plaintext) => self.allowance.check(plaintext).map(|()| len),
        }
    }

    fn open(&mut self, aad: &[u8], len: usize) -> Result<Bytes, Error> {
        let mut chunk = self.buffer.split_to(len);
        let opened = self.sequence.open(aad, &mut chunk).map_err(|error| match error {
            sealwire_crypto::Error::Limit => Error::Sequence,
            _ => Error::Open,
        })?;
        let plaintext = opened.len();
        chunk.truncate(plaintext);
        Ok(chunk.freeze())
    }

    fn starved(&self) -> Result<Option<Opened>, Error> {
        if self.ended { Err(Error::Truncated) } else { Ok(None) }
    }
}
