//! Encoding. Indeterminate-length messages are written part by part, known-length ones whole.
//! Connection-specific fields (OB-33) are the caller's to remove; pseudo-fields cannot be expressed.

use super::{RequestHead, ResponseHead};
use bytes::BytesMut;
use http::HeaderMap;

/// Framing indicator 2, control data and a terminated header section.
pub fn request_head(_out: &mut BytesMut, _head: &RequestHead) {
    todo!()
}
/// Framing indicator 3. Before any informational response.
pub fn response_start(_out: &mut BytesMut) {
    todo!()
}
/// Control data and a terminated header section of an informational or the final response.
pub fn response_head(_out: &mut BytesMut, _head: &ResponseHead) {
    todo!()
}
/// The length prefix of a content slice of `len` bytes, at most 8 bytes; `len` is not 0 (0 would end the content).
pub fn content_prefix(_out: &mut BytesMut, _len: usize) {
    todo!()
}
/// Ends the content, then the (perhaps empty) trailer section.
pub fn end(_out: &mut BytesMut, _trailers: Option<&HeaderMap>) {
    todo!()
}
/// A whole known-length request, framing indicator 0.
pub fn known_request(_out: &mut BytesMut, _head: &RequestHead, _content: &[u8], _trailers: Option<&HeaderMap>) {
    todo!()
}
/// A whole known-length response, framing indicator 1.
pub fn known_response(_out: &mut BytesMut, _head: &ResponseHead, _content: &[u8], _trailers: Option<&HeaderMap>) {
    todo!()
}
/// Pads `out` with zeros to the next bucket of OB-64: 256, 512, 1024, 2048, 4096, then multiples of 4096.
pub fn pad(_out: &mut BytesMut) {
    todo!()
}
