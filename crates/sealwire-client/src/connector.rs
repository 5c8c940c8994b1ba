//! The connector: a plain HTTP service whose requests leave sealed.

use crate::{
    Environment, Error, Settings, Status,
    keys::{Appraiser, Errand, Keeper, Refresher},
    retry,
    revocation::{self, Watcher},
};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use sealwire_attest::{Appraised, KeyDocument};
use sealwire_http::Body;
use std::{
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};
use tower::Service;

/// Requests through an attested, sealed channel. Cheap to clone; one pool, one pinned document.
///
/// A WebSocket goes over the channel of a session (SE-37): it is an upgrade of HTTP/1.1, or a CONNECT with
/// [`hyper::ext::Protocol`] in its extensions, and what [`hyper::upgrade::on`] gives for its answer (101, or a success) is
/// the connection: who takes it over keeps the [`Occupied`](sealwire_http::websocket::Occupied) in the answer's extensions
/// for as long. [`Self::websocket`] does that for you. Calls of gRPC go over the channel too, all else does not.
///
/// A request's URI may be relative. If it names an authority, that must be the attested one. The key document is
/// renewed by a task of its own, which ends with the last clone; so is the revocation list where there is one.
#[derive(Clone)]
pub struct Connector {
    keeper: Arc<Keeper>,
    _tasks: Arc<(Refresher, Option<Watcher>)>,
}

impl Connector {
    /// Fetches the key document and appraises it. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unreachable`], [`Error::NoKey`], [`Error::Settings`], [`Error::Tls`],
    /// [`Error::RevocationList`]
    pub async fn connect(settings: Settings) -> Result<Self, Error> {
        Self::connect_in(settings, Environment::default()).await
    }

    /// The same with a clock and randomness of the caller's.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_in(settings: Settings, environment: Environment) -> Result<Self, Error> {
        // Policy and verifier make the state of this large, and every caller's future would hold it.
        Box::pin(Self::set_up(Box::new(settings), environment)).await
    }

    async fn set_up(settings: Box<Settings>, environment: Environment) -> Result<Self, Error> {
        let (source, roots, timeout) =
            (settings.revocation.clone(), settings.tls_roots.clone(), settings.timeout);
        let appraiser = Appraiser::new(*settings, environment)?;
        let list = match source {
            Some(source) => {
                let reader = Box::pin(revocation::first(&appraiser, &source, &roots, timeout)).await?;
                Some((source, reader))
            }
            None => None,
        };
        let keeper = Arc::new(Box::pin(Keeper::start(appraiser)).await?);
        let watcher = list.map(|(source, reader)| Watcher::spawn(keeper.clone(), &source, reader));
        let refresher = Refresher::spawn(keeper.clone());
        Ok(Self { keeper, _tasks: Arc::new((refresher, watcher)) })
    }

    /// The document that was accepted last.
    #[must_use]
    pub fn pinned(&self) -> Arc<Appraised<KeyDocument>> {
        Arc::new(self.keeper.state().pin.acceptance.document.clone())
    }

    /// The authority that requests name inside.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.keeper.appraiser().authority()
    }

    /// Makes sure that there is something to send with, as the next request would: where the session is over or a key has
    /// ended, another is had first. Nothing reaches the application.
    ///
    /// # Errors
    /// As a request's.
    pub async fn prepare(&self) -> Result<(), Error> {
        self.keeper.usable(&mut Errand::default()).await.map(drop)
    }

    /// Ends the session, where the wire has one (SE-39): the gateway forgets it, and requests that are under way end as they
    /// would have. The next request begins another, with the ticket of this one. A session that nobody uses any more is
    /// closed by itself.
    pub async fn close(&self) {
        self.keeper.channels.retire();
        self.keeper.state().pin.channel.close().await;
    }

    /// Everything that can be told about it.
    #[must_use]
    pub fn status(&self) -> Status {
        let state = self.keeper.state();
        let pin = &state.pin;
        Status {
            authority: self.authority().to_owned(),
            acceptance: pin.acceptance.clone(),
            published: pin.published.clone(),
            accepted_at: pin.accepted_at,
            expires: pin.expires,
            sealed_with: pin.channel.sealed_with(),
            form: self.keeper.appraiser().form(),
            channels_open: self.keeper.channels.count(),
            refused: state.refused.clone(),
            revocation: self.keeper.revocation(),
            refusals: self.keeper.refusals(),
            counts: self.keeper.counters.read(),
        }
    }
}

impl Service<Request<Body>> for Connector {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let keeper = self.keeper.clone();
        Box::pin(async move {
            keeper.counters.requests.fetch_add(1, Ordering::Relaxed);
            let answer = retry::exchange(&keeper, request).await;
            if answer.is_err() {
                keeper.counters.failed.fetch_add(1, Ordering::Relaxed);
            }
            answer
        })
    }
}
