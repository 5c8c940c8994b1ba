//! Single-shot exchanges: the whole request is gathered, opened in place, and answered whole.

use super::{Settings, admit, answer, nobody};
use crate::{
    Body, Wire, body,
    content::Content,
    key_ring::LiveKey,
    opened::Fault,
    server::exchange::{self, Application},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use sealwire_crypto::aead::TAG_LEN;
use sealwire_message::bhttp::{self, RequestDecoder, RequestEvent, RequestHead, ResponseHead, encode};
use sealwire_oblivious::{
    gateway::{self, Header, OpenedSingle, SingleReply},
    media,
};
use std::sync::Arc;

/// Room of a header and the longest encapsulated key.
const PREFIX_ROOM: usize = 2048;

/// Opens, answers and seals one exchange.
pub(super) async fn serve(
    settings: &Settings,
    outer: &Parts,
    body: Body,
    inner: impl Application,
) -> Response<Body> {
    let message = match gather(settings, body).await {
        Ok(message) => message,
        Err(status) => return answer::outside(status),
    };
    let opened = Header::parse(&message, |id| settings.ring.find(id)).and_then(|(header, key)| {
        let opened = gateway::open_single(header, (*key).as_ref(), message, &settings.limits)?;
        Ok((opened, key))
    });
    let (opened, key) = match opened {
        Ok(opened) => opened,
        Err(error) => return answer::unopened(error),
    };
    let OpenedSingle { plaintext, enc_digest, reply } = opened;
    let response = match decode(settings, plaintext) {
        Err(error) => exchange::fault(Fault::Message(error)),
        Ok(whole) => respond(settings, &outer.headers, whole, &key, enc_digest, inner).await,
    };
    seal(settings, &reply, response).await
}

async fn gather(settings: &Settings, body: Body) -> Result<BytesMut, StatusCode> {
    let limit = settings.limits.single_request.saturating_add(PREFIX_ROOM + TAG_LEN);
    let gathering = Limited::new(body, limit).collect();
    match tokio::time::timeout(settings.limits.header_time, gathering).await {
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        // One frame that nobody else holds is opened where it lies.
        Ok(Ok(collected)) => {
            Ok(collected.to_bytes().try_into_mut().unwrap_or_else(|shared| shared[..].into()))
        }
    }
}

/// A whole request.
struct Whole {
    head: RequestHead,
    content: Content,
    trailers: Option<HeaderMap>,
}

fn decode(settings: &Settings, plaintext: Bytes) -> Result<Whole, bhttp::Error> {
    let mut decoder = RequestDecoder::new(settings.limits.bhttp);
    decoder.push(plaintext);
    decoder.end();
    let Some(RequestEvent::Head(head)) = decoder.next_event()? else {
        return Err(bhttp::Error::Truncated);
    };
    let mut whole = Whole { head, content: Content::default(), trailers: None };
    loop {
        match decoder.next_event()? {
            Some(RequestEvent::Data(data)) => whole.content.push(data),
            Some(RequestEvent::Trailers(trailers)) => whole.trailers = Some(trailers),
            Some(RequestEvent::End) => return Ok(whole),
            Some(RequestEvent::Head(_)) | None => return Err(bhttp::Error::Truncated),
        }
    }
}

async fn respond(
    settings: &Settings,
    outer: &HeaderMap,
    whole: Whole,
    key: &Arc<LiveKey>,
    enc_digest: gateway::EncDigest,
    mut inner: impl Application,
) -> Response<Body> {
    if let Err(refusal) = admit::admit(settings, outer, &whole.head, key, enc_digest) {
        return answer::refusal(refusal, settings);
    }
    let content = Full::new(whole.content.into_bytes());
    let content = match whole.trailers {
        None => body::boxed(content),
        Some(trailers) => body::boxed(content.with_trailers(std::future::ready(Some(Ok(trailers))))),
    };
    match exchange::request(whole.head, nobody(Wire::ObliviousSingle), content) {
        None => exchange::not_a_request(),
        Some(request) => {
            let Ok(response) = inner.call(request).await;
            response
        }
    }
}

/// Gathers the answer, pads and seals it.
async fn seal(settings: &Settings, reply: &SingleReply, response: Response<Body>) -> Response<Body> {
    let (parts, content) = response.into_parts();
    let limit = settings.limits.single_response;
    let gathered = match Limited::new(content, limit).collect().await {
        Ok(collected) => Some((parts, collected)),
        Err(error) => {
            tracing::debug!(%error, "answer cannot be gathered");
            None
        }
    };
    let sealed = match gathered {
        Some((mut parts, collected)) => {
            bhttp::remove_connection_fields(&mut parts.headers);
            let trailers = collected.trailers().cloned();
            let head = ResponseHead { status: parts.status, headers: parts.headers };
            encode_and_seal(settings, reply, &head, &collected.to_bytes(), trailers.as_ref())
        }
        None => None,
    };
    // An answer that broke off, or is too long for this form, is answered inside as such.
    let sealed = sealed.or_else(|| {
        let title = "The answer broke off, or is too long for a single message";
        let text = crate::problem::document(StatusCode::BAD_GATEWAY, crate::problem::BLANK, title, "");
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(crate::problem::MEDIA_TYPE));
        let head = ResponseHead { status: StatusCode::BAD_GATEWAY, headers };
        encode_and_seal(settings, reply, &head, text.as_bytes(), None)
    });
    sealed.map_or_else(exchange::cannot_seal, |sealed| {
        let mut response = Response::new(body::full(sealed.freeze()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::RESPONSE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    })
}

fn encode_and_seal(
    settings: &Settings,
    reply: &SingleReply,
    head: &ResponseHead,
    content: &[u8],
    trailers: Option<&HeaderMap>,
) -> Option<BytesMut> {
    let mut out = reply.buffer(encode::bucket(content.len().saturating_add(512)));
    let mut message = out.split_off(out.len());
    encode::known_response(&mut message, head, content, trailers);
    // No padding past the limit.
    if encode::bucket(message.len()) <= settings.limits.single_response {
        encode::pad(&mut message);
    }
    out.unsplit(message);
    reply.seal(out, settings.random.as_ref()).ok()
}
