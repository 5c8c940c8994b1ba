//! The sealed answer. Status and fields stay in clear.

use super::{Settings, answer::Refusal};
use crate::{
    Body, body,
    opened::Fault,
    records::{SealRecords, SealedRecords},
};
use bytes::BytesMut;
use http::{Response, StatusCode, header};
use sealwire_hpke_http::legacy::{
    Error, is_event_stream, name,
    server::{Reply, ResponseSealer},
};
use sealwire_message::bhttp;

/// Seals the application's answer.
pub(super) fn seal(
    settings: &Settings,
    reply: Reply,
    is_head: bool,
    response: Response<Body>,
) -> Result<Response<Body>, Refusal> {
    let (mut parts, content) = response.into_parts();
    let headers = &mut parts.headers;
    bhttp::remove_connection_fields(headers);
    // Whoever is on the way could not tell these from the wire's own.
    for field in [name::ENC, name::STREAM, name::PSK_ID, name::ENCODING, name::CONTENT_TYPE, name::ERROR] {
        headers.remove(field);
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_events = content_type.is_some_and(is_event_stream);
    let (salt, sealer) = reply.start(is_events, &*settings.random)?;
    // Also where nothing is sealed: clients take an answer without it for one that came from elsewhere, as 1.6.1 does.
    headers.insert(name::STREAM, salt);
    let bodyless = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
    if is_head || bodyless.contains(&parts.status) {
        return Ok(Response::from_parts(parts, body::empty()));
    }
    headers.remove(header::CONTENT_LENGTH);
    let sealer = Answer { sealer: Some(sealer), left: settings.limits.response };
    let (sealed, _) = SealedRecords::new(sealer, BytesMut::new(), content);
    Ok(Response::from_parts(parts, body::boxed(sealed)))
}

/// Seals content as chunks, or as events. There until the end.
struct Answer {
    sealer: Option<ResponseSealer>,
    /// clear bytes that may still come; of an event stream there is no end
    left: u64,
}

impl SealRecords for Answer {
    fn content(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Fault> {
        match &mut self.sealer {
            Some(ResponseSealer::Chunks(sealer)) => {
                self.left = self.left.checked_sub(content.len() as u64).ok_or(Error::TooLong)?;
                sealer.data(out, content)?;
            }
            Some(ResponseSealer::Events(sealer)) => sealer.write(out, content)?,
            None => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
        match self.sealer.take() {
            Some(ResponseSealer::Chunks(sealer)) => sealer.finish(out, b"")?,
            Some(ResponseSealer::Events(sealer)) => sealer.finish(out)?,
            None => {}
        }
        Ok(())
    }
}
