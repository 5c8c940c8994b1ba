//! The releases 1.x: `X-HPKE-*` fields and chunks, for callers who cannot move yet.
//!
//! What is sealed is a body and nothing else. Method, path and fields are in clear and not bound to it (HH-96), a cut at
//! a chunk's end does not show (HH-97), and nothing but a register of what was seen stops a second use (HH-95, HH-98). The
//! types here hold what can be held: without a chunk that has opened there is no caller (HH-91).
//!
//! Keys and pre-shared keys of this wire are types of their own: none of them is good for version 3 (HH-105).

mod chunk;
pub mod client;
mod decode;
mod document;
mod error;
mod event;
mod exported;
mod fields;
mod limits;
pub mod server;

pub use chunk::DATA_LEN;
pub use document::{DISCOVERY_PATH, document, parse_document};
pub use error::Error;
pub use exported::Credential;
pub use fields::{Encoding, name};
pub use limits::Limits;

/// Whether a body that says that it is JSON is a whole one (HH-97): a cut at the end of a chunk shows in no other way.
#[must_use]
pub fn is_whole_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

/// Whether an answer with this content type is an event stream, by the rule of this wire (HH-86).
#[must_use]
pub fn is_event_stream(content_type: &str) -> bool {
    content_type.to_ascii_lowercase().contains("text/event-stream")
}
