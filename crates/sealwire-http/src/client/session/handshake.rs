//! The handshake over HTTP: at most two round trips, and one more for mutual attestation.

use super::Settings;
use crate::{Body, BoxError, body};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sealwire_attest::{Appraised, Bound, Claims, UnixTime, key_document::Acceptance, verdict::Denial};
use sealwire_session::{
    client::{self, Config, Established, Outcome, Own, Received, Ticket},
    media,
    message::MAX_FLIGHT,
};
use std::sync::Arc;
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
}

/// Makes a session for `authority`, in normal form, at `resource`. `known` is the hash of a document that `judge` knows.
///
/// # Errors
/// Why there is none.
pub async fn connect<T>(
    transport: T,
    resource: &Uri,
    config: Arc<Config>,
    authority: &str,
    known: Option<[u8; 48]>,
    ticket: Option<Ticket>,
    judge: &dyn Judge,
    settings: &Settings,
) -> Result<(Established, Acceptance), Refused>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    let random = settings.random.as_ref();
    let attests = config.attests;
    let now = settings.clock.unix_millis();
    let at = UnixTime(settings.clock.unix_seconds());
    let started = client::start(config, authority, known, ticket, false, now, random)?;
    let mut answer = post(&transport, resource, started.hello).await?;
    let mut next = started.next;
    let received = loop {
        match next.receive(&answer, random)? {
            // The client permits one, so this ends.
            Received::Again { message, next: awaited } => {
                answer = post(&transport, resource, message).await?;
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
            expect.receive(&post(&transport, resource, message).await?)?
        }
    };
    Ok((established, acceptance))
}

async fn post<T>(transport: &T, resource: &Uri, message: Vec<u8>) -> Result<Vec<u8>, Refused>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    let mut request = Request::new(body::full(message));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = resource.clone();
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media::HANDSHAKE));
    let answer =
        transport.clone().oneshot(request).await.map_err(|error| Refused::Transport(error.into()))?;
    let (parts, content) = answer.into_parts();
    let found = crate::wire::single(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    if parts.status != StatusCode::OK || !found.eq_ignore_ascii_case(media::HANDSHAKE) {
        return Err(Refused::Status(parts.status));
    }
    let collected = Limited::new(content, MAX_FLIGHT).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { Refused::TooLong } else { Refused::Transport(error) }
    })?;
    Ok(collected.to_bytes().to_vec())
}
