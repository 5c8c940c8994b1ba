//! The reader (SP-56).

use sealwire_crypto::{mac, sign::ed25519};

use super::{Data, Error, Frame, MAX_FRAMES, MAX_HELD, Mode, Opened, Tag, chain::Chain};

/// Takes frames in order and gives out data as soon as a tag covers it. Any failure is final.
pub struct Reader {
    mode: Mode,
    key: ed25519::VerifyingKey,
    mac: Option<mac::Key>,
    every: u16,
    chain: Chain,
    next: u64,
    held: Vec<Data>,
    held_bytes: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Complete,
    Failed(Error),
}

impl Reader {
    /// Of an opening that was verified.
    #[must_use]
    pub fn new(opened: Opened) -> Self {
        let Opened { mode, key, mac, every, chain } = opened;
        Self { mode, key, mac, every, chain, next: 0, held: Vec::new(), held_bytes: 0, state: State::Reading }
    }

    /// How frames of this stream are tagged.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the final frame was verified.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Takes the next frame, and gives out the data that its tag covers: that of the frames that waited, and its own.
    ///
    /// # Errors
    /// [`Error`]; the same again for every frame after.
    pub fn push(&mut self, frame: Frame) -> Result<Vec<Data>, Error> {
        self.guarded(|reader| reader.take(frame))
    }

    /// The same for the JSON text of a frame (SP-54).
    ///
    /// # Errors
    /// [`Error`]
    pub fn push_json(&mut self, text: &[u8]) -> Result<Vec<Data>, Error> {
        self.guarded(|reader| reader.take(Frame::from_json(reader.mode, text)?))
    }

    /// The same for the frame at the front of `input` (SP-55), with the number of bytes that it has. `None` while more
    /// input is needed.
    ///
    /// # Errors
    /// [`Error`]
    pub fn push_binary(&mut self, input: &[u8]) -> Result<Option<(Vec<Data>, usize)>, Error> {
        self.guarded(|reader| {
            let Some((frame, len)) = Frame::from_bytes(reader.mode, input)? else { return Ok(None) };
            Ok(Some((reader.take(frame)?, len)))
        })
    }

    /// The input has ended.
    ///
    /// # Errors
    /// [`Error::Truncated`] before the final frame; what failed before.
    pub fn finish(self) -> Result<(), Error> {
        match self.state {
            State::Complete => Ok(()),
            State::Reading => Err(Error::Truncated),
            State::Failed(error) => Err(error),
        }
    }

    fn guarded<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let done = match self.state {
            State::Reading => step(self),
            State::Complete => Err(Error::AfterFinal),
            State::Failed(error) => Err(error),
        };
        if let Err(error) = done {
            self.state = State::Failed(error);
            self.held = Vec::new();
            return Err(error);
        }
        done
    }

    fn take(&mut self, frame: Frame) -> Result<Vec<Data>, Error> {
        if frame.index != self.next {
            return Err(Error::Sequence);
        }
        frame.data.check_len()?;
        self.held_bytes = self.held_bytes.saturating_add(frame.data.as_bytes().len());
        self.next += 1;
        if self.next > MAX_FRAMES || self.held_bytes > MAX_HELD {
            return Err(Error::Limit);
        }
        // Only the final frame of mode `mac` is signed as well.
        if frame.signature.is_some() != (frame.is_final && self.mode == Mode::Mac) {
            return Err(Error::Malformed);
        }
        self.chain = self.chain.after(&frame);
        let Frame { data, is_final, tag, signature, .. } = frame;
        self.held.push(data);
        match tag {
            Some(tag) => self.verify(&tag, signature.as_ref())?,
            None if is_final || self.held.len() >= usize::from(self.every) => return Err(Error::TagMissing),
            None => return Ok(Vec::new()),
        }
        if is_final {
            self.state = State::Complete;
        }
        self.held_bytes = 0;
        Ok(std::mem::take(&mut self.held))
    }

    fn verify(&self, tag: &Tag, signature: Option<&[u8; 64]>) -> Result<(), Error> {
        let tagged = self.chain.tagged();
        let verified = match (tag, &self.mac) {
            (Tag::Signature(tag), None) => self.key.verify(&tagged, tag).is_ok(),
            (Tag::Mac(tag), Some(key)) => key.verify(&[&tagged], tag).is_ok(),
            _ => false,
        };
        let signed = signature.is_none_or(|signature| self.key.verify(&tagged, signature).is_ok());
        if verified && signed { Ok(()) } else { Err(Error::TagInvalid) }
    }
}
