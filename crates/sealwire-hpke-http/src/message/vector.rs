//! `vec(x)`: a QUIC integer (RFC 9000 section 16) in its shortest form, and as many bytes (HH-02).

use crate::Error;

/// Splits the next vector off the front of `input`. Lengths in more bytes than they need are refused, so that one message
/// has one form.
pub(super) fn take<'a>(input: &mut &'a [u8]) -> Result<&'a [u8], Error> {
    split(input).ok_or(Error::MalformedEnvelope)
}

fn split<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&first, _) = input.split_first()?;
    let size = 1 << (first >> 6);
    let (length, rest) = input.split_at_checked(size)?;
    let value =
        length.iter().skip(1).fold(u64::from(first & 0x3f), |value, byte| (value << 8) | u64::from(*byte));
    if size_of(value) != size {
        return None;
    }
    let (bytes, rest) = rest.split_at_checked(usize::try_from(value).ok()?)?;
    *input = rest;
    Some(bytes)
}

/// Appends a vector.
pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u64;
    let [.., a, b, c, d] = length.to_be_bytes();
    match size_of(length) {
        1 => out.push(d),
        2 => out.extend([c | 0x40, d]),
        4 => out.extend([a | 0x80, b, c, d]),
        // No buffer is longer than 2^62.
        _ => out.extend((length | 0xc0 << 56).to_be_bytes()),
    }
    out.extend_from_slice(bytes);
}

/// Bytes of an integer in its shortest form.
fn size_of(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HH-02
    #[test]
    fn the_shortest_form_and_no_other() {
        for (len, front) in [
            (0, vec![0]),
            (63, vec![0x3f]),
            (64, vec![0x40, 0x40]),
            (16383, vec![0x7f, 0xff]),
            (16384, vec![0x80, 0, 0x40, 0]),
        ] {
            let bytes = vec![7; len];
            let mut out = Vec::new();
            put(&mut out, &bytes);
            assert_eq!(out.get(..front.len()), Some(front.as_slice()));
            let mut rest = out.as_slice();
            assert_eq!(take(&mut rest), Ok(bytes.as_slice()));
            assert!(rest.is_empty());
        }
        for longer in
            [&[0x40, 1, 9][..], &[0x80, 0, 0, 1, 9], &[0xc0, 0, 0, 0, 0, 0, 0, 1, 9], &[0x80, 0, 0x3f, 0xff]]
        {
            let mut rest = longer;
            assert_eq!(take(&mut rest), Err(Error::MalformedEnvelope));
        }
        for cut in [&[][..], &[0x40], &[2, 1], &[0xff; 8]] {
            let mut rest = cut;
            assert_eq!(take(&mut rest), Err(Error::MalformedEnvelope));
        }
    }
}
