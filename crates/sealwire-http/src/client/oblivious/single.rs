//! A single-shot attempt: the whole request, then the whole response.

use super::{Error, Shared, head, outer};
use crate::{Body, BoxError, body, client::exchange, content::Content, opened::Fault};
use bytes::BytesMut;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use sealwire_crypto::aead::TAG_LEN;
use sealwire_message::bhttp::{self, ResponseDecoder, ResponseEvent, encode};
use sealwire_oblivious::{client, media};
use tower::Service;

/// Room of a response nonce.
const NONCE_ROOM: usize = 32;

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
    let (head, _, content) = head(request, settings)?;
    let method = head.method.clone();
    let limit = settings.limits.single_request;
    let collected = Limited::new(content, limit).collect().await.map_err(|error| {
        match error.is::<LengthLimitError>() {
            true => Error::Seal(sealwire_oblivious::Error::RequestTooLong),
            false => Error::Content(error),
        }
    })?;
    let trailers = collected.trailers().cloned();
    let content = collected.to_bytes();

    let mut out = client::single_buffer(&shared.target.selected, encode::bucket(content.len() + 512));
    let mut plaintext = out.split_off(out.len());
    encode::known_request(&mut plaintext, &head, &content, trailers.as_ref());
    // No padding past the limit.
    if encode::bucket(plaintext.len()) <= limit {
        encode::pad(&mut plaintext);
    }
    out.unsplit(plaintext);
    let random = settings.random.as_ref();
    let (message, response) =
        client::seal_single_in_place(&shared.target.selected, out, &settings.limits, random)?;

    let sent = transport.call(outer::request(shared, media::REQUEST, false, body::full(message.freeze())));
    let answer = sent.await.map_err(Error::transport)?;
    let sealed = outer::sealed(answer, media::RESPONSE).await?;
    let limit = settings.limits.single_response.saturating_add(NONCE_ROOM + TAG_LEN);
    let sealed = Limited::new(sealed, limit).collect().await.map_err(|error| {
        match error.is::<LengthLimitError>() {
            true => Fault::TooLong,
            false => Fault::Transport,
        }
    })?;
    let sealed = sealed.to_bytes().try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    decode(settings.limits.bhttp, response.open(sealed).map_err(Fault::from)?, &method)
}

fn decode(limits: bhttp::Limits, plaintext: bytes::Bytes, method: &Method) -> Result<Response<Body>, Error> {
    let mut decoder = ResponseDecoder::new(limits);
    decoder.push(plaintext);
    decoder.end();
    let (mut head, mut content, mut trailers) = (None, Content::default(), None::<HeaderMap>);
    loop {
        match decoder.next_event().map_err(Fault::from)? {
            // Before the final head, and of no use when everything is there at once.
            Some(ResponseEvent::Informational(_)) => {}
            Some(ResponseEvent::Head(found)) => head = Some(found),
            Some(ResponseEvent::Data(data)) => content.push(data),
            Some(ResponseEvent::Trailers(found)) => trailers = Some(found),
            Some(ResponseEvent::End) => break,
            None => return Err(Fault::Message(bhttp::Error::Truncated).into()),
        }
    }
    let head = head.ok_or(Fault::Message(bhttp::Error::NoFinalResponse))?;
    let content = content.into_bytes();
    if exchange::has_content(method, &head)
        && exchange::content_length(&head)?.is_some_and(|length| length != content.len() as u64)
    {
        return Err(Fault::Message(bhttp::Error::ContentLength).into());
    }
    let content = Full::new(content);
    let content = match trailers {
        None => body::boxed(content),
        Some(trailers) => body::boxed(content.with_trailers(std::future::ready(Some(Ok(trailers))))),
    };
    Ok(exchange::plain(head, content))
}
