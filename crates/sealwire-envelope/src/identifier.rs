//! Names on the wire: `messageId`, `nonce`, `sender`, `recipient`, `keyId` (SP-06).

/// Length of the longest identifier in bytes.
pub const MAX_LEN: usize = 256;

/// What an identifier may consist of (SP-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// U+0021 to U+007E: safe in header fields, in logs and in the keys of stores.
    #[default]
    Visible,
    /// `loose_ids`: any Unicode but control characters; percent-encoded before it enters a header.
    Loose,
}

impl Charset {
    /// Whether `text` is an identifier.
    #[must_use]
    pub fn admits(self, text: &str) -> bool {
        (1..=MAX_LEN).contains(&text.len())
            && match self {
                Self::Visible => text.bytes().all(|byte| byte.is_ascii_graphic()),
                Self::Loose => !text.chars().any(char::is_control),
            }
    }
}

/// An identifier as a header field may carry it (SP-06): everything outside U+0021 to U+007E, and `%` where anything was
/// outside, as `%XX` of its UTF-8.
#[must_use]
pub fn for_field(identifier: &str) -> String {
    if identifier.bytes().all(|byte| byte.is_ascii_graphic()) {
        return identifier.to_owned();
    }
    let mut out = String::with_capacity(identifier.len().saturating_mul(3));
    for byte in identifier.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(hex_digit(byte >> 4));
            out.push(hex_digit(byte & 0xf));
        }
    }
    out
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase()
}
