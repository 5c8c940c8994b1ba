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
    Body, channel as wire,
    client::{
        self,
        channel::Stream,
        ehbp::Ehbp,
        hpke_http::{self, HpkeHttp},
        hpke_http_1::{self, HpkeHttp1},
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
    /// a key of the document and a pre-shared key, for hpke-http 1.x
    HpkeHttp1,
    /// a key of the document, for EHBP
    Ehbp,
    /// keys of a session that is carried on a WebSocket, with everything in it (TU-68)
    Tunnel(Facts),
}

impl SealedWith {
    /// What was negotiated, where it is a session.
    #[must_use]
    pub fn session(&self) -> Option<&Facts> {
        match self {
            Self::Session(facts) | Self::Tunnel(facts) => Some(facts),
            _ => None,
        }
    }
}

/// Takes requests to the enclave.
#[derive(Clone)]
pub(crate) enum Channel {
    Oblivious {
        wire: Oblivious<Transport>,
        selected: Selected,
    },
    Session {
        session: Session<Transport>,
        lease: Arc<Lease>,
    },
    HpkeHttp {
        wire: HpkeHttp<Transport>,
        key_id: Vec<u8>,
    },
    HpkeHttp1 {
        wire: HpkeHttp1<Transport>,
        key_id: Vec<u8>,
    },
    Ehbp {
        wire: Ehbp<Transport>,
        key_id: Vec<u8>,
    },
    /// all of it on a WebSocket: requests go through the channels of the session, never by themselves
    Tunnel {
        lease: Arc<Lease>,
        first: Arc<First>,
    },
}

/// The channel on whose WebSocket the session was made, until it is carried.
pub(crate) struct First(Mutex<Option<Stream>>);

impl Channel {
    pub(crate) fn sealed_with(&self) -> SealedWith {
        match self {
            Self::Oblivious { selected, .. } => {
                SealedWith::Oblivious { kem: selected.public_key.kem(), suite: selected.suite }
            }
            Self::Session { session, .. } => SealedWith::Session(*session.live().facts()),
            Self::HpkeHttp { .. } => SealedWith::HpkeHttp,
            Self::HpkeHttp1 { .. } => SealedWith::HpkeHttp1,
            Self::Ehbp { .. } => SealedWith::Ehbp,
            Self::Tunnel { lease, .. } => SealedWith::Tunnel(*lease.0.live.facts()),
        }
    }

    /// The channel that came with the session, once.
    pub(super) fn take_first(&self) -> Option<Stream> {
        match self {
            Self::Tunnel { first, .. } => first.0.lock().unwrap_or_else(PoisonError::into_inner).take(),
            _ => None,
        }
    }

    /// The session, if it is one.
    pub(super) fn live(&self) -> Option<&Arc<Live>> {
        match self {
            Self::Session { lease, .. } | Self::Tunnel { lease, .. } => Some(&lease.0.live),
            _ => None,
        }
    }

    /// The entry of the document that requests are sealed to. A session has keys of its own, and tells itself when they end.
    pub(super) fn key<'a>(&self, document: &'a KeyDocument) -> Option<&'a PublishedKey> {
        let (purpose, id) = match self {
            Self::Oblivious { selected, .. } => (OBLIVIOUS, std::slice::from_ref(&selected.key_id)),
            Self::HpkeHttp { key_id, .. } => (hpke_http::WIRE, &key_id[..]),
            Self::HpkeHttp1 { key_id, .. } => (hpke_http_1::WIRE, &key_id[..]),
            Self::Ehbp { key_id, .. } => (sealwire_http::ehbp::WIRE, &key_id[..]),
            Self::Session { .. } | Self::Tunnel { .. } => return None,
        };
        document.keys.iter().find(|key| key.purpose == purpose && key.id == id)
    }

    /// Whether it is a session, which alone has channels (SE-37).
    pub(crate) fn is_session(&self) -> bool {
        self.live().is_some()
    }

    /// Whether it is a session that began with the ticket of another.
    pub(crate) fn is_resumed(&self) -> bool {
        self.live().is_some_and(|live| live.facts().is_resumed())
    }

    /// Ends the session, if it is one (SE-39).
    pub(crate) async fn close(&self) {
        if let Self::Session { lease, .. } | Self::Tunnel { lease, .. } = self {
            lease.0.close().await;
        }
    }

    /// Whether its requests carry a Date that a gateway may find wrong (OB-43).
    pub(crate) fn is_dated(&self) -> bool {
        matches!(self, Self::Oblivious { .. })
    }

    /// Whether it takes another request, as far as this side knows.
    pub(crate) fn is_usable(&self) -> bool {
        self.live().is_none_or(|live| live.is_usable())
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
            Self::HpkeHttp1 { wire, .. } => wire.poll_ready(cx),
            Self::Ehbp { wire, .. } => wire.poll_ready(cx),
            Self::Tunnel { .. } => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Oblivious { wire, .. } => wire.call(request),
            Self::Session { session, .. } => session.call(request),
            Self::HpkeHttp { wire, .. } => wire.call(request),
            Self::HpkeHttp1 { wire, .. } => wire.call(request),
            Self::Ehbp { wire, .. } => wire.call(request),
            Self::Tunnel { .. } => Box::pin(async {
                Err(client::Error::Request("in a tunnel every request goes through a channel"))
            }),
        }
    }
}

