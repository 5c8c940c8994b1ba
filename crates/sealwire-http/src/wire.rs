//! The wire table: how a request tells which wire it came by.

use http::{Method, StatusCode, request::Parts};
use sealwire_oblivious::media;

/// A wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wire {
    /// No wire: the request came in clear.
    Plain,
    /// Oblivious HTTP, one message each way.
    ObliviousSingle,
    /// Oblivious HTTP, chunked.
    ObliviousChunked,
}

impl Wire {
    /// The stable name, for logs, metrics and key documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        todo!()
    }
}

/// What a request's outside says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// It belongs to this wire.
    Wire(Wire),
    /// It is a wire's, but not in a form that the wire takes (OB-107): 405, 415 or 417.
    Refused(StatusCode),
    /// It is no wire's.
    Plain,
}

/// Where the oblivious wire is spoken (RFC 9540 section 5).
pub const OBLIVIOUS_PATH: &str = "/.well-known/ohttp-gateway";

/// Finds the row of the table that a request fits.
#[must_use]
pub fn pick(_request: &Parts) -> Pick {
    let _ = (Method::POST, media::REQUEST);
    todo!()
}
