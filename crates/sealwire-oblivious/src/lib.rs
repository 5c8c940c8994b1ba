//! Oblivious HTTP (RFC 9458), chunked (draft-ietf-ohai-chunked-ohttp-08) and its key configurations.
//!
//! Sans-I/O: bytes go in, bytes come out, randomness is a parameter. The normative page is
//! `docs/spec/oblivious.md`; the `OB-` numbers in this crate are its.
//!
//! * [`config`]: key configurations, the list that a gateway publishes, and what a client picks from it.
//! * [`client`]: seals requests, opens answers.
//! * [`gateway`]: opens requests, seals answers.
//!
//! What is sealed is a Binary HTTP message (`sealwire_message::bhttp`), padded by the caller (OB-64).
//! All chunks of a message fall with the gateway's key: there is no forward secrecy inside a message (OB-28).

pub mod client;
pub mod config;
mod error;
mod form;
pub mod gateway;
mod limits;
mod response;

pub use error::Error;
pub use limits::{AES_GCM_MESSAGE, Limits};

/// Media types of the wire.
pub mod media {
    /// A list of key configurations.
    pub const KEYS: &str = "application/ohttp-keys";
    /// A single-shot request.
    pub const REQUEST: &str = "message/ohttp-req";
    /// A single-shot response.
    pub const RESPONSE: &str = "message/ohttp-res";
    /// A chunked request.
    pub const CHUNKED_REQUEST: &str = "message/ohttp-chunked-req";
    /// A chunked response.
    pub const CHUNKED_RESPONSE: &str = "message/ohttp-chunked-res";
}
