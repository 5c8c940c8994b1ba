//! base64url without padding (RFC 4648 section 5), one text for each byte string (SP-07).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Not base64url, or not of the length that is asked for (SP-07).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding, of the right length and with no bits left over")]
pub struct Malformed;

/// The text of `bytes`.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a text. Padding, white space, other characters and unused bits that are not zero are refused, so that
/// nobody can make a second text of a signature.
///
/// # Errors
/// [`Malformed`]
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed)
}

/// The same for exactly `N` bytes, without allocation.
///
/// # Errors
/// [`Malformed`]
pub fn decode_array<const N: usize>(text: impl AsRef<[u8]>) -> Result<[u8; N], Malformed> {
    let text = text.as_ref();
    if text.len() != N.div_ceil(3) * 4 - (3 - N % 3) % 3 {
        return Err(Malformed);
    }
    let mut out = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut out) {
        Ok(len) if len == N => Ok(out),
        _ => Err(Malformed),
    }
}

/// Whether `text` is base64url at all, whatever its length.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    // Only the last group can have bits left over, or the wrong length.
    let whole = text.len() / 4 * 4;
    let (groups, rest) = text.as_bytes().split_at_checked(whole).unwrap_or_default();
    groups.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && URL_SAFE_NO_PAD.decode_slice(rest, &mut [0; 3]).is_ok()
}
