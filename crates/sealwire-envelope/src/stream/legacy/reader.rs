use sealwire_crypto::digest::Sha256;

use super::{Chunk, MAX_CHUNKS};
use crate::{
    base64url,
    key::{KeyRecord, Use},
    stream::{MAX_FRAME, MAX_HELD},
};

/// Why a stream was refused (EN-64, SP-58). The texts are those of the published readers where they have the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// EN-64
    #[error("stream already finalized")]
    Finalized,
    /// EN-64
    #[error("exceeded maxChunks ({MAX_CHUNKS})")]
    TooManyChunks,
    /// EN-64, and SP-58 for the final one, whose number nobody signed
    #[error("sequence error: expected {expected}, got {got}")]
    Sequence {
        /// the next number
        expected: u64,
        /// the number that came
        got: u64,
    },
    /// EN-64
    #[error("missing signature on final chunk")]
    MissingSignature,
    /// EN-64
    #[error("signature verification failed")]
    Signature,
    /// EN-64
    #[error("missing final frame")]
    MissingFinal,
    /// EN-64
    #[error("empty chunk array — missing final frame")]
    Empty,
    /// SP-58: data in the final chunk, which nobody signed.
    #[error("final-frame-data")]
    FinalData,
    /// SP-58: text that could be a boundary of chunks.
    #[error("ambiguous-chunk")]
    Ambiguous,
    /// SP-09
    #[error("stream-limit")]
    Limit,
    /// EN-61: not a chunk.
    #[error("stream-malformed")]
    Malformed,
}

/// A stream that was verified to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// the data of all chunks, joined
    pub data: String,
    /// how many there were before the final one
    pub chunks: u64,
}

/// Collects chunks until the final one (SP-58).
pub struct Reader {
    key: KeyRecord,
    now_ms: i64,
    next: u64,
    digest: Sha256,
    data: String,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Verified,
    Failed(Error),
}

impl Reader {
    /// With the key that has to have signed, which has to be one for [`Use::Stream`]; `now_ms` is in milliseconds since the
    /// Unix epoch.
    #[must_use]
    pub fn new(key: KeyRecord, now_ms: i64) -> Self {
        let digest = Sha256::default();
        Self { key, now_ms, next: 0, digest, data: String::new(), state: State::Reading }
    }

    /// Takes the next chunk. Nothing is given out yet.
    ///
    /// # Errors
    /// [`Error`]; the same again for every chunk after.
    pub fn push(&mut self, chunk: &Chunk) -> Result<(), Error> {
        let taken = match self.state {
            State::Reading if chunk.last.is_some() => self.finalize(chunk),
            State::Reading => self.take(chunk),
            State::Verified => Err(Error::Finalized),
            State::Failed(error) => Err(error),
        };
        if let Err(error) = taken {
            self.state = State::Failed(error);
            self.data = String::new();
        }
        taken
    }

    /// The same for the JSON text of a chunk.
    ///
    /// # Errors
    /// [`Error`]
    pub fn push_json(&mut self, text: &[u8]) -> Result<(), Error> {
        match Chunk::from_json(text) {
            Ok(chunk) => self.push(&chunk),
            Err(_) => {
                self.state = State::Failed(Error::Malformed);
                Err(Error::Malformed)
            }
        }
    }

    /// The data, now that the input has ended.
    ///
    /// # Errors
    /// [`Error`]
    pub fn finish(self) -> Result<Verified, Error> {
        match self.state {
            State::Verified => Ok(Verified { data: self.data, chunks: self.next }),
            State::Reading if self.next == 0 => Err(Error::Empty),
            State::Reading => Err(Error::MissingFinal),
            State::Failed(error) => Err(error),
        }
    }

    fn take(&mut self, chunk: &Chunk) -> Result<(), Error> {
        if self.next >= MAX_CHUNKS {
            return Err(Error::TooManyChunks);
        }
        self.expect_next(chunk)?;
        if chunk.data.len() > MAX_FRAME || self.data.len() + chunk.data.len() > MAX_HELD {
            return Err(Error::Limit);
        }
        if looks_like_a_boundary(&chunk.data) {
            return Err(Error::Ambiguous);
        }
        if self.next > 0 {
            self.digest.update(b"\n");
        }
        self.digest.update(chunk.index.to_string().as_bytes());
        self.digest.update(b":");
        self.digest.update(chunk.data.as_bytes());
        self.data.push_str(&chunk.data);
        self.next += 1;
        Ok(())
    }

    fn finalize(&mut self, chunk: &Chunk) -> Result<(), Error> {
        let signature =
            chunk.last.as_ref().and_then(|last| last.sig.as_ref()).ok_or(Error::MissingSignature)?;
        self.expect_next(chunk)?;
        if !chunk.data.is_empty() {
            return Err(Error::FinalData);
        }
        let signature = base64url::decode(signature).map_err(|_| Error::Signature)?;
        // 32 bytes that could be anything: only a key for nothing but streams may have signed them (SP-17).
        if !self.key.verifies(Use::Stream, &self.digest.clone().finish(), &signature, self.now_ms) {
            return Err(Error::Signature);
        }
        self.state = State::Verified;
        Ok(())
    }

    fn expect_next(&self, chunk: &Chunk) -> Result<(), Error> {
        if chunk.index == self.next {
            Ok(())
        } else {
            Err(Error::Sequence { expected: self.next, got: chunk.index })
        }
    }
}

/// Whether a text has a line feed, digits and a colon behind one another, as between two chunks.
fn looks_like_a_boundary(text: &str) -> bool {
    text.split('\n').skip(1).any(|line| {
        let after_digits = line.trim_start_matches(|character: char| character.is_ascii_digit());
        after_digits.len() < line.len() && after_digits.starts_with(':')
    })
}
