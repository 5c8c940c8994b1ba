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
        let clean = clean_prefix(rest);
        let (plain, after) = rest.split_at_checked(clean).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((first, after)) = after.split_first() else { break };
        write_escape(*first, out);
        rest = after;
    }
    out.push(b'"');
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
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    for block in blocks {
        if block.iter().fold(false, |dirty, byte| dirty | needs_escape(*byte)) {
            return clean + block.iter().take_while(|byte| !needs_escape(**byte)).count();
        }
        clean += BLOCK;
    }
    clean + tail.iter().take_while(|byte| !needs_escape(**byte)).count()
}

const fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

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
