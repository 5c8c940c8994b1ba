//! The content of a request: whether there is any.

use super::Error;
use crate::{Body, body};
use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use std::future::ready;

/// The content from its first byte on; `None` where it ends without any.
pub(super) async fn present(mut content: Body) -> Result<Option<Body>, Error> {
    loop {
        if content.is_end_stream() {
            return Ok(None);
        }
        let Some(frame) = content.frame().await else { return Ok(None) };
        let frame = frame.map_err(Error::Content)?;
        if frame.data_ref().is_some_and(|data| !data.is_empty()) {
            return Ok(Some(behind(frame, content)));
        }
    }
}

/// A body whose first frame has been read.
fn behind(first: Frame<Bytes>, rest: Body) -> Body {
    if rest.is_end_stream() {
        return first.into_data().map_or_else(|_| body::empty(), body::full);
    }
    let first = futures_util::stream::once(ready(Ok(first)));
    body::boxed(StreamBody::new(futures_util::StreamExt::chain(first, BodyStream::new(rest))))
}
