//! The handshake: at most two round trips, and one more for mutual attestation. Each message is a request of its own, or all
//! of them are on a WebSocket.

use super::{
    Settings,
    early::{self, EarlyAnswer},
};
use crate::{
    Body, BoxError, body,
    channel::{self, Fault, Talk},
    client::exchange,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sealwire_attest::{Appraised, Bound, Claims, UnixTime, key_document::Acceptance, verdict::Denial};
use sealwire_session::{
    SessionId,
    client::{self, Config, Established, ExpectServerFlight, Outcome, Own, Received, Ticket},
    media,
    message::{ClientFinish, MAX_FLIGHT},
    request::{BASE_ID, base_id},
};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Service, ServiceExt};

/// Who judges what the server shows. There is no session without its word.
pub trait Judge: Send + Sync {
    /// Accepts a published key document, for the authority of the handshake, or tells every rule that failed.
    ///
    /// # Errors
    /// The denial.
    fn accept(&self, published: &[u8]) -> Result<Acceptance, Denial>;

    /// What is known of the document with this hash, held against the policy of this moment (SE-41).
    fn known(&self, document: &[u8; 48]) -> Option<Acceptance>;

    /// Appraises a quote over this handshake (SE-08).
    ///
    /// # Errors
    /// The denial.
    fn quote(
        &self,
        quote: &[u8],
        bound: &Bound,
        acceptance: &Acceptance,
    ) -> Result<Appraised<Claims>, Denial>;

    /// What this side shows of itself, where the server asks (SE-11); `None` when there is nothing.
    fn own(&self) -> Option<Own<'_>>;
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The policy does not accept the server.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The server's accepted document lists other wires alone, so nothing was asked of it.
    #[error("its key document offers no sessions")]
    NotOffered,
    /// The handshake failed.
    #[error(transparent)]
    Handshake(#[from] sealwire_session::Error),
    /// The transport failed.
    #[error("transport: {0}")]
    Transport(#[source] BoxError),
    /// An answer that is no message of the handshake.
    #[error("the server answered the handshake with status {0}")]
    Status(StatusCode),
    /// An answer that is longer than any message.
    #[error("the server's answer is too long")]
    TooLong,
    /// The handshake was to go over a WebSocket, and there is none to be had.
    #[error(transparent)]
    NoWebSocket(channel::Error),
}

impl From<channel::Error> for Refused {
    /// What ends the WebSocket of a handshake.
    fn from(error: channel::Error) -> Self {
        use sealwire_session::Error::{TooLong, Truncated};
        match error {
            channel::Error::Fault(Fault::Record(TooLong)) => Self::TooLong,
            channel::Error::Fault(Fault::Record(error)) if error != Truncated => Self::Handshake(error),
            channel::Error::Refused(status) => Self::Status(status),
            channel::Error::Unknown => Self::Status(StatusCode::CONFLICT),
            error @ channel::Error::NotUpgraded(_) => Self::NoWebSocket(error),
            channel::Error::Transport(error) => Self::Transport(error),
            error => Self::Transport(error.into()),
        }
    }
}

/// What a handshake begins with.
pub struct Opening<'a> {
    /// whom the session is for, in normal form
    pub authority: &'a str,
    /// the hash of a document that the judge knows
    pub known: Option<[u8; 48]>,
    /// of the last session (SE-40). The judge has to know the document that it rests on
    pub ticket: Option<Ticket>,
}

/// What a handshake led to.
pub struct Connected {
    /// the session
    pub established: Established,
    /// what it rests on
    pub acceptance: Acceptance,
    /// the answer to the early request, where the server has taken it
    pub early: Option<EarlyAnswer>,
}

/// Makes a session by requests to `resource`. A server that does not take the ticket goes on with a full handshake in the
/// same round trip.
///
/// `early` is a request that goes along with the hello (SE-42), where there is a ticket: one that may be carried out twice.
/// Where the server does not take it, nothing was acted upon, and it is sent again in the session.
///
/// # Errors
/// Why there is none.
pub async fn connect<T>(
    transport: T,
    resource: &Uri,
    config: Arc<Config>,
    opening: Opening<'_>,
    early: Option<Request<Body>>,
    judge: &dyn Judge,
    settings: &Settings,
) -> Result<Connected, Refused>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    let attests = config.attests;
    // One that cannot be sealed is told so when it is sent in the session.
    let early = early.filter(|_| opening.ticket.is_some()).and_then(|request| exchange::head(request).ok());
    let started = start(config, opening, early.is_some(), settings)?;
    let mut way = Posts { transport: &transport, resource };
    let (answer, early) = match (early, started.early) {
        (Some(request), Some(keys)) => {
            early::post(&transport, resource, &started.hello, keys, request, settings).await?
        }
        _ => (way.ask(None, started.hello).await?, None),
    };
    let Made { established, acceptance, again } =
        complete(&mut way, started.next, answer, attests, judge, settings).await?;
    // What went with the first hello went with it.
    let early = early.filter(|_| !again);
    // What is behind the flight is an answer exactly where the server hello says so.
    let early = match (established.early_accepted, early) {
        (true, Some(answered)) => Some(answered.under(&established.secrets)?),
        (false, None) => None,
        _ => return Err(sealwire_session::Error::Inconsistent.into()),
    };
    Ok(Connected { established, acceptance, early })
}

