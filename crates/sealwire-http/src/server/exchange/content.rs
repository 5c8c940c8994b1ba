//! The content behind the head: a stream, or gathered where the route wants it whole (OB-25).

use super::Bounds;
use crate::{
    Body, body,
    opened::{Fault, FaultCell, Message, OpenedBody},
    server::RouteRules,
};
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// `length` is what the content-length field says, `rest` the rest of the outer body.
pub(crate) async fn content(
    bounds: Bounds,
    rules: RouteRules,
    method: &Method,
    length: Option<u64>,
    rest: Body,
    message: impl Message,
) -> Result<(Body, FaultCell), Fault> {
    let (mut opened, fault) = OpenedBody::new(rest, message, length, bounds.idle_time);
    let usually_empty =
        matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::DELETE);
    if length == Some(0) {
        opened.end_without_content().await?;
        return Ok((body::empty(), fault));
    }
    let empty = if usually_empty { opened.know_whether_empty().await? } else { opened.is_empty()? };
    if empty {
        return Ok((body::empty(), fault));
    }
    // A client of HTTP/1.1 frames a GET or HEAD with content only if it knows its length.
    let unframed = length.is_none() && matches!(*method, Method::GET | Method::HEAD);
    let cap = rules.complete.or(unframed.then_some(bounds.gathered));
    let Some(cap) = cap else { return Ok((body::boxed(opened), fault)) };
    let collected = Limited::new(opened, cap).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Fault::TooLong
        } else {
            fault.get().copied().unwrap_or(Fault::Transport)
        }
    })?;
    let trailers = collected.trailers().cloned();
    let whole = http_body_util::Full::new(collected.to_bytes());
    let whole = match trailers {
        None => body::boxed(whole),
        Some(trailers) => body::boxed(whole.with_trailers(std::future::ready(Some(Ok(trailers))))),
    };
    Ok((whole, fault))
}

/// The decoder has checked that there is at most one, and that it is a number (OB-129).
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
