//! Numbers in what hardware answers.

/// The little-endian number at a place, if it is all there.
pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
