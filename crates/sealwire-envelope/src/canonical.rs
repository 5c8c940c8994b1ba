//! The canonical form of an envelope: the bytes that are signed (EN-07 to EN-09). One fixed template, not general
//! canonicalisation; it is written into one buffer of the caller, and nothing is allocated when that has room (PF-03).

use sealwire_crypto::digest::sha256;

use crate::{Body, Envelope, base64url};

/// `canon(E)` in a buffer of its own.
#[must_use]
pub fn envelope(envelope: &Envelope) -> Vec<u8> {
    let mut out = Vec::with_capacity(expected_len(envelope));
    write_envelope(envelope, &mut out);
    out
}

/// Appends `canon(E)` to `out` (EN-07).
pub fn write_envelope(envelope: &Envelope, out: &mut Vec<u8>) {
    let header = &envelope.header;
    out.extend_from_slice(b"{\"body\":");
    write_body(&envelope.body, out);
    out.extend_from_slice(b",\"header\":{\"messageId\":");
    write_string(&header.message_id, out);
    out.extend_from_slice(b",\"nonce\":");
    write_string(&header.nonce, out);
    if let Some(recipient) = &header.recipient {
        out.extend_from_slice(b",\"recipient\":");
        write_string(recipient, out);
    }
    out.extend_from_slice(b",\"sender\":");
    write_string(&header.sender, out);
    out.extend_from_slice(b",\"timestampMs\":");
    write_signed(header.timestamp_ms, out);
    out.extend_from_slice(b",\"ttlMs\":");
    write_signed(header.ttl_ms, out);
    out.extend_from_slice(b",\"version\":");
    write_string(&header.version, out);
    out.extend_from_slice(b"}}");
}

/// Appends a body in canonical form, as it stands in the envelope, and as it is sealed (SP-61).
pub fn write_body(body: &Body, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(capability) = &body.capability {
        out.extend_from_slice(b"\"capability\":");
        write_string(capability, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"content\":");
    write_string(&body.content, out);
    if let Some(correlation_id) = &body.correlation_id {
        out.extend_from_slice(b",\"correlationId\":");
        write_string(correlation_id, out);
    }
    out.extend_from_slice(b",\"intent\":");
    write_string(&body.intent, out);
    out.push(b'}');
}

/// `b64u(SHA(canon(E)))`, by which one message names another (SP-31, SP-33, SP-52).
#[must_use]
pub fn digest(canonical: &[u8]) -> String {
    base64url::encode(sha256(&[canonical]))
}

/// Appends `JS(text)` (EN-08): what ECMAScript's `JSON.stringify` gives.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, after) = rest.split_at_checked(clean_prefix(rest)).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        if after.is_empty() {
            break;
        }
        // Where there is one escape there are more: lines, quotes, paths.
        let (dense, after) = after.split_at_checked(DENSE).unwrap_or((after, &[]));
        write_dense(dense, out);
        rest = after;
    }
    out.push(b'"');
}

/// How much of a text is written with care for escapes that lie close together.
const DENSE: usize = 128;

/// Writes text with escapes, eight bytes at a time.
fn write_dense(bytes: &[u8], out: &mut Vec<u8>) {
    // Words are written whole and cut again, which must not make a buffer grow that has room.
    let roomy = out.capacity().saturating_sub(out.len()) >= LONGEST_ESCAPE * bytes.len() + WORD;
    let (words, tail) = if roomy { bytes.as_chunks::<WORD>() } else { (&[][..], bytes) };
    for word in words {
        let mut word = u64::from_le_bytes(*word);
        let mut left = WORD;
        let mut dirty = escapes(word);
        while dirty != 0 {
            let clean = (dirty.trailing_zeros() / 8) as usize;
            let byte = word.wrapping_shr(8 * clean as u32) as u8;
            match short_escape(byte) {
                // What is clean and a short escape behind it, in one store.
                Some(escape) if clean + escape.len() <= WORD => {
                    let pair = u64::from(u16::from_le_bytes(escape)) << (8 * clean);
                    write_word(word & ((1 << (8 * clean)) - 1) | pair, clean + escape.len(), out);
                }
                _ => {
                    write_word(word, clean, out);
                    write_escape(byte, out);
                }
            }
            let taken = clean + 1;
            // All but all bits at most: shifting by 64 would do nothing.
            word = word.wrapping_shr(8 * clean as u32) >> 8;
            dirty = dirty.wrapping_shr(8 * clean as u32) >> 8;
            left -= taken;
        }
        write_word(word, left, out);
    }
    for byte in tail {
        if needs_escape(*byte) { write_escape(*byte, out) } else { out.push(*byte) }
    }
}

