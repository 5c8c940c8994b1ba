//! The variable-length integer of RFC 9000 section 16.

use bytes::BytesMut;

/// The largest value, 2^62 - 1.
pub const MAX: u64 = (1 << 62) - 1;

/// Appends `value` in its shortest form. `value` is at most [`MAX`]; every caller's value is a length in memory.
pub fn put(_out: &mut BytesMut, _value: u64) {
    todo!()
}

/// Reads an integer of any form from the front of `input`: the value and how many bytes it took, or `None` when more are needed.
#[must_use]
pub fn peek(_input: &[u8]) -> Option<(u64, usize)> {
    todo!()
}
