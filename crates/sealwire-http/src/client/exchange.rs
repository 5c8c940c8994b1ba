//! An exchange that streams both ways, whichever the wire: from a plain request to the opened answer.

use super::Error;
use crate::{
    Body, body,
    chunks::OpenChunks,
    informational::{Informational, InformationalSender},
    opened::{Fault, Message, OpenedBody, Part},
    problem,
};
use http::{
    HeaderMap, Method, Request, Response, StatusCode, Uri, header,
    uri::{PathAndQuery, Scheme},
};
use http_body_util::{BodyExt, Limited};
use sealwire_message::{
    bhttp::{self, Limits, RequestHead, ResponseDecoder, ResponseEvent, ResponseHead},
    chunk::Opened,
};
use std::time::Duration;

/// Whether the answer has no content in HTTP, so that nothing of it can be sealed where content alone is.
pub(super) fn has_no_content(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Head and content of a plain request, ready to be sealed. Its URI is absolute.
pub(super) fn head(request: Request<Body>) -> Result<(RequestHead, http::Extensions, Body), Error> {
    let (parts, content) = request.into_parts();
    let uri = parts.uri.into_parts();
    let authority = uri.authority.ok_or(Error::Request("its URI names no authority"))?;
    let path = uri.path_and_query.ok_or(Error::Request("its URI has no path"))?;
    let mut headers = parts.headers;
    if headers.contains_key(header::UPGRADE) || parts.method == Method::CONNECT {
        return Err(Error::Request("this wire carries no upgrade and no tunnel"));
    }
    bhttp::remove_connection_fields(&mut headers);
    headers.remove(header::HOST);
    headers.remove(header::EXPECT);
    let head = RequestHead {
        method: parts.method,
        scheme: uri.scheme.unwrap_or(Scheme::HTTPS),
        authority: Some(authority),
        path,
        headers,
    };
    Ok((head, parts.extensions, content))
}

/// A path at the place of `base`.
pub(super) fn at(base: &Uri, path: PathAndQuery) -> Result<Uri, Error> {
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| Error::Request("its target is no URI"))
}

/// Opens an answer: its head, and its content as it authenticates.
pub(super) async fn open<C: OpenChunks>(
    mut sealed: Body,
    chunks: C,
    limits: Limits,
    idle_time: Duration,
    method: &Method,
    informational: Option<InformationalSender>,
) -> Result<(ResponseHead, Body), Error> {
    let mut message = ResponseMessage { chunks, response: ResponseDecoder::new(limits), informational };
    let head = loop {
        if let Some(head) = message.head()? {
            break head;
        }
        let frame = tokio::time::timeout(idle_time, sealed.frame());
        match frame.await.map_err(|_| Fault::Idle)? {
            None => message.end(),
            Some(Err(_)) => return Err(Fault::Transport.into()),
            Some(Ok(frame)) => {
                if let Some(slice) = frame.data_ref() {
                    message.push(slice)?;
                }
            }
        }
    };
    let length = if has_content(method, &head) { content_length(&head)? } else { None };
    let (mut opened, _) = OpenedBody::new(sealed, message, length, idle_time);
    let content = if length == Some(0) {
        opened.end_without_content().await?;
        body::empty()
    } else if opened.is_empty()? {
        if length.is_some() {
            return Err(Fault::Message(bhttp::Error::ContentLength).into());
        }
        body::empty()
    } else {
        body::boxed(opened)
    };
    Ok((head, content))
}

/// Bytes of an unsealed answer that are looked at.
const PROBLEM_LIMIT: usize = 4096;

/// Whether an unsealed answer is a problem document that names `kind`. It is anybody's word.
pub(super) async fn is_problem(headers: &HeaderMap, body: Body, kind: &str) -> bool {
    let found = crate::wire::single(headers, &header::CONTENT_TYPE).unwrap_or_default();
    if !found.eq_ignore_ascii_case(problem::MEDIA_TYPE) {
        return false;
    }
    let text = Limited::new(body, PROBLEM_LIMIT).collect().await.map(|text| text.to_bytes());
    text.is_ok_and(|text| text.windows(kind.len()).any(|window| window == kind.as_bytes()))
}

/// The ordinary response that a sealed one stands for.
pub(super) fn plain(mut head: ResponseHead, content: Body) -> Response<Body> {
    bhttp::remove_connection_fields(&mut head.headers);
    let mut response = Response::new(content);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

/// Whether a content-length field speaks of the content of this response (RFC 9110 section 8.6).
pub(super) fn has_content(method: &Method, head: &ResponseHead) -> bool {
    *method != Method::HEAD && !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// What the content-length field says; two that differ make the message malformed.
pub(super) fn content_length(head: &ResponseHead) -> Result<Option<u64>, Fault> {
    let mut found = None;
    for value in head.headers.get_all(header::CONTENT_LENGTH) {
        let length = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
        match (found, length) {
            (None, Some(_)) => found = length,
            (Some(_), Some(_)) if found == length => {}
            _ => return Err(Fault::Message(bhttp::Error::ContentLengthField)),
        }
    }
    Ok(found)
}

/// Chunks go in at one end, parts of the response come out at the other.
struct ResponseMessage<C> {
    chunks: C,
    response: ResponseDecoder,
    informational: Option<InformationalSender>,
}

impl<C: OpenChunks> ResponseMessage<C> {
    /// The final head, or `None` until more is pushed. Informational responses before it go to who asked for them.
    fn head(&mut self) -> Result<Option<ResponseHead>, Fault> {
        loop {
            match self.next_event()? {
                Some(ResponseEvent::Head(head)) => return Ok(Some(head)),
                Some(ResponseEvent::Informational(head)) => {
                    if let (Some(to), true) =
                        (&self.informational, head.status != StatusCode::SWITCHING_PROTOCOLS)
                    {
                        // Who does not read them in time does not want them.
                        let found = Informational { status: head.status, headers: head.headers };
                        let _ = to.0.try_send(Box::new(found));
                    }
                }
                _ => return Ok(None),
            }
        }
    }

    fn next_event(&mut self) -> Result<Option<ResponseEvent>, Fault> {
        loop {
            if let Some(event) = self.response.next_event()? {
                return Ok(Some(event));
            }
            match self.chunks.next_chunk()? {
                None => return Ok(None),
                Some(Opened::Chunk(plaintext)) => self.response.push(plaintext),
                Some(Opened::Final(plaintext)) => {
                    self.response.push(plaintext);
                    self.response.end();
                }
            }
        }
    }
}

impl<C: OpenChunks> Message for ResponseMessage<C> {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        self.chunks.push(slice)
    }

    fn end(&mut self) {
        self.chunks.end();
    }

    fn next_part(&mut self) -> Result<Option<Part>, Fault> {
        Ok(match self.next_event()? {
            Some(ResponseEvent::Data(data)) => Some(Part::Data(data)),
            Some(ResponseEvent::Trailers(trailers)) => Some(Part::Trailers(trailers)),
            Some(ResponseEvent::End) => Some(Part::End),
            // Heads come first.
            Some(ResponseEvent::Head(_) | ResponseEvent::Informational(_)) | None => None,
        })
    }
}