const WORD: usize = 8;
/// `\u00xx`
const LONGEST_ESCAPE: usize = 6;

/// Writes the first `len` bytes of a word. A store of eight bytes costs less than a copy of a few.
fn write_word(word: u64, len: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(start + len);
}

/// The high bits of those bytes of a word that need an escape, exactly.
const fn escapes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // No sum crosses into the next byte, since the high bits are taken out before.
    const fn at_least(word: u64, bound: u64) -> u64 {
        ((word & !HIGH) + ONES * (0x80 - bound)) | word
    }
    let control = at_least(word, 0x20);
    let quote = at_least(word ^ (ONES * b'"' as u64), 1);
    let backslash = at_least(word ^ (ONES * b'\\' as u64), 1);
    !(control & quote & backslash) & HIGH
}

/// Appends an integer in decimal (EN-09).
pub fn write_integer(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    let mut left = value;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (left % 10) as u8;
        left /= 10;
        from -= 1;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

/// The same with a sign where there is one.
pub(crate) fn write_signed(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    write_integer(value.unsigned_abs(), out);
}

/// How many bytes from the front need no escape. Looks at a block at a time, in a form that compilers turn into vector
/// instructions; most strings have nothing to escape.
pub(crate) fn clean_prefix(bytes: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let mut clean = 0;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    for block in blocks {
        if block.iter().fold(false, |dirty, byte| dirty | needs_escape(*byte)) {
            break;
        }
        clean += BLOCK;
    }
    let (words, tail) = bytes.get(clean..).unwrap_or_default().as_chunks::<WORD>();
    for word in words {
        let dirty = escapes(u64::from_le_bytes(*word));
        if dirty != 0 {
            return clean + (dirty.trailing_zeros() / 8) as usize;
        }
        clean += WORD;
    }
    clean + tail.iter().take_while(|byte| !needs_escape(**byte)).count()
}

const fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    if let Some(escape) = short_escape(byte) {
        out.extend_from_slice(&escape);
    } else {
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)]);
    }
}

fn short_escape(byte: u8) -> Option<[u8; 2]> {
    SHORT.get(usize::from(byte)).filter(|short| **short != 0).map(|short| [b'\\', *short])
}

/// What follows the backslash of short escapes.
static SHORT: [u8; 256] = {
    let mut short = [0; 256];
    let pairs =
        [(b'"', b'"'), (b'\\', b'\\'), (8, b'b'), (b'\t', b't'), (b'\n', b'n'), (12, b'f'), (b'\r', b'r')];
    let mut at = 0;
    while at < pairs.len() {
        #[expect(clippy::indexing_slicing, reason = "checked when it compiles")]
        {
            short[pairs[at].0 as usize] = pairs[at].1;
        }
        at += 1;
    }
    short
};

/// Room for an envelope that has little to escape, so that one allocation is enough for it (PF-03).
fn expected_len(envelope: &Envelope) -> usize {
    const TEMPLATE: usize = 192;
    let Envelope { header, body, .. } = envelope;
    let optional = [&header.recipient, &body.capability, &body.correlation_id];
    let text = body.content.len() / 8 * 9
        + body.intent.len()
        + header.message_id.len()
        + header.nonce.len()
        + header.sender.len()
        + header.version.len()
        + optional.into_iter().flatten().map(String::len).sum::<usize>();
    TEMPLATE + text
}
