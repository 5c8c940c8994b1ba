//! Sending.

use super::{PREFIX_LEN, Seal};
use crate::{Error, Limits};
use bytes::{BufMut, BytesMut};
use sealwire_crypto::aead::TAG_LEN;

/// What a frame adds to its content.
const OVERHEAD: usize = PREFIX_LEN + TAG_LEN;

/// Writes frames into a caller's buffer, sealed in place there.
pub struct Sealer<S> {
    sequence: S,
    max_frame: usize,
    /// content that may still go
    remaining: u64,
    has_sealed: bool,
}

impl<S: Seal> Sealer<S> {
    pub(crate) fn new(sequence: S, limits: &Limits) -> Self {
        // With its tag it has to fit the length.
        let longest = usize::try_from(u32::MAX).unwrap_or(usize::MAX).saturating_sub(TAG_LEN);
        Self {
            sequence,
            max_frame: limits.sent_frame.clamp(1, longest),
            remaining: limits.message,
            has_sealed: false,
        }
    }

    /// Bytes of content that fit one frame.
    #[must_use]
    pub fn max_frame(&self) -> usize {
        self.max_frame
    }

    /// Appends one frame whose content is `content`: not empty, at most [`Self::max_frame`] bytes. `out` is as it was
    /// after an error.
    ///
    /// # Errors
    /// [`Error::Nothing`], [`Error::FrameTooLong`], [`Error::MessageTooLong`], [`Error::Sequence`]
    pub fn frame(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Error> {
        if content.is_empty() {
            return Err(Error::Nothing);
        }
        self.seal(out, content)
    }

    /// Appends a tag alone where nothing was sealed before, so that the peer can tell an empty body from one that somebody else
    /// made up.
    ///
    /// # Errors
    /// [`Error::Sequence`]
    pub fn end_empty(&mut self, out: &mut BytesMut) -> Result<(), Error> {
        if self.has_sealed { Ok(()) } else { self.seal(out, &[]) }
    }

    fn seal(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Error> {
        if content.len() > self.max_frame {
            return Err(Error::FrameTooLong);
        }
        let remaining = self.remaining.checked_sub(content.len() as u64).ok_or(Error::MessageTooLong)?;
        let len = u32::try_from(content.len() + TAG_LEN).map_err(|_| Error::FrameTooLong)?;
        let before = out.len();
        out.reserve(content.len().saturating_add(OVERHEAD));
        out.put_u32(len);
        let start = out.len();
        out.put_slice(content);
        let sealed = self.sequence.seal(out.get_mut(start..).unwrap_or_default());
        // No plaintext is left behind in a buffer that is about to be sent.
        let tag = sealed.inspect_err(|_| out.truncate(before)).map_err(|_| Error::Sequence)?;
        out.put_slice(&tag);
        self.remaining = remaining;
        self.has_sealed = true;
        Ok(())
    }

    /// Appends `content` as as many frames as it needs; none when empty.
    ///
    /// # Errors
    /// As [`Self::frame`]; the frames before the one that failed are in `out`.
    pub fn frames(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Error> {
        let count = content.len().div_ceil(self.max_frame);
        out.reserve(content.len().saturating_add(count.saturating_mul(OVERHEAD)));
        content.chunks(self.max_frame).try_for_each(|part| self.frame(out, part))
    }
}
