//! The sealed answer: whole where it is finite, event by event where it is a stream of them (HH-20 to HH-24).

use super::{Settings, answer::Refusal};
use crate::{
    Body, body,
    lent::Lender,
    opened::{Fault, FaultCell},
    records::{SealRecords, SealedRecords},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, response::Parts};
use http_body::Body as _;
use http_body_util::BodyExt;
use sealwire_hpke_http::{
    Compression, Error, media,
    message::response_fields,
    server::{EventSealer, FiniteSealer, Reply, ResponseSealer},
};

/// What is left of the request.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) rest: Option<Lender>,
    pub(super) broken: FaultCell,
}

impl Asked {
    /// Reads it to its END: an answer before that would be to a request that nobody knows to be whole, and released clients
    /// take none before they have sent it.
    async fn finish(self) -> Result<(), Refusal> {
        if let Some(rest) = self.rest {
            rest.finish().await;
        }
        match self.broken.get() {
            Some(&fault) => Err(fault.into()),
            None => Ok(()),
        }
    }
}

/// The right to answer, and to what.
pub(super) struct Replying {
    pub(super) reply: Reply,
    pub(super) is_head: bool,
}

impl Replying {
    /// Seals the application's answer.
    pub(super) async fn seal(
        self,
        settings: &Settings,
        response: Response<Body>,
        asked: Asked,
    ) -> Result<Response<Body>, Refusal> {
        let embedded = settings.embedded;
        let (mut parts, content) = response.into_parts();
        let mut reply = self.reply;
        if is_event_stream(&parts.headers) {
            parts.headers.remove(header::CONTENT_LENGTH);
            // The lengths of generated words tell what they are; compressed, they tell even more (HH-60).
            reply = reply.compressed(Compression::Off);
        }
        if parts.status == StatusCode::NO_CONTENT {
            parts.headers.remove(header::CONTENT_LENGTH);
        }
        let mut out = BytesMut::new();
        match start(settings, reply, &parts, &mut out)? {
            ResponseSealer::Finite(sealer) => {
                let content = match self.is_head {
                    true => Ok(Vec::new()),
                    false => gather(content, &sealer, embedded).await,
                };
                // What broke of the request is why the application's side did.
                asked.finish().await?;
                let content = content?;
                sealer.finish(&mut out, &content).map_err(|error| cannot_seal(error, embedded))?;
                Ok(outer(body::full(out.freeze())))
            }
            ResponseSealer::EventStream(sealer) => {
                asked.finish().await?;
                let (sealed, _) = SealedRecords::new(Events(Some(sealer)), out, content);
                Ok(outer(body::boxed(sealed)))
            }
        }
    }
}

fn start(
    settings: &Settings,
    reply: Reply,
    parts: &Parts,
    out: &mut BytesMut,
) -> Result<ResponseSealer, Refusal> {
    let failed = |error| cannot_seal(error, settings.embedded);
    let mut headers = parts.headers.clone();
    if is_event_stream(&headers) && is_identity(&headers) {
        headers.remove(header::CONTENT_ENCODING);
    }
    let fields = response_fields(&headers).map_err(failed)?;
    reply.start(parts.status.as_u16(), fields, out, &*settings.random).map_err(failed)
}

/// Takes the content as a whole, which is at most what the sealer takes (HH-62).
async fn gather(mut content: Body, sealer: &FiniteSealer, embedded: bool) -> Result<Vec<Bytes>, Refusal> {
    let most = sealer.max_len();
    let mut room = most;
    if content.size_hint().lower() > most as u64 {
        return Err(Refusal::TooLong { embedded });
    }
    let mut parts = Vec::new();
    while let Some(frame) = content.frame().await {
        let frame = frame.map_err(|error| {
            tracing::debug!(%error, "answer cannot be gathered");
            Refusal::Answer { embedded }
        })?;
        // Trailers have no place on this wire.
        if let Ok(data) = frame.into_data()
            && !data.is_empty()
        {
            room = room.checked_sub(data.len()).ok_or(Refusal::TooLong { embedded })?;
            parts.push(data);
        }
    }
    Ok(parts)
}

fn cannot_seal(error: Error, embedded: bool) -> Refusal {
    tracing::debug!(code = error.code(), "answer cannot be sealed");
    match error {
        Error::InvalidConfiguration | Error::LimitExceeded => Refusal::Answer { embedded },
        _ => Refusal::Machine,
    }
}

/// The outer answer (HH-06).
fn outer(sealed: Body) -> Response<Body> {
    let mut response = Response::new(sealed);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::RESPONSE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    response
}

/// HH-21; which of several types is meant, the codec says.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = found.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("text/event-stream")
}

fn is_identity(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.all(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// Seals an event stream. There until END.
struct Events(Option<EventSealer>);

impl SealRecords for Events {
    fn content(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Fault> {
        let Some(sealer) = &mut self.0 else { return Ok(()) };
        Ok(sealer.write(out, content)?)
    }

    fn end(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
        let Some(sealer) = self.0.take() else { return Ok(()) };
        Ok(sealer.finish(out)?)
    }
}
