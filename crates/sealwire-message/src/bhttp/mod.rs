//! Binary HTTP (RFC 9292).
//!
//! Decoders take slices of any size and yield events; the encoder writes parts. Both do known-length and
//! indeterminate-length framing.

pub mod decode;
pub mod encode;
mod error;
mod head;
mod hop;
mod join;
mod limits;
mod list;

pub use decode::{RequestDecoder, RequestEvent, ResponseDecoder, ResponseEvent};
pub use error::Error;
pub use head::{RequestHead, ResponseHead};
pub use hop::remove_connection_fields;
pub use join::join_cookies;
pub use limits::Limits;

/// Whether a message states the length of its parts, or ends them with a zero (RFC 9292 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// framing indicators 0 and 1
    Known,
    /// framing indicators 2 and 3
    Indeterminate,
}
