//! The wire to what is pinned.

use super::{
    own::{Own, OwnDocument},
    pin::{Appraiser, beside},
};
use crate::transport::Transport;
use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use sealwire_attest::{
    Appraised, Bound, Claims, Endorsements, KeyDocument, UnixTime, cmw,
    key_document::{Acceptance, OBLIVIOUS, Published, PublishedKey},
    verdict::{Denial, Reason},
};
use sealwire_http::{
    Body,
    client::{
        self,
        ehbp::Ehbp,
        hpke_http::{self, HpkeHttp},
        oblivious::Oblivious,
        session::{self, Connected, EarlyAnswer, Facts, Live, Opening, Session},
    },
    crypto::{hpke::Symmetric, kem::Kem},
    oblivious::config::Selected,
    session::client::Ticket,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::runtime::Handle;
use tower::Service;

/// What requests are sealed with, and so by which wire they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealedWith {
    /// a key of the document
    Oblivious {
        /// of the chosen key
        kem: Kem,
        /// KDF and AEAD
        suite: Symmetric,
    },
    /// keys of a session
    Session(Facts),
    /// a key of the document and a pre-shared key, for hpke-http/3
    HpkeHttp,
    /// a key of the document, for EHBP
    Ehbp,
}

/// Takes requests to the enclave.
#[derive(Clone)]
pub(crate) enum Channel {
    Oblivious { wire: Oblivious<Transport>, selected: Selected },
    Session { session: Session<Transport>, lease: Arc<Lease> },
    HpkeHttp { wire: HpkeHttp<Transport>, key_id: Vec<u8> },
    Ehbp { wire: Ehbp<Transport>, key_id: Vec<u8> },
}

impl Channel {
    pub(crate) fn sealed_with(&self) -> SealedWith {
        match self {
            Self::Oblivious { selected, .. } => {
                SealedWith::Oblivious { kem: selected.public_key.kem(), suite: selected.suite }
            }
            Self::Session { session, .. } => SealedWith::Session(*session.live().facts()),
            Self::HpkeHttp { .. } => SealedWith::HpkeHttp,
            Self::Ehbp { .. } => SealedWith::Ehbp,
        }
    }

    /// The session, if it is one.
    pub(super) fn live(&self) -> Option<&Arc<Live>> {
        match self {
            Self::Session { lease, .. } => Some(&lease.live),
            _ => None,
        }
    }

    /// The entry of the document that requests are sealed to. A session has keys of its own, and tells itself when they end.
    pub(super) fn key<'a>(&self, document: &'a KeyDocument) -> Option<&'a PublishedKey> {
        let (purpose, id) = match self {
            Self::Oblivious { selected, .. } => (OBLIVIOUS, std::slice::from_ref(&selected.key_id)),
            Self::HpkeHttp { key_id, .. } => (hpke_http::WIRE, &key_id[..]),
            Self::Ehbp { key_id, .. } => (sealwire_http::ehbp::WIRE, &key_id[..]),
            Self::Session { .. } => return None,
        };
        document.keys.iter().find(|key| key.purpose == purpose && key.id == id)
    }

    /// Whether it is a session, which alone has channels (SE-37).
    pub(crate) fn is_session(&self) -> bool {
        matches!(self, Self::Session { .. })
    }

    /// Whether it is a session that began with the ticket of another.
    pub(crate) fn is_resumed(&self) -> bool {
        self.live().is_some_and(|live| live.facts().is_resumed())
    }

    /// Ends the session, if it is one (SE-39).
    pub(crate) async fn close(&self) {
        if let Self::Session { lease, .. } = self {
            lease.close().await;
        }
    }

    /// Whether its requests carry a Date that a gateway may find wrong (OB-43).
    pub(crate) fn is_dated(&self) -> bool {
        matches!(self, Self::Oblivious { .. })
    }

    /// Whether it takes another request, as far as this side knows.
    pub(crate) fn is_usable(&self) -> bool {
        match self {
            Self::Session { lease, .. } => lease.live.is_usable(),
            _ => true,
        }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = client::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, client::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), client::Error>> {
        match self {
            Self::Oblivious { wire, .. } => wire.poll_ready(cx),
            Self::Session { session, .. } => session.poll_ready(cx),
            Self::HpkeHttp { wire, .. } => wire.poll_ready(cx),
            Self::Ehbp { wire, .. } => wire.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Oblivious { wire, .. } => wire.call(request),
            Self::Session { session, .. } => session.call(request),
            Self::HpkeHttp { wire, .. } => wire.call(request),
            Self::Ehbp { wire, .. } => wire.call(request),
        }
    }
}

/// Where sessions are made, and used.
pub(super) struct Where<'a> {
    pub(super) transport: &'a Transport,
    pub(super) place: &'a Uri,
    pub(super) requests: &'a Uri,
    /// for a handshake, and for a close
    pub(super) timeout: Duration,
}

/// What is known before a handshake.
pub(super) struct Known<'a> {
    pub(super) published: &'a Published,
    pub(super) acceptance: &'a Acceptance,
    /// of this side
    pub(super) endorsements: Endorsements,
    /// of the last session: it has to rest on this very document
    pub(super) ticket: Option<Ticket>,
}

/// What a session rests on.
pub(super) struct Handshaken {
    pub(super) channel: Channel,
    pub(super) acceptance: Acceptance,
    /// another document than the one that was known before, where the gateway has shown one
    pub(super) published: Option<Published>,
    /// last second of what this side has shown
    pub(super) own_end: Option<UnixTime>,
}

