//! A session that requests go over.

use super::{
    Outside,
    channel::upgraded,
    handshake::{self, Refused},
};
use crate::{Body, BoxError, Clock, channel::Talk};
use http::{HeaderValue, Request, Response, Uri};
use sealwire_crypto::random::Random;
use sealwire_message::{bhttp, chunk};
use sealwire_session::{
    Error, Limits, Secrets, SessionId,
    channel::MAX_RECORD,
    client::{Established, Ticket},
    message::Closed,
    request,
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tower::Service;

/// Settings of the wire's client side.
#[derive(Clone)]
pub struct Settings {
    /// of the wire
    pub limits: Limits,
    /// what requests show outside
    pub outside: Outside,
    /// of the Binary HTTP inside
    pub bhttp: bhttp::Limits,
    /// how long an answer may pause
    pub idle_time: Duration,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness
    pub random: Arc<dyn Random>,
}

/// An established session, and where its requests go.
pub struct Live {
    pub(super) id: SessionId,
    pub(super) base_id: HeaderValue,
    pub(super) secrets: Secrets,
    pub(super) resource: Uri,
    pub(super) settings: Settings,
    facts: Facts,
    next: AtomicU64,
    /// Unix milliseconds
    until: u64,
    idle: u64,
    last_used: AtomicU64,
    /// channels that are open
    channels: AtomicUsize,
    ticket: Mutex<Option<Ticket>>,
    closed: AtomicBool,
}

/// What a session's user may want to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// what runs
    pub suite: sealwire_session::Suite,
    /// the group that was agreed in; none in a resumption without agreement
    pub group: Option<sealwire_session::Group>,
    /// how the server signed; none in a resumed session
    pub scheme: Option<sealwire_session::Scheme>,
    /// what of its hardware the server showed in the handshake (SE-08); nothing in a resumed session
    pub evidence: sealwire_session::message::EvidenceMode,
    /// whether the server asked for this side's evidence (SE-11)
    pub asked: sealwire_session::message::Authentication,
    /// whether this side has attested itself
    pub authenticated: bool,
    /// how long the ticket for the next session may be used; none where the server has given none
    pub ticket: Option<Duration>,
    /// what the server grants
    pub parameters: sealwire_session::message::Parameters,
}

impl Facts {
    /// Whether the session began with the ticket of another (SE-40).
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.scheme.is_none()
    }
}

impl Live {
    /// From a handshake that ended well; requests go to `resource`, or, where their target shows, to its host.
    ///
    /// # Errors
    /// None in practice: an id is hexadecimal digits.
    pub fn new(established: Established, resource: Uri, settings: Settings) -> Result<Self, Error> {
        let Established { id, suite, group, scheme, parameters, secrets, ticket, .. } = established;
        let Established { evidence, asked, authenticated, .. } = established;
        let now = settings.clock.unix_millis();
        Ok(Self {
            base_id: HeaderValue::try_from(request::base_id(&id)).map_err(|_| Error::Field)?,
            id,
            secrets,
            resource,
            facts: Facts {
                suite,
                group,
                scheme,
                evidence,
                asked,
                authenticated,
                ticket: ticket.as_ref().map(Ticket::lifetime),
                parameters,
            },
            next: AtomicU64::new(0),
            until: now.saturating_add(millis(parameters.lifetime)),
            idle: millis(parameters.idle),
            last_used: AtomicU64::new(now),
            channels: AtomicUsize::new(0),
            ticket: Mutex::new(ticket),
            closed: AtomicBool::new(false),
            settings,
        })
    }

    /// Whether the server still takes requests of it at this moment, as far as time and number tell.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let now = self.settings.clock.unix_millis();
        let idle_until = self.last_used.load(Ordering::Relaxed).saturating_add(self.idle);
        let used = now < idle_until || self.channels.load(Ordering::Relaxed) > 0;
        let left = self.next.load(Ordering::Relaxed) < self.facts.parameters.requests;
        now < self.until && used && left && !self.closed.load(Ordering::Relaxed)
    }

    /// What was negotiated.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The ticket for the next session, once.
    pub fn take_ticket(&self) -> Option<Ticket> {
        self.ticket.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A number that no other request of this session has.
    pub(super) fn number(&self) -> Result<u64, Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::Closed);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // Far below where the counter would come round.
        if number >= self.facts.parameters.requests {
            return Err(Error::RequestLimit);
        }
        self.touch();
        Ok(number)
    }

    fn touch(&self) {
        self.last_used.store(self.settings.clock.unix_millis(), Ordering::Relaxed);
    }

    /// A channel is open: the session is in use until it is not.
    pub(super) fn use_by_channel(self: &Arc<Self>) -> InUse {
        self.channels.fetch_add(1, Ordering::Relaxed);
        InUse(Arc::clone(self))
    }

    pub(super) fn chunks(&self) -> chunk::Limits {
        chunks(&self.settings.limits)
    }

    /// Ends the session (SE-39): this side sends nothing more by it, and the server, once it has the message, forgets it. A
    /// request that is just leaving may be too late for the server. `resource` is where sessions are made.
    ///
    /// # Errors
    /// That the server has not confirmed it; this side is done with the session anyway.
    pub async fn close<T>(&self, transport: &T, resource: &Uri) -> Result<(), Refused>
    where
        T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
        T::Error: Into<BoxError>,
    {
        if self.closed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let close = self.secrets.close.close(&self.id).encode();
        let answer = handshake::post(transport, resource, Some(&self.base_id), close).await?;
        Ok(self.secrets.close.confirm(&self.id, &Closed::decode(&answer)?)?)
    }

    /// The same by a WebSocket of its own, at `place` ([`crate::channel::PATH`]).
    ///
    /// # Errors
    /// As [`Self::close`].
    pub async fn close_on<T>(
        &self,
        transport: T,
        place: &Uri,
        settings: &crate::channel::Settings,
    ) -> Result<(), Refused>
    where
        T: Service<Request<Body>, Response = Response<Body>>,
        T::Error: Into<BoxError>,
    {
        if self.closed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let io = upgraded(transport, place, Some(&self.base_id), self.settings.random.as_ref()).await?;
        let mut talk = Talk::client(io, MAX_RECORD, settings.opening).await;
        talk.say(self.secrets.close.close(&self.id).encode()).await?;
        let answer = talk.hear(MAX_RECORD).await?;
        self.secrets.close.confirm(&self.id, &Closed::decode(&answer)?)?;
        talk.finish().await;
        Ok(())
    }
}

/// One channel of a session, as long as it is open.
pub(super) struct InUse(Arc<Live>);

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.touch();
        self.0.channels.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn chunks(limits: &Limits) -> chunk::Limits {
    chunk::Limits {
        received_chunk: limits.received_chunk,
        sent_chunk: limits.sent_chunk,
        message: limits.message,
        ..chunk::Limits::default()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
