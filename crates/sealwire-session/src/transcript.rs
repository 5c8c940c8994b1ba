//! The transcript (section 3): exact bytes of every message, each with its direction and length.

use sealwire_crypto::digest::{Digest, Hash, Running};

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Client = 0,
    Server = 1,
}

/// The hash over what was said so far.
#[derive(Clone)]
pub(crate) struct Transcript(Running);

impl Transcript {
    pub(crate) fn new(hash: Hash) -> Self {
        Self(Running::new(hash))
    }

    pub(crate) fn add(&mut self, direction: Direction, message: &[u8]) {
        // No message has 4 GiB: each is held against its limit before it comes here.
        let len = u32::try_from(message.len()).unwrap_or(u32::MAX);
        self.0.update(&[direction as u8]);
        self.0.update(&len.to_be_bytes());
        self.0.update(message);
    }

    /// T of the last message.
    pub(crate) fn digest(&self) -> Digest {
        self.0.peek()
    }
}

/// The hash of a transcript of one message from the client, for binders.
pub(crate) fn of_client(hash: Hash, message: &[u8]) -> Digest {
    let mut transcript = Transcript::new(hash);
    transcript.add(Direction::Client, message);
    transcript.digest()
}