/// Makes a session by messages on a WebSocket, in which a channel of it can be opened then (TU-68).
///
/// # Errors
/// Why there is none. The WebSocket is of no further use then.
pub async fn connect_in<T: AsyncRead + AsyncWrite + Unpin + Send>(
    talk: &mut Talk<T>,
    config: Arc<Config>,
    opening: Opening<'_>,
    judge: &dyn Judge,
    settings: &Settings,
) -> Result<Connected, Refused> {
    let attests = config.attests;
    let started = start(config, opening, false, settings)?;
    let answer = talk.ask(None, started.hello).await?;
    let Made { established, acceptance, .. } =
        complete(talk, started.next, answer, attests, judge, settings).await?;
    if established.early_accepted {
        return Err(sealwire_session::Error::Inconsistent.into());
    }
    Ok(Connected { established, acceptance, early: None })
}

/// How the messages of a handshake travel: each is answered with one.
trait Way {
    /// `session` is the one of the message, for whoever routes by it.
    async fn ask(&mut self, session: Option<&SessionId>, message: Vec<u8>) -> Result<Vec<u8>, Refused>;
}

struct Posts<'a, T> {
    transport: &'a T,
    resource: &'a Uri,
}

impl<T> Way for Posts<'_, T>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    async fn ask(&mut self, session: Option<&SessionId>, message: Vec<u8>) -> Result<Vec<u8>, Refused> {
        let field = session.map(|session| HeaderValue::try_from(base_id(session)));
        let field = field.transpose().map_err(|_| sealwire_session::Error::Field)?;
        post(self.transport, self.resource, field.as_ref(), message).await
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Way for Talk<T> {
    async fn ask(&mut self, _: Option<&SessionId>, message: Vec<u8>) -> Result<Vec<u8>, Refused> {
        self.say(message).await?;
        Ok(self.hear(MAX_FLIGHT).await?.into())
    }
}

fn start(
    config: Arc<Config>,
    opening: Opening<'_>,
    early: bool,
    settings: &Settings,
) -> Result<client::Started, Refused> {
    let Opening { authority, known, ticket } = opening;
    let (now, random) = (settings.clock.unix_millis(), settings.random.as_ref());
    Ok(client::start(config, authority, known, ticket, early, now, random)?)
}

struct Made {
    established: Established,
    acceptance: Acceptance,
    /// the hello was sent a second time
    again: bool,
}

/// From the answer to the hello to a session.
async fn complete(
    way: &mut impl Way,
    mut next: ExpectServerFlight,
    mut answer: Vec<u8>,
    attests: bool,
    judge: &dyn Judge,
    settings: &Settings,
) -> Result<Made, Refused> {
    let random = settings.random.as_ref();
    let at = UnixTime(settings.clock.unix_seconds());
    let mut again = false;
    let received = loop {
        match next.receive(&answer, random)? {
            // The client permits one, so this ends.
            Received::Again { message, next: awaited } => {
                again = true;
                answer = way.ask(None, message).await?;
                next = *awaited;
            }
            other => break other,
        }
    };
    let (outcome, acceptance) = match received {
        Received::Again { .. } => return Err(sealwire_session::Error::Retry.into()),
        Received::Presented(presented) => {
            let acceptance = match presented.published()? {
                Some(published) => judge.accept(published)?,
                None => {
                    let known = judge.known(&presented.document_hash()?);
                    known.ok_or(sealwire_session::Error::Document)?
                }
            };
            let claims = match presented.quote()? {
                Some((quote, bound)) => Some(judge.quote(quote, &bound, &acceptance)?),
                None => None,
            };
            (presented.accept(&acceptance, claims.as_ref(), at)?, acceptance)
        }
        Received::Resumed(resumed) => {
            let acceptance = judge.known(resumed.document_hash()).ok_or(sealwire_session::Error::Document)?;
            (resumed.accept(&acceptance, attests)?, acceptance)
        }
    };
    let established = match outcome {
        Outcome::Established(established) => *established,
        Outcome::Authenticate(own) => {
            let (message, expect) = own.present(judge.own(), random)?;
            // Whoever stands between replicas takes it to the one that asked (SE-44).
            let session = ClientFinish::decode(&message)?.session;
            expect.receive(&way.ask(Some(&session), message).await?)?
        }
    };
    Ok(Made { established, acceptance, again })
}

/// Sends one message, and gives back the answer. `base_id` is the session's, for whoever routes by it.
pub(super) async fn post<T>(
    transport: &T,
    resource: &Uri,
    base_id: Option<&HeaderValue>,
    message: Vec<u8>,
) -> Result<Vec<u8>, Refused>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    let mut request = outer(resource, media::HANDSHAKE, body::full(message));
    if let Some(id) = base_id {
        request.headers_mut().insert(HeaderName::from_static(BASE_ID), id.clone());
    }
    let answer =
        transport.clone().oneshot(request).await.map_err(|error| Refused::Transport(error.into()))?;
    let (parts, content) = answer.into_parts();
    let found = crate::wire::single(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    if parts.status != StatusCode::OK || !found.eq_ignore_ascii_case(media::HANDSHAKE) {
        return Err(Refused::Status(parts.status));
    }
    gather(content).await
}

/// A message on its way.
pub(super) fn outer(resource: &Uri, media_type: &'static str, content: Body) -> Request<Body> {
    let mut request = Request::new(content);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = resource.clone();
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    request
}

/// A whole message.
pub(super) async fn gather(content: Body) -> Result<Vec<u8>, Refused> {
    let collected = Limited::new(content, MAX_FLIGHT).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { Refused::TooLong } else { Refused::Transport(error) }
    })?;
    Ok(collected.to_bytes().to_vec())
}
