//! The one body type between layers.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Any error that a body can end with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A streaming body. Its end is the authenticated end of the message; anything else is an error.
pub struct Body(UnsyncBoxBody<Bytes, BoxError>);

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body")
    }
}

/// No content.
#[must_use]
pub fn empty() -> Body {
    boxed(Empty::new())
}

/// Content that is in memory.
#[must_use]
pub fn full(content: impl Into<Bytes>) -> Body {
    boxed(Full::new(content.into()))
}

/// Any body.
pub fn boxed<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Body(body.map_err(Into::into).boxed_unsync())
}

/// Says how content of unknown length is framed where HTTP/1.1 clients, left to themselves, send none: in a GET (RFC 9110
/// section 9.3.1 gives its content no meaning). HTTP/2 frames by itself, and has no such field.
pub fn frame<B: http_body::Body>(request: &mut Request<B>) {
    if *request.method() == Method::GET && request.body().size_hint().exact().is_none() {
        request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}
