//! Where frames begin and end, before anything is opened.

use super::PREFIX_LEN;
use crate::{Error, Limits};
use bytes::{Buf, BytesMut};
use sealwire_crypto::aead::TAG_LEN;

/// Cuts a body into frames. Its buffer grows with what arrives, whatever a length says (EH-25).
pub(crate) struct Frames {
    limits: Limits,
    buffer: BytesMut,
    ended: bool,
    /// frames without content since the last that had some
    empty: u32,
    /// content that may still come
    remaining: u64,
}

/// What is due.
pub(crate) enum Split {
    /// ciphertext and tag of a frame
    Frame(BytesMut),
    /// more bytes
    More,
    /// nothing: the body has ended behind a frame
    End,
}

impl Frames {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, buffer: BytesMut::new(), ended: false, empty: 0, remaining: limits.message }
    }

    pub(crate) fn push(&mut self, slice: &[u8]) {
        if !self.ended {
            self.buffer.extend_from_slice(slice);
        }
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// The next frame. Frames of no length are passed over in a loop, so many at most (EH-26).
    pub(crate) fn next_frame(&mut self) -> Result<Split, Error> {
        loop {
            let Some(prefix) = self.buffer.first_chunk::<PREFIX_LEN>() else {
                return match (self.ended, self.buffer.is_empty()) {
                    (false, _) => Ok(Split::More),
                    (true, true) => Ok(Split::End),
                    (true, false) => Err(Error::Truncated),
                };
            };
            let len = usize::try_from(u32::from_be_bytes(*prefix)).map_err(|_| Error::FrameTooLong)?;
            if len == 0 {
                self.count_empty()?;
                self.buffer.advance(PREFIX_LEN);
                continue;
            }
            // Before any of it is waited for.
            let content = len.checked_sub(TAG_LEN).ok_or(Error::FrameTooShort)?;
            if content > self.limits.received_frame {
                return Err(Error::FrameTooLong);
            }
            let remaining = self.remaining.checked_sub(content as u64).ok_or(Error::MessageTooLong)?;
            if self.buffer.len() - PREFIX_LEN < len {
                return if self.ended { Err(Error::Truncated) } else { Ok(Split::More) };
            }
            match content {
                0 => self.count_empty()?,
                _ => self.empty = 0,
            }
            self.remaining = remaining;
            self.buffer.advance(PREFIX_LEN);
            return Ok(Split::Frame(self.buffer.split_to(len)));
        }
    }

    /// Lets go of what is held, and takes nothing more.
    pub(crate) fn clear(&mut self) {
        self.buffer = BytesMut::new();
        self.ended = true;
    }

    fn count_empty(&mut self) -> Result<(), Error> {
        if self.empty >= self.limits.empty_frames {
            return Err(Error::TooManyEmptyFrames);
        }
        self.empty += 1;
        Ok(())
    }
}
