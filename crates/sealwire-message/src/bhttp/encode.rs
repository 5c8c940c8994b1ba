//! Encoding. Indeterminate-length messages are written part by part, known-length ones whole.
//! Connection-specific fields (OB-33) are the caller's to remove; pseudo-fields cannot be expressed.
//!
//! What a value type allows and Binary HTTP does not is put right here, so that nothing is emitted that a
//! decoder must refuse: blanks at the ends of a value are cut (they are no part of it, RFC 9110 section 5.5),
//! and userinfo is not sent (section 4.2.4).

use super::{RequestHead, ResponseHead};
use crate::varint;
use bytes::{BufMut, BytesMut};
use http::{HeaderMap, uri::PathAndQuery};

/// Framing indicator 2, control data and a terminated header section.
pub fn request_head(out: &mut BytesMut, head: &RequestHead) {
    varint::put(out, 2);
    request_control(out, head);
    terminated(out, &head.headers);
}
/// Framing indicator 3. Before any informational response.
pub fn response_start(out: &mut BytesMut) {
    varint::put(out, 3);
}
/// Control data and a terminated header section of an informational or the final response.
pub fn response_head(out: &mut BytesMut, head: &ResponseHead) {
    varint::put(out, head.status.as_u16().into());
    terminated(out, &head.headers);
}
/// The length prefix of a content slice of `len` bytes, at most 8 bytes. Nothing when `len` is 0, as a zero
/// would end the content.
pub fn content_prefix(out: &mut BytesMut, len: usize) {
    if len != 0 {
        varint::put(out, len as u64);
    }
}
/// Ends the content, then the (perhaps empty) trailer section.
pub fn end(out: &mut BytesMut, trailers: Option<&HeaderMap>) {
    // Decoders must allow the terminators to be missing, but some do not (OB-31).
    varint::put(out, 0);
    match trailers {
        Some(trailers) => terminated(out, trailers),
        None => varint::put(out, 0),
    }
}
/// A whole known-length request, framing indicator 0.
pub fn known_request(out: &mut BytesMut, head: &RequestHead, content: &[u8], trailers: Option<&HeaderMap>) {
    varint::put(out, 0);
    request_control(out, head);
    known_parts(out, &head.headers, content, trailers);
}
/// A whole known-length response, framing indicator 1.
pub fn known_response(out: &mut BytesMut, head: &ResponseHead, content: &[u8], trailers: Option<&HeaderMap>) {
    varint::put(out, 1);
    varint::put(out, head.status.as_u16().into());
    known_parts(out, &head.headers, content, trailers);
}
/// Pads `out`, one whole message, with zeros to the next bucket of OB-64.
pub fn pad(out: &mut BytesMut) {
    out.resize(bucket(out.len()), 0);
}
/// The bucket of OB-64 that a message of `len` bytes is padded to: 256, 512, 1024, 2048, 4096, then multiples
/// of 4096.
#[must_use]
pub const fn bucket(len: usize) -> usize {
    match len {
        0..=256 => 256,
        257..=4096 => len.next_power_of_two(),
        // Near usize::MAX there is no further bucket, nor such a message.
        _ => match len.checked_next_multiple_of(4096) {
            Some(bucket) => bucket,
            None => len,
        },
    }
}

fn request_control(out: &mut BytesMut, head: &RequestHead) {
    vector(out, head.method.as_str().as_bytes());
    vector(out, head.scheme.as_str().as_bytes());
    let authority = head.authority.as_ref().map_or("", |authority| authority.as_str());
    vector(out, authority.rsplit('@').next().unwrap_or_default().as_bytes());
    path(out, &head.path);
}

/// `PathAndQuery` may hold a query alone; on the wire a path begins with `/` unless it is `*`.
fn path(out: &mut BytesMut, path: &PathAndQuery) {
    let path = path.as_str();
    if path.starts_with(['/', '*']) {
        vector(out, path.as_bytes());
    } else {
        varint::put(out, path.len() as u64 + 1);
        out.put_u8(b'/');
        out.put_slice(path.as_bytes());
    }
}

fn known_parts(out: &mut BytesMut, headers: &HeaderMap, content: &[u8], trailers: Option<&HeaderMap>) {
    let headers_len = lines_len(headers);
    let trailers_len = trailers.map_or(0, lines_len);
    // Three length prefixes of at most 8 bytes.
    out.reserve(headers_len.saturating_add(content.len()).saturating_add(trailers_len).saturating_add(24));
    varint::put(out, headers_len as u64);
    lines(out, headers);
    vector(out, content);
    varint::put(out, trailers_len as u64);
    if let Some(trailers) = trailers {
        lines(out, trailers);
    }
}

fn terminated(out: &mut BytesMut, fields: &HeaderMap) {
    out.reserve(lines_len(fields) + 1);
    lines(out, fields);
    varint::put(out, 0);
}

fn lines(out: &mut BytesMut, fields: &HeaderMap) {
    for (name, value) in fields {
        vector(out, name.as_str().as_bytes());
        vector(out, trimmed(value.as_bytes()));
    }
}

fn lines_len(fields: &HeaderMap) -> usize {
    fields
        .iter()
        .map(|(name, value)| vector_len(name.as_str().len()) + vector_len(trimmed(value.as_bytes()).len()))
        .sum()
}

fn vector(out: &mut BytesMut, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.put_slice(bytes);
}

fn vector_len(len: usize) -> usize {
    varint::size(len as u64) + len
}

fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
