//! The handshake over HTTP (AtHS).

use super::{Callers, Settings, answer};
use crate::{Body, Identity, peer::Attested};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sealwire_attest::UnixTime;
use sealwire_crypto::aead::Sequence;
use sealwire_session::{
    Error, SessionId,
    message::{Authentication, ClientFinish, Close, MAX_FLIGHT, MAX_HELLO, Parameters, Type},
    request::{BASE_ID, parse_base_id},
    server::{Next, Presenting, Received},
};
use std::sync::Arc;

/// Answers one message.
pub(super) async fn serve(settings: &Settings, outer: &Parts, body: Body) -> Response<Body> {
    let message = match gather(settings, body).await {
        Ok(message) => message,
        Err(status) => return answer::outside(status),
    };
    match reply(settings, &outer.headers, &message).await {
        Ok(bytes) => answer::message(bytes),
        Err(Error::UnknownSession) => answer::hint(),
        Err(error) => answer::handshake(error),
    }
}

/// What a message is answered with, however it came. `outside` are the fields beside it.
pub(super) async fn reply(
    settings: &Settings,
    outside: &HeaderMap,
    message: &[u8],
) -> Result<Vec<u8>, Error> {
    match Type::of(message)? {
        // A hello is of no session yet.
        Type::ClientHello | Type::HelloAgain if outside.contains_key(BASE_ID) => Err(Error::Inconsistent),
        Type::ClientHello | Type::HelloAgain => Ok(greet(settings, message, false).await?.message),
        Type::ClientFinish => finish(settings, outside, message),
        Type::Close => close(settings, outside, message),
        _ => Err(Error::Unexpected),
    }
}

/// The longest message that is taken, in bytes: only a caller that is asked for evidence has much to say.
pub(super) fn longest(settings: &Settings) -> usize {
    match settings.callers {
        Callers::Anybody => 2 * MAX_HELLO,
        Callers::Attested { .. } => MAX_FLIGHT,
    }
}

async fn gather(settings: &Settings, body: Body) -> Result<Bytes, StatusCode> {
    let gathering = Limited::new(body, longest(settings)).collect();
    match tokio::time::timeout(settings.header_time, gathering).await {
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

/// What a hello is answered with.
pub(super) struct Greeted {
    /// a retry, or the flight
    pub(super) message: Vec<u8>,
    /// of early data, where they are accepted
    pub(super) early: Option<EarlyKeys>,
}

/// What opens early data, and what seals their answer (SE-42).
pub(super) struct EarlyKeys {
    pub(super) request: Sequence,
    pub(super) answer: Sequence,
    /// whom the session is for
    pub(super) authority: Arc<str>,
}

/// Answers a hello. `early` says that data are behind it.
pub(super) async fn greet(settings: &Settings, message: &[u8], early: bool) -> Result<Greeted, Error> {
    let Settings { server, table, pending, once, shows, callers, clock, random, .. } = settings;
    let now = clock.unix_millis();
    let is_busy = table.is_busy(now) || pending.is_busy(now);
    let received = server.receive(message, is_busy, now, once.as_ref(), random.as_ref())?;
    let hello = match received {
        Received::Retry(message) => return Ok(Greeted { message, early: None }),
        Received::Hello(hello) => *hello,
    };
    let shown = shows.shown();
    if !shown.authorities.iter().any(|served| served == hello.authority()) {
        return Err(Error::Authority);
    }
    let asked = callers.asked(hello.attests());
    // The keys of an answer come after the authentication of a caller that is asked for it.
    let opening = if early && asked == Authentication::NotAsked { hello.early()? } else { None };
    let answering = hello.answer(server, opening.is_some(), random.as_ref())?;
    let quote = if answering.wants_quote() {
        Some(shows.quote(answering.bound(&shown.document)).await.ok_or(Error::Overload)?)
    } else {
        None
    };
    let limits = &server.config().limits;
    let presenting = Presenting {
        document: shown.document,
        published: &shown.published,
        quote: quote.as_deref(),
        parameters: Parameters {
            lifetime: limits.lifetime,
            idle: limits.idle,
            requests: limits.requests,
            window: limits.window,
            message: limits.message,
        },
        authentication: asked,
        // A caller that has attested itself does so again in every session: nothing of it is kept in tickets (SE-41).
        note: Some(b""),
    };
    let (message, next) = answering.present(server, &presenting, now, random.as_ref())?;
    let early = match (next, opening) {
        (Next::HalfOpen(session), request) => {
            let keys = request.map(|request| {
                let answer = session.secrets.request.early_answer()?;
                Ok::<_, Error>(EarlyKeys { request, answer, authority: session.authority.as_str().into() })
            });
            let keys = keys.transpose()?;
            table.insert(session, Identity::Nobody, now);
            keys
        }
        (Next::Authenticate(awaited), _) => {
            pending.insert(awaited, now);
            None
        }
    };
    Ok(Greeted { message, early })
}

/// The client's authentication (SE-11).
fn finish(settings: &Settings, outside: &HeaderMap, message: &[u8]) -> Result<Vec<u8>, Error> {
    let Settings { server, table, pending, callers, clock, random, .. } = settings;
    consistent(outside, &ClientFinish::decode(message)?.session)?;
    let now = clock.unix_millis();
    let at = UnixTime(clock.unix_seconds());
    let presented = pending.receive(message)?;
    let note = Some(&b""[..]);
    let Some(published) = presented.published()? else {
        let (bytes, session) = presented.accept_unattested(server, note, now, random.as_ref())?;
        table.insert(Box::new(session), Identity::Nobody, now);
        return Ok(bytes);
    };
    let Callers::Attested { policy, .. } = callers else { return presented.refuse() };
    // Held until the session is kept.
    let judging = policy.judging();
    let accepted = judging.accept(published, presented.quote()?, at).and_then(|(acceptance, claims)| {
        let schemes = &server.config().schemes;
        let attested = presented.verify(&acceptance, claims.as_ref(), schemes, at);
        let attested = attested.inspect_err(|error| tracing::info!(%error, "a caller's proof is refused"));
        Some((attested.ok()?, acceptance))
    });
    let Some((attested, acceptance)) = accepted else { return presented.refuse() };
    let (bytes, session) = presented.accept(&attested, server, note, now, random.as_ref())?;
    table.insert(Box::new(session), Identity::Attested(Arc::new(Attested { acceptance })), now);
    Ok(bytes)
}

/// The end of a session (SE-39).
fn close(settings: &Settings, outside: &HeaderMap, message: &[u8]) -> Result<Vec<u8>, Error> {
    let close = Close::decode(message)?;
    consistent(outside, &close.session)?;
    // One answer, whatever it was (SE-72).
    let closed = settings.table.close(&close).map_err(|_| Error::UnknownSession)?;
    Ok(closed.encode())
}

/// Outside is a hint for routing; one that says something else than the body is an error (SE-02).
fn consistent(outside: &HeaderMap, session: &SessionId) -> Result<(), Error> {
    let name = HeaderName::from_static(BASE_ID);
    if !outside.contains_key(&name) {
        return Ok(());
    }
    let value = crate::wire::single(outside, &name).ok_or(Error::Field)?;
    if parse_base_id(value.as_bytes())? == *session { Ok(()) } else { Err(Error::Inconsistent) }
}
