//! The server's side of the session wire.

mod answer;
mod callers;
mod channel;
mod early;
mod handshake;
mod once;
mod outside;
mod requests;
mod shown;
mod talk;
mod wanted;

pub use answer::{full, hint, no_channel};
pub use callers::{CallerPolicy, Callers};
pub use channel::Channels;
pub use once::OnceRegister;
pub use outside::Rewrites;
pub use shown::{Shown, Shows};

use super::{Routes, exchange::Application};
use crate::{Body, Clock, Identity, Wire, wire::Pick};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use sealwire_crypto::random::Random;
use sealwire_message::bhttp;
use sealwire_session::server::{Once, Pending, Server, Table};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service};

/// Everything that the wire needs.
#[derive(Clone)]
pub struct Settings {
    /// the instance's keys
    pub server: Arc<Server>,
    /// the instance's sessions, and who is at their other ends
    pub table: Arc<Table<Identity>>,
    /// handshakes that await the caller's authentication
    pub pending: Arc<Pending>,
    /// what was used once: tokens and tickets
    pub once: Arc<dyn Once>,
    /// what is shown of the instance
    pub shows: Arc<dyn Shows>,
    /// whether callers attest themselves, and what is accepted of them
    pub callers: Callers,
    /// what routes permit
    pub routes: Arc<dyn Routes>,
    /// what changes on the way to the gateway, of requests in bound mode
    pub rewrites: Arc<Rewrites>,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness
    pub random: Arc<dyn Random>,
    /// of the Binary HTTP inside
    pub bhttp: bhttp::Limits,
    /// how long the head of a message may take
    pub header_time: Duration,
    /// how long a body may pause
    pub idle_time: Duration,
    /// what is gathered of a request that HTTP/1.1 cannot stream, in bytes
    pub gathered: usize,
    /// of channels
    pub channels: Channels,
}

/// Makes sessions, opens the requests that come by them, hands them to the inner service as ordinary requests with a
/// [`crate::Peer`] in their extensions, and seals its answers.
#[derive(Clone)]
pub struct SessionLayer {
    settings: Arc<Settings>,
}

impl SessionLayer {
    /// A layer.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = Session<S>;

    fn layer(&self, inner: S) -> Session<S> {
        Session { settings: Arc::clone(&self.settings), inner }
    }
}

/// See [`SessionLayer`].
#[derive(Clone)]
pub struct Session<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl<S: Application> Service<Request<Body>> for Session<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let settings = Arc::clone(&self.settings);
        // The clone takes the place of the one that is ready.
        let fresh = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, fresh);
        let (outer, body) = request.into_parts();
        match crate::wire::pick(&outer) {
            Pick::Wire(Wire::SessionHandshake) => {
                Box::pin(async move { Ok(handshake::serve(&settings, &outer, body).await) })
            }
            Pick::Wire(Wire::SessionEarly) => {
                Box::pin(async move { Ok(early::serve(settings, &outer, body, inner).await) })
            }
            Pick::Wire(Wire::Session) => {
                Box::pin(async move { Ok(requests::hidden(&settings, &outer, body, inner).await) })
            }
            Pick::Wire(Wire::SessionBound) => {
                Box::pin(async move { Ok(requests::bound(&settings, &outer, body, inner).await) })
            }
            Pick::Wire(Wire::SessionChannel) => {
                let answer = channel::serve(settings, Request::from_parts(outer, body), inner);
                Box::pin(async move { Ok(answer) })
            }
            Pick::Refused(status) if outer.uri.path() == crate::channel::PATH => {
                Box::pin(async move { Ok(no_channel(status)) })
            }
            Pick::Wire(_) | Pick::Plain => Box::pin(async { Ok(answer::not_this_wire()) }),
            Pick::Refused(status) => Box::pin(async move { Ok(answer::outside(status)) }),
        }
    }
}
