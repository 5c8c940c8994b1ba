//! Binary HTTP (RFC 9292).

pub mod decode;
pub mod encode;
mod error;
mod limits;

pub use decode::{RequestDecoder, RequestEvent, ResponseDecoder, ResponseEvent};
pub use error::Error;
pub use limits::Limits;

use http::{HeaderMap, Method, StatusCode, uri::{Authority, PathAndQuery, Scheme}};

/// Control data and header section of a request.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// method
    pub method: Method,
    /// scheme
    pub scheme: Scheme,
    /// authority; `None` when empty on the wire (then a host field names it, OB-33)
    pub authority: Option<Authority>,
    /// path and query
    pub path: PathAndQuery,
    /// header section
    pub headers: HeaderMap,
}

/// Control data and header section of a response, final or informational.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// status
    pub status: StatusCode,
    /// header section
    pub headers: HeaderMap,
}
