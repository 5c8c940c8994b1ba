//! The writer (SP-57).

use sealwire_crypto::{mac, sign::ed25519};

use super::{Data, Error, FLUSH_DELAY_MS, Frame, MAX_FRAMES, MAX_HELD, Tag, chain::Chain};

/// Makes the frames of one stream, with a key of its own that is wiped with it.
pub struct Writer {
    key: ed25519::SigningKey,
    mac: Option<mac::Key>,
    every: u16,
    chain: Chain,
    next: u64,
    /// Frames that no tag covers yet, and their bytes.
    untagged: u16,
    untagged_bytes: usize,
    /// When the first of them was made, and an empty piece of the kind of the last.
    waiting: Option<(u64, Data)>,
    flush_delay_ms: u64,
}

impl Writer {
    pub(super) fn new(key: ed25519::SigningKey, mac: Option<mac::Key>, every: u16, chain: Chain) -> Self {
        Self {
            key,
            mac,
            every,
            chain,
            next: 0,
            untagged: 0,
            untagged_bytes: 0,
            waiting: None,
            flush_delay_ms: FLUSH_DELAY_MS,
        }
    }

    /// With another bound to how long a frame waits for its tag, in milliseconds.
    #[must_use]
    pub fn with_flush_delay(mut self, delay_ms: u64) -> Self {
        self.flush_delay_ms = delay_ms;
        self
    }

    /// The next frame, made at `now` (milliseconds of any clock that only goes forward). It has a tag when one is due.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn write(&mut self, data: Data, now: u64) -> Result<Frame, Error> {
        let due = self.flush_due_at().is_some_and(|at| now >= at);
        self.frame(data, false, due, now)
    }

    /// When the frames without a tag need one, if there are any.
    #[must_use]
    pub fn flush_due_at(&self) -> Option<u64> {
        self.waiting.as_ref().map(|(since, _)| since.saturating_add(self.flush_delay_ms))
    }

    /// An empty frame whose tag covers those that have none, if there are any.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn flush(&mut self, now: u64) -> Result<Option<Frame>, Error> {
        let Some((_, empty)) = self.waiting.take() else { return Ok(None) };
        self.frame(empty, false, true, now).map(Some)
    }

    /// The final frame; `data` may be empty.
    ///
    /// # Errors
    /// [`Error::Limit`]
    pub fn finish(mut self, data: Data) -> Result<Frame, Error> {
        self.frame(data, true, true, 0)
    }

    fn frame(&mut self, data: Data, is_final: bool, tagged: bool, now: u64) -> Result<Frame, Error> {
        data.check_len()?;
        if self.next >= MAX_FRAMES {
            return Err(Error::Limit);
        }
        let len = data.as_bytes().len();
        let empty = data.empty_like();
        let mut frame = Frame { index: self.next, data, is_final, tag: None, signature: None };
        self.chain = self.chain.after(&frame);
        self.next += 1;
        self.untagged += 1;
        self.untagged_bytes += len;
        // A reader holds no more than this, so there has to be room for another whole frame.
        let full = self.untagged >= self.every || self.untagged_bytes > MAX_HELD - super::MAX_FRAME;
        if tagged || full {
            let tagged = self.chain.tagged();
            frame.tag = Some(match &self.mac {
                Some(key) => Tag::Mac(key.sign_truncated(&[&tagged])),
                None => Tag::Signature(self.key.sign(&tagged)),
            });
            frame.signature = (is_final && self.mac.is_some()).then(|| self.key.sign(&tagged));
            (self.untagged, self.untagged_bytes, self.waiting) = (0, 0, None);
        } else {
            let since = self.waiting.take().map_or(now, |(since, _)| since);
            self.waiting = Some((since, empty));
        }
        Ok(frame)
    }
}
