//! The chain of frames and the tags over it (SP-53).

use sealwire_crypto::digest::{Sha256, sha256};

use super::Frame;

const OPEN: &[u8] = b"sw-stream/2 open\0";
const CHUNK: &[u8] = b"sw-stream/2 chunk\0";
const TAG: &[u8] = b"sw-stream/2 tag\0";

/// h(i): all that was said up to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain([u8; 32]);

impl Chain {
    /// h(0), of the canonical form of the opening envelope.
    pub(super) fn open(canonical: &[u8]) -> Self {
        Self(sha256(&[OPEN, canonical]))
    }

    /// h(i + 1), of the frame i.
    pub(super) fn after(self, frame: &Frame) -> Self {
        let data = frame.data.as_bytes();
        // Data was measured before: a frame has at most 1 MiB.
        let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let mut hash = Sha256::default();
        hash.update(CHUNK);
        hash.update(&self.0);
        hash.update(&frame.index.to_be_bytes());
        hash.update(&[frame.flags()]);
        hash.update(&len.to_be_bytes());
        hash.update(data);
        Self(hash.finish())
    }

    /// What a tag covers.
    pub(super) fn tagged(self) -> [u8; TAG.len() + 32] {
        let mut out = [0; TAG.len() + 32];
        for (to, from) in out.iter_mut().zip(TAG.iter().chain(&self.0)) {
            *to = *from;
        }
        out
    }
}
