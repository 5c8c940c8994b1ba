//! The one body type between layers.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};

/// Any error that a body can end with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A streaming body. Its end is the authenticated end of the message; anything else is an error.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// No content.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Content that is in memory.
#[must_use]
pub fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Any body.
pub fn boxed<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}
