//! Content (RFC 9292 section 3.7), handed on as it arrives.

use super::{
    super::{Error, Framing},
    input::Input,
};
use bytes::Bytes;

/// Reads the content.
pub(super) struct Content {
    step: Step,
    /// what a content-length field has announced and has not come yet (OB-129)
    announced: Option<u64>,
}

enum Step {
    /// Nothing was read: here a message may end (OB-31).
    Start(Framing),
    /// So many bytes to the end.
    Known(u64),
    /// The length of a slice is due, or a zero.
    SliceLength,
    /// So many bytes to the end of the slice.
    Slice(u64),
}

/// What reading yields.
pub(super) enum Read {
    Data(Bytes),
    End,
}

impl Content {
    /// `announced` is the value of a content-length field that must be kept.
    pub(super) fn new(framing: Framing, announced: Option<u64>) -> Self {
        Self { step: Step::Start(framing), announced }
    }

    pub(super) fn read(&mut self, input: &mut Input) -> Result<Option<Read>, Error> {
        loop {
            self.step = match self.step {
                Step::Start(_) if input.is_finished() => return self.end(),
                Step::Start(Framing::Known) => {
                    let Some((len, _)) = input.integer()? else { return Ok(None) };
                    self.announce(len)?;
                    if self.announced.is_some_and(|left| left != 0) {
                        return Err(Error::ContentLength);
                    }
                    Step::Known(len)
                }
                Step::Known(0) => return self.end(),
                Step::Known(left) => {
                    let Some(data) = input.slice(left)? else { return Ok(None) };
                    self.step = Step::Known(left.saturating_sub(data.len() as u64));
                    return Ok(Some(Read::Data(data)));
                }
                Step::Start(Framing::Indeterminate) | Step::SliceLength => {
                    let Some((len, _)) = input.integer()? else { return Ok(None) };
                    if len == 0 {
                        return self.end();
                    }
                    self.announce(len)?;
                    Step::Slice(len)
                }
                Step::Slice(0) => Step::SliceLength,
                Step::Slice(left) => {
                    let Some(data) = input.slice(left)? else { return Ok(None) };
                    self.step = Step::Slice(left.saturating_sub(data.len() as u64));
                    return Ok(Some(Read::Data(data)));
                }
            }
        }
    }

    /// Holds a length, before its bytes have come, against what a content-length field says.
    fn announce(&mut self, len: u64) -> Result<(), Error> {
        if let Some(left) = &mut self.announced {
            *left = left.checked_sub(len).ok_or(Error::ContentLength)?;
        }
        Ok(())
    }

    fn end(&self) -> Result<Option<Read>, Error> {
        match self.announced {
            None | Some(0) => Ok(Some(Read::End)),
            Some(_) => Err(Error::ContentLength),
        }
    }
}
