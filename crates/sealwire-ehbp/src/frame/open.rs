//! Receiving.

use super::{
    Open,
    split::{Frames, Split},
};
use crate::{Error, Limits};
use bytes::{Bytes, BytesMut};

/// What has authenticated, or the end.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// the content of a frame; never empty
    Frame(Bytes),
    /// the body has ended behind a frame. Whether its sender ended it there is not known (EH-05)
    End,
}

/// Takes a body in slices of any size, and yields the content of each frame once its tag has verified (EH-42).
///
/// It holds one frame and what was pushed since [`Self::next_frame`] last said `None`. Its buffer is used again as
/// soon as the content that was yielded from it is dropped.
pub struct Opener<O> {
    sequence: O,
    frames: Frames,
    /// opened before the opener was made
    first: Option<Bytes>,
    has_opened: bool,
    failed: Option<Error>,
}

impl<O: Open> Opener<O> {
    pub(crate) fn new(sequence: O, limits: Limits) -> Self {
        Self { sequence, frames: Frames::new(limits), first: None, has_opened: false, failed: None }
    }

    /// Behind a first frame, which has been opened.
    pub(crate) fn behind(sequence: O, frames: Frames, first: Bytes) -> Self {
        let first = Some(first).filter(|content| !content.is_empty());
        Self { sequence, frames, first, has_opened: true, failed: None }
    }

    /// Gives it the next slice of the body (copied once, and decrypted where it then lies).
    pub fn push(&mut self, slice: &[u8]) {
        self.frames.push(slice);
    }

    /// Says that the body has ended. What is pushed later is ignored.
    pub fn end(&mut self) {
        self.frames.end();
    }

    /// Whether the tag of any frame has verified, be its content empty. Before that nobody knows whose body this is.
    #[must_use]
    pub fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// The content of the next frame, or `None` until more is pushed.
    ///
    /// # Errors
    /// What the sender did wrong; the opener is then of no further use and repeats the error.
    pub fn next_frame(&mut self) -> Result<Option<Opened>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.advance().inspect_err(|&error| {
            self.failed = Some(error);
            self.frames.clear();
        })
    }

    fn advance(&mut self) -> Result<Option<Opened>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(Opened::Frame(first)));
        }
        loop {
            match self.frames.next_frame()? {
                Split::More => return Ok(None),
                Split::End => return Ok(Some(Opened::End)),
                Split::Frame(frame) => {
                    let content = open(&mut self.sequence, frame)?;
                    self.has_opened = true;
                    // A tag and nothing else: it counts in the sequence, and says nothing.
                    if !content.is_empty() {
                        return Ok(Some(Opened::Frame(content)));
                    }
                }
            }
        }
    }
}

/// Opens one frame where it lies.
pub(crate) fn open(sequence: &mut impl Open, mut frame: BytesMut) -> Result<Bytes, Error> {
    let opened = sequence.open(&mut frame).map_err(|error| match error {
        sealwire_crypto::Error::Limit => Error::Sequence,
        _ => Error::Open,
    })?;
    let len = opened.len();
    frame.truncate(len);
    Ok(frame.freeze())
}
