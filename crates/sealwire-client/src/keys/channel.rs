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
    key_document::{self, Acceptance, Published, Seen, Wanted},
    verdict::{Denial, Reason},
};
use sealwire_http::{
    Body,
    client::{
        self,
        oblivious::Oblivious,
        session::{self, Facts, Live, Session},
    },
    crypto::{hpke::Symmetric, kem::Kem},
    oblivious::config::Selected,
    session::client::Config,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};
use tower::Service;

/// Which wire to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// Oblivious HTTP: each request under keys of its own, by a relay where one is wanted
    #[default]
    Oblivious,
    /// an attested session: one handshake, then symmetric keys alone
    Session,
}

/// What requests are sealed with.
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
}

/// Takes requests to the enclave.
#[derive(Clone)]
pub(crate) enum Channel {
    Oblivious { wire: Oblivious<Transport>, selected: Selected },
    Session(Session<Transport>),
}

impl Channel {
    pub(crate) fn sealed_with(&self) -> SealedWith {
        match self {
            Self::Oblivious { selected, .. } => {
                SealedWith::Oblivious { kem: selected.public_key.kem(), suite: selected.suite }
            }
            Self::Session(session) => SealedWith::Session(*session.live().facts()),
        }
    }

    /// Whether its requests carry a Date that a gateway may find wrong (OB-43).
    pub(crate) fn is_dated(&self) -> bool {
        matches!(self, Self::Oblivious { .. })
    }

    /// Whether it takes another request, as far as this side knows.
    pub(crate) fn is_usable(&self) -> bool {
        match self {
            Self::Oblivious { .. } => true,
            Self::Session(session) => session.live().is_usable(),
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
            Self::Session(session) => session.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Oblivious { wire, .. } => wire.call(request),
            Self::Session(session) => session.call(request),
        }
    }
}

/// What was fetched before the handshake.
pub(super) struct Fetched<'a> {
    /// with this side's endorsements
    pub(super) published: &'a Published,
    /// by the policy in force
    pub(super) acceptance: &'a Acceptance,
    /// this side's endorsements
    pub(super) local: &'a Endorsements,
}

/// What a session rests on.
pub(super) struct Handshaken {
    pub(super) session: Session<Transport>,
    pub(super) acceptance: Acceptance,
    /// another document than the one that was fetched before, where the gateway has shown one
    pub(super) published: Option<Published>,
}

/// Makes a session with the gateway whose document is `fetched`, and was accepted.
pub(super) async fn handshake(
    appraiser: &Appraiser,
    transport: &Transport,
    place: &Uri,
    requests: Uri,
    settings: session::Settings,
    fetched: Fetched<'_>,
    own: Option<(&Own, &OwnDocument)>,
) -> Result<Handshaken, session::Refused> {
    let known = Some(fetched.acceptance.document_hash);
    let judge = Judge { appraiser, fetched, own, shown: Mutex::default() };
    let config = Arc::new(Config { attests: own.is_some(), ..Config::default() });
    let (established, acceptance) = session::connect(
        transport.clone(),
        place,
        config,
        appraiser.authority(),
        known,
        None,
        &judge,
        &settings,
    )
    .await?;
    let live = Live::new(established, requests, settings)?;
    let published = judge.shown.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Handshaken { session: Session::new(transport.clone(), Arc::new(live)), acceptance, published })
}

/// Holds what the gateway shows in a handshake against the policy.
struct Judge<'a> {
    appraiser: &'a Appraiser,
    fetched: Fetched<'a>,
    /// what this side shows
    own: Option<(&'a Own, &'a OwnDocument)>,
    shown: Mutex<Option<Published>>,
}

impl session::Judge for Judge<'_> {
    fn accept(&self, bytes: &[u8]) -> Result<Acceptance, Denial> {
        let mut published = Published::decode(bytes).map_err(malformed)?;
        // It stands beside this side's own endorsements and serials like any that is fetched: whoever is on the way chooses
        // which document is shown where.
        published.endorsements = beside(self.fetched.local, &published.endorsements).map_err(malformed)?;
        let claimed = KeyDocument::decode(&published.document).ok();
        let seen = claimed.map_or_else(Seen::default, |claimed| self.appraiser.seen(&claimed));
        let (policy, at) = (self.appraiser.policy(), self.appraiser.now());
        let wanted = Wanted::Gateway(self.appraiser.authority());
        let verifier = self.appraiser.verifier();
        let accepted = key_document::accept(&published, verifier, &policy, wanted, &[], seen, at)?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(published);
        Ok(accepted)
    }

    fn known(&self, document: &[u8; 48]) -> Option<Acceptance> {
        // It was accepted a moment ago, by the policy in force.
        let acceptance = self.fetched.acceptance;
        (acceptance.document_hash == *document).then(|| acceptance.clone())
    }

    fn quote(&self, quote: &[u8], bound: &Bound, _: &Acceptance) -> Result<Appraised<Claims>, Denial> {
        let presented = cmw::decode(quote).map_err(malformed)?;
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let endorsements = &shown.as_ref().unwrap_or(self.fetched.published).endorsements;
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
