//! A chunked attempt: request and response stream at the same time.

use super::{Error, Shared, head, outer};
use crate::{
    Body, BoxError, body,
    informational::{Informational, InformationalSender},
    opened::{Fault, Message, OpenedBody, Part},
    sealed::SealedBody,
};
use bytes::BytesMut;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use sealwire_message::{
    bhttp::{self, ResponseDecoder, ResponseEvent, ResponseHead, encode},
    chunk::Opened,
};
use sealwire_oblivious::{client, client::ChunkedResponse, media};
use tower::Service;

pub(super) async fn attempt<T>(
    shared: &Shared,
    mut transport: T,
    request: Request<Body>,
) -> Result<Response<Body>, Error>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<BoxError>,
{
    let settings = &shared.settings;
    let (head, extensions, content) = head(request, settings)?;
    let method = head.method.clone();
    let informational = extensions.get::<InformationalSender>().cloned();

    let mut out = BytesMut::new();
    let (sealer, response) =
        client::start_chunked(&shared.target.selected, &mut out, &settings.limits, settings.random.as_ref())?;
    let mut plaintext = BytesMut::with_capacity(512);
    encode::request_head(&mut plaintext, &head);
    let sealed = body::boxed(SealedBody::new(sealer, out, plaintext, content));
    let sent = transport.call(outer::request(shared, media::CHUNKED_REQUEST, true, sealed));
    let answer = sent.await.map_err(Error::transport)?;
    let mut sealed = outer::sealed(answer, media::CHUNKED_RESPONSE).await?;

    let mut message = ResponseMessage {
        chunks: response,
        response: ResponseDecoder::new(settings.limits.bhttp),
        informational,
    };
    let head = loop {
        if let Some(head) = message.head()? {
            break head;
        }
        let frame = tokio::time::timeout(settings.limits.idle_time, sealed.frame());
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
    let length = if has_content(&method, &head) { content_length(&head)? } else { None };
    let (mut opened, _) = OpenedBody::new(sealed, message, length, settings.limits.idle_time);
    let content = if length == Some(0) {
        opened.end_without_content().await?;
        body::empty()
    } else if opened.is_empty()? {
        body::empty()
    } else {
        body::boxed(opened)
    };
    Ok(plain(head, content))
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
struct ResponseMessage {
    chunks: ChunkedResponse,
    response: ResponseDecoder,
    informational: Option<InformationalSender>,
}

impl ResponseMessage {
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
                        let _ = to.0.try_send(Informational { status: head.status, headers: head.headers });
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

impl Message for ResponseMessage {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        Ok(self.chunks.push(slice)?)
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
