//! The variable-length integer of RFC 9000 section 16.

use bytes::BufMut;

/// The largest value, 2^62 - 1.
pub const MAX: u64 = (1 << 62) - 1;

/// Appends `value` in its shortest form. `value` is at most [`MAX`]; every caller's value is a length in memory.
pub fn put(out: &mut impl BufMut, value: u64) {
    debug_assert!(value <= MAX);
    // The two highest bits of the first byte say how many bytes there are.
    match size(value) {
        1 => out.put_u8(value as u8),
        2 => out.put_u16(value as u16 | 0x4000),
        4 => out.put_u32(value as u32 | 0x8000_0000),
        _ => out.put_u64(value | 0xc000_0000_0000_0000),
    }
}

/// How many bytes [`put`] appends for `value`: 1, 2, 4 or 8.
#[must_use]
pub const fn size(value: u64) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

/// Reads an integer of any form from the front of `input`: the value and how many bytes it took, or `None`
/// when more are needed.
#[must_use]
pub fn peek(input: &[u8]) -> Option<(u64, usize)> {
    let (&first, _) = input.split_first()?;
    let (value, size) = match first >> 6 {
        0 => (u64::from(first), 1),
        1 => (u64::from(u16::from_be_bytes(*input.first_chunk()?)), 2),
        2 => (u64::from(u32::from_be_bytes(*input.first_chunk()?)), 4),
        _ => (u64::from_be_bytes(*input.first_chunk()?), 8),
    };
    // Clears the two length bits, wherever the form put them.
    Some((value & (u64::MAX >> (66 - 8 * size)), size))
}
