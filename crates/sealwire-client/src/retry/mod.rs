//! When a request is sent again (OB-43, OB-47, SE-43), and how its body is kept for that.

pub(crate) mod date;
mod exchange;
mod tape;

pub(crate) use exchange::exchange;

use http::{Method, request::Parts};

/// In a request's extensions: repeating it does no harm, whatever its method (SE-43).
#[derive(Debug, Clone, Copy)]
pub struct ReplaySafe;

/// Whether carrying a request out twice does what carrying it out once does (RFC 9110 section 9.2.2, SE-43).
fn is_repeatable(head: &Parts) -> bool {
    head.extensions.get::<ReplaySafe>().is_some()
        || matches!(
            head.method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
        )
}
