//! Content of a whole message.

use bytes::{Bytes, BytesMut};

/// Gathers content. Known-length framing has it in one piece, which is then not copied.
#[derive(Default)]
pub(crate) struct Content {
    first: Bytes,
    rest: BytesMut,
}

impl Content {
    pub(crate) fn push(&mut self, slice: Bytes) {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = slice;
        } else {
            if self.rest.is_empty() {
                self.rest.extend_from_slice(&std::mem::take(&mut self.first));
            }
            self.rest.extend_from_slice(&slice);
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
}