/// Where sessions are made, and used.
pub(super) struct Where<'a> {
    pub(super) transport: &'a Transport,
    /// where they are made, or, in a tunnel, where WebSockets are opened
    pub(super) place: &'a Uri,
    /// where requests go, each by itself; `None` in a tunnel
    pub(super) requests: Option<&'a Uri>,
    /// for a handshake, and for a close
    pub(super) timeout: Duration,
}

/// What is known before a handshake.
pub(super) struct Known<'a> {
    /// the document that was accepted; without one, the gateway shows its own in the handshake
    pub(super) document: Option<(&'a Published, &'a Acceptance)>,
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
    let Known { document, endorsements, ticket } = known;
    let judge = Judge { appraiser, document, own, endorsements, shown: Mutex::default() };
    let config = Arc::new(appraiser.offer().config(own.is_some()));
    let known = document.map(|(_, acceptance)| acceptance.document_hash);
    let early = errand.request.take().filter(|_| ticket.is_some());
    let opening = Opening { authority: appraiser.authority(), known, ticket };
    let resource = requests.unwrap_or(place).clone();
    let lease = |live: Arc<Live>| {
        let (transport, place) = (transport.clone(), place.clone());
        Arc::new(Lease(Farewell { live, transport, place, on_websocket: requests.is_none(), timeout }))
    };
    let making = async {
        if requests.is_some() {
            let posts = transport.clone();
            let made = session::connect(posts, place, config, opening, early, &judge, &settings).await?;
            let Connected { established, acceptance, early } = made;
            errand.answer = early;
            let live = Arc::new(Live::new(established, resource, settings)?);
            let session = Session::new(transport.clone(), live.clone());
            return Ok((Channel::Session { session, lease: lease(live) }, acceptance));
        }
        let of_channel = wire::Settings::default();
        let asked = session::talk(transport.upgrading(), place, &of_channel, settings.random.as_ref());
        let mut talk = asked.await?;
        let made = session::connect_in(&mut talk, config, opening, &judge, &settings).await?;
        let Connected { established, acceptance, .. } = made;
        let live = Arc::new(Live::new(established, resource, settings)?);
        let lease = lease(live.clone());
        let first = Arc::new(First(Mutex::new(Some(live.open_channel_in(talk).await?))));
        Ok((Channel::Tunnel { lease, first }, acceptance))
    };
    let made = tokio::time::timeout(timeout, making).await;
    let (channel, acceptance) =
        made.unwrap_or_else(|elapsed| Err(session::Refused::Transport(elapsed.into())))?;
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
pub(crate) struct Lease(Farewell);

/// What it takes to close a session.
#[derive(Clone)]
struct Farewell {
    live: Arc<Live>,
    transport: Transport,
    place: Uri,
    /// whether it is said on a WebSocket, as all else was
    on_websocket: bool,
    timeout: Duration,
}

impl Farewell {
    async fn close(&self) {
        match tokio::time::timeout(self.timeout, self.say()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the gateway has not confirmed the end of a session"),
            Err(_) => tracing::debug!("the gateway has not confirmed the end of a session in time"),
        }
    }

    async fn say(&self) -> Result<(), session::Refused> {
        let Self { live, transport, place, .. } = self;
        if self.on_websocket {
            live.close_on(transport.upgrading(), place, &wire::Settings::default()).await
        } else {
            live.close(transport, place).await
        }
    }
}

impl Drop for Lease {
    /// Best effort: without a runtime, or without an answer, the gateway finds out by its clock.
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        // One that is over is forgotten anyway.
        if self.0.live.is_usable() {
            let farewell = self.0.clone();
            runtime.spawn(async move { farewell.close().await });
        }
    }
}

/// Holds what the gateway shows in a handshake against the policy.
struct Judge<'a> {
    appraiser: &'a Appraiser,
    /// what was accepted before
    document: Option<(&'a Published, &'a Acceptance)>,
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
        let (_, acceptance) = self.document?;
        (acceptance.document_hash == *document).then(|| acceptance.clone())
    }

    fn quote(&self, quote: &[u8], bound: &Bound, _: &Acceptance) -> Result<Appraised<Claims>, Denial> {
        let presented = cmw::decode(quote).map_err(malformed)?;
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let published = shown.as_ref().or(self.document.map(|(published, _)| published));
        // A quote comes after a document, so there is one.
        let endorsements = published.map_or(&self.endorsements, |published| &published.endorsements);
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
