//! Oblivious HTTP (RFC 9458), chunked (draft-ietf-ohai-chunked-ohttp) and its key configurations.

pub mod client;
pub mod config;
mod error;
pub mod gateway;
mod limits;

pub use error::Error;
pub use limits::Limits;

/// Media types of the wire.
pub mod media {
    /// `application/ohttp-keys`
    pub const KEYS: &str = "application/ohttp-keys";
    /// single-shot request
    pub const REQUEST: &str = "message/ohttp-req";
    /// single-shot response
    pub const RESPONSE: &str = "message/ohttp-res";
    /// chunked request
    pub const CHUNKED_REQUEST: &str = "message/ohttp-chunked-req";
    /// chunked response
    pub const CHUNKED_RESPONSE: &str = "message/ohttp-chunked-res";
}