/// Makes a session with the gateway.
pub(super) async fn handshake(
    appraiser: &Appraiser,
    at: Where<'_>,
    settings: session::Settings,
    known: Known<'_>,
    own: Option<(&Own, &OwnDocument)>,
    errand: &mut Errand,
) -> Result<Handshaken, session::Refused> {
    let Where { transport, place, requests, timeout } = at;
    let Known { published, acceptance, endorsements, ticket } = known;
    let judge = Judge { appraiser, published, acceptance, own, endorsements, shown: Mutex::default() };
    let config = Arc::new(appraiser.offer().config(own.is_some()));
    let opening = Opening {
        resource: place,
        authority: appraiser.authority(),
        known: Some(acceptance.document_hash),
        early: errand.request.take().filter(|_| ticket.is_some()),
        ticket,
    };
    let connected = session::connect(transport.clone(), config, opening, &judge, &settings);
    let connected = tokio::time::timeout(timeout, connected).await;
    let Connected { established, acceptance, early } =
        connected.unwrap_or_else(|elapsed| Err(session::Refused::Transport(elapsed.into())))?;
    errand.answer = early;
    let live = Arc::new(Live::new(established, requests.clone(), settings)?);
    let lease = Lease { live: live.clone(), transport: transport.clone(), place: place.clone(), timeout };
    let channel = Channel::Session { session: Session::new(transport.clone(), live), lease: Arc::new(lease) };
    let published = judge.shown.into_inner().unwrap_or_else(PoisonError::into_inner);
    let own_end = own.map(|(_, document)| document.not_after);
    Ok(Handshaken { channel, acceptance, published, own_end })
}

/// A request that may go along with the handshake that it would have to wait for (SE-42).
#[derive(Default)]
pub(crate) struct Errand {
    /// until it is sent
    pub(crate) request: Option<Request<Body>>,
    /// where it was taken
    pub(crate) answer: Option<EarlyAnswer>,
}

/// A session in use. When nothing uses it any more it is closed, so that the gateway does not hold it (SE-39).
pub(crate) struct Lease {
    live: Arc<Live>,
    transport: Transport,
    place: Uri,
    timeout: Duration,
}

impl Lease {
    async fn close(&self) {
        close(&self.live, &self.transport, &self.place, self.timeout).await;
    }
}

impl Drop for Lease {
    /// Best effort: without a runtime, or without an answer, the gateway finds out by its clock.
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        // One that is over is forgotten anyway.
        if self.live.is_usable() {
            let (live, transport) = (self.live.clone(), self.transport.clone());
            let (place, timeout) = (self.place.clone(), self.timeout);
            runtime.spawn(async move { close(&live, &transport, &place, timeout).await });
        }
    }
}

async fn close(live: &Live, transport: &Transport, place: &Uri, timeout: Duration) {
    match tokio::time::timeout(timeout, live.close(transport, place)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the gateway has not confirmed the end of a session"),
        Err(_) => tracing::debug!("the gateway has not confirmed the end of a session in time"),
    }
}

/// Holds what the gateway shows in a handshake against the policy.
struct Judge<'a> {
    appraiser: &'a Appraiser,
    published: &'a Published,
    acceptance: &'a Acceptance,
    /// what this side shows
    own: Option<(&'a Own, &'a OwnDocument)>,
    endorsements: Endorsements,
    shown: Mutex<Option<Published>>,
}

impl session::Judge for Judge<'_> {
    fn accept(&self, bytes: &[u8]) -> Result<Acceptance, Denial> {
        let mut published = Published::decode(bytes).map_err(malformed)?;
        // It stands beside this side's own endorsements and serials like any that is fetched: whoever is on the way chooses
        // which document is shown where.
        published.endorsements = beside(&self.endorsements, &published.endorsements).map_err(malformed)?;
        let accepted = self.appraiser.accept(&published)?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(published);
        Ok(accepted)
    }

    fn known(&self, document: &[u8; 48]) -> Option<Acceptance> {
        // It was accepted, or held against the policy again, a moment ago (SE-41).
        (self.acceptance.document_hash == *document).then(|| self.acceptance.clone())
    }

    fn quote(&self, quote: &[u8], bound: &Bound, _: &Acceptance) -> Result<Appraised<Claims>, Denial> {
        let presented = cmw::decode(quote).map_err(malformed)?;
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let endorsements = &shown.as_ref().unwrap_or(self.published).endorsements;
        let at: UnixTime = self.appraiser.now();
        let verified =
            self.appraiser.verifier().verify_presented(&presented, endorsements, bound, at).map_err(
                |error| {
                    let reason = Reason { rule: "evidence".to_owned(), ..Reason::of(&error, endorsements) };
                    Denial { reasons: vec![reason] }
                },
            )?;
        self.appraiser.policy().appraise(verified, at)
    }

    fn own(&self) -> Option<sealwire_http::session::client::Own<'_>> {
        self.own.map(|(own, document)| own.shows(document))
    }
}

fn malformed(error: sealwire_attest::Error) -> Denial {
    let reason = Reason {
        code: error.code(),
        rule: "evidence".to_owned(),
        expected: "genuine evidence".to_owned(),
        found: error.to_string(),
    };
    Denial { reasons: vec![reason] }
}
