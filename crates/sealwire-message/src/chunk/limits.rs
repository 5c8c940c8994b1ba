use super::Error;

/// Limits of one chunked message; defaults are those of the table in the specification (OB-70).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// plaintext of one received chunk, bytes (OB-22: at least 16384)
    pub received_chunk: usize,
    /// plaintext of one sent chunk, bytes; at least 1, or nothing could be sent
    pub sent_chunk: usize,
    /// chunks of one message, the final one included
    pub chunks: u64,
    /// plaintext of one message, bytes (OB-29: at most 1 GiB with AES-GCM)
    pub message: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { received_chunk: 64 << 10, sent_chunk: 16 << 10, chunks: 1 << 24, message: 1 << 30 }
    }
}

/// What a message may still hold.
pub(super) struct Allowance {
    chunks: u64,
    bytes: u64,
}

impl Allowance {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { chunks: limits.chunks, bytes: limits.message }
    }

    /// Takes one chunk of `plaintext` bytes.
    pub(super) fn spend(&mut self, plaintext: usize) -> Result<(), Error> {
        let chunks = self.chunks.checked_sub(1).ok_or(Error::TooManyChunks)?;
        let bytes = self.bytes.checked_sub(plaintext as u64).ok_or(Error::MessageTooLong)?;
        *self = Self { chunks, bytes };
        Ok(())
    }

    /// What [`Self::spend`] would say, before it is known whether `plaintext` is all.
    pub(super) fn check(&self, plaintext: usize) -> Result<(), Error> {
        Self { ..*self }.spend(plaintext)
    }
}
