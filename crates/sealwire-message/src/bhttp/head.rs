//! What stands before the content.

use http::{
    HeaderMap, Method, StatusCode,
    header::HOST,
    uri::{Authority, PathAndQuery, Scheme},
};

/// Control data and header section of a request.
///
/// From a decoder it is what the message says, unchanged but for dropped pseudo-fields: a host field stays
/// among `headers`.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// method
    pub method: Method,
    /// scheme; a decoder yields `http` or `https`
    pub scheme: Scheme,
    /// authority; `None` when empty on the wire (then a host field names it, OB-33)
    pub authority: Option<Authority>,
    /// path and query
    pub path: PathAndQuery,
    /// header section
    pub headers: HeaderMap,
}

impl RequestHead {
    /// The authority, or else what the host field says. `Some` for every head that a decoder yields: it has checked
    /// that the two agree and that one is there (OB-128).
    #[must_use]
    pub fn effective_authority(&self) -> Option<Authority> {
        self.authority.clone().or_else(|| Authority::try_from(self.headers.get(HOST)?.as_bytes()).ok())
    }
}

/// Control data and header section of a response, final or informational.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// status
    pub status: StatusCode,
    /// header section
    pub headers: HeaderMap,
}
