//! The pushed slices, and reading across their borders.

use super::super::Error;
use crate::varint;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;

/// What was pushed and not yet consumed. Every read returns `None` until more is pushed, and
/// [`Error::Truncated`] once nothing more can come; the caller asks [`Self::is_finished`] first where a
/// message may end.
#[derive(Default)]
pub(super) struct Input {
    /// consumed from its front; refilled from `waiting`
    front: Bytes,
    /// slices after `front`, none empty
    waiting: VecDeque<Bytes>,
    /// beginning of an integer or string whose end is not there yet
    partial: Vec<u8>,
    ended: bool,
}

impl Input {
    pub(super) fn push(&mut self, slice: Bytes) {
        if slice.is_empty() || self.ended {
            return;
        }
        if self.front.is_empty() && self.waiting.is_empty() {
            self.front = slice;
        } else {
            self.waiting.push_back(slice);
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Drops what is held, after an error.
    pub(super) fn clear(&mut self) {
        *self = Self { ended: true, ..Self::default() };
    }

    /// Whether everything was consumed and nothing more will come.
    pub(super) fn is_finished(&self) -> bool {
        self.ended && self.partial.is_empty() && self.front.is_empty() && self.waiting.is_empty()
    }

    /// An integer and how many bytes it took.
    pub(super) fn integer(&mut self) -> Result<Option<(u64, usize)>, Error> {
        if self.partial.is_empty()
            && let Some(front) = self.refill()
            && let Some((value, size)) = varint::peek(front)
        {
            self.front.advance(size);
            return Ok(Some((value, size)));
        }
        // At most eight bytes, and only across a border.
        while let Some(front) = self.refill() {
            let byte = front.get_u8();
            self.partial.push(byte);
            if let Some(integer) = varint::peek(&self.partial) {
                self.partial.clear();
                return Ok(Some(integer));
            }
        }
        self.starved()
    }

    /// A string of `len` bytes, which the caller has held against a limit, handed to `parse` in one piece.
    pub(super) fn string<T>(
        &mut self,
        len: usize,
        parse: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        if len == 0 {
            return parse(&[]).map(Some);
        }
        if self.partial.is_empty()
            && let Some(front) = self.refill()
            && let Some(bytes) = front.get(..len)
        {
            let parsed = parse(bytes)?;
            front.advance(len);
            return Ok(Some(parsed));
        }
        let mut missing = len.saturating_sub(self.partial.len());
        while missing != 0
            && let Some(front) = Self::refill_from(&mut self.front, &mut self.waiting)
        {
            let taken = front.split_to(missing.min(front.len()));
            self.partial.extend_from_slice(&taken);
            missing -= taken.len();
        }
        if missing != 0 {
            return self.starved();
        }
        // Given back, so that a long value is not held while the content passes.
        parse(&std::mem::take(&mut self.partial)).map(Some)
    }

    /// At least one byte and at most `max`, which is not 0, without a copy.
    pub(super) fn slice(&mut self, max: u64) -> Result<Option<Bytes>, Error> {
        let Some(front) = self.refill() else { return self.starved() };
        let len = usize::try_from(max).map_or(front.len(), |max| max.min(front.len()));
        Ok(Some(front.split_to(len)))
    }

    /// The next slice whole, if there is one.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        self.refill().map(std::mem::take)
    }

    /// The slice to read from, never empty.
    fn refill(&mut self) -> Option<&mut Bytes> {
        Self::refill_from(&mut self.front, &mut self.waiting)
    }

    fn refill_from<'a>(front: &'a mut Bytes, waiting: &mut VecDeque<Bytes>) -> Option<&'a mut Bytes> {
        if front.is_empty() {
            *front = waiting.pop_front()?;
        }
        Some(front)
    }

    fn starved<T>(&self) -> Result<Option<T>, Error> {
        if self.ended { Err(Error::Truncated) } else { Ok(None) }
    }
}
