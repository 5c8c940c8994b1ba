//! Targets of requests (SP-80). Nothing is repaired: what two programs could read differently is refused, and the rest goes
//! on byte for byte.

use crate::Reason;

/// The path part of a target, on which policies decide; the query is not part of it.
///
/// # Errors
/// [`Reason::InvalidPath`]
pub fn check(target: &str) -> Result<&str, Reason> {
    let clean = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    if target.bytes().all(clean) && is_clear(path) { Ok(path) } else { Err(Reason::InvalidPath) }
}

fn is_clear(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    if path.contains('\\') || !triplets_are_clear(path.as_bytes()) {
        return false;
    }
    // A trailing slash makes an empty segment, which is the only one there may be.
    let segments = rest.strip_suffix('/').unwrap_or(rest);
    path == "/" || segments.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// Whether every `%` begins a triplet that could not be written otherwise, and that nobody decodes into something with a
/// meaning of its own, not even by decoding twice.
fn triplets_are_clear(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let Some([_, high, low, after @ ..]) = rest.get(at..) else { return false };
        let (Some(high), Some(low)) = (upper_hex(*high), upper_hex(*low)) else { return false };
        let byte = high << 4 | low;
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if unreserved || matches!(byte, b'/' | b'\\' | 0x7f) || byte < 0x20 {
            return false;
        }
        let twice = matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
        if byte == b'%' && twice {
            return false;
        }
        rest = after;
    }
    true
}

fn upper_hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
