//! The gateway's side of the oblivious wire.

mod admit;
mod answer;
mod chunked;
mod single;

pub use answer::key;

use super::{Routes, exchange::Application};
use crate::{Body, Clock, KeyRing, Peer, Wire, wire::Pick};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use sealwire_crypto::random::Random;
use sealwire_oblivious::Limits;
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
    /// the live keys
    pub ring: Arc<KeyRing>,
    /// what routes permit
    pub routes: Arc<dyn Routes>,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness of response nonces
    pub random: Arc<dyn Random>,
    /// limits
    pub limits: Limits,
    /// how far a request's Date may be from the clock (OB-62)
    pub window: Duration,
}

/// Opens requests that [`crate::wire::pick`] gives to the oblivious wire, hands them to the inner service as ordinary
/// requests with a [`Peer`] in their extensions, and seals its answers.
#[derive(Clone)]
pub struct ObliviousLayer {
    settings: Arc<Settings>,
}

impl ObliviousLayer {
    /// A layer.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

impl<S> Layer<S> for ObliviousLayer {
    type Service = Oblivious<S>;

    fn layer(&self, inner: S) -> Oblivious<S> {
        Oblivious { settings: Arc::clone(&self.settings), inner }
    }
}

/// See [`ObliviousLayer`].
#[derive(Clone)]
pub struct Oblivious<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl<S: Application> Service<Request<Body>> for Oblivious<S> {
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
            Pick::Wire(Wire::ObliviousSingle) => {
                Box::pin(async move { Ok(single::serve(&settings, &outer, body, inner).await) })
            }
            Pick::Wire(Wire::ObliviousChunked) => {
                Box::pin(async move { Ok(chunked::serve(&settings, &outer, body, inner).await) })
            }
            Pick::Wire(_) | Pick::Plain => Box::pin(async { Ok(answer::not_this_wire()) }),
            Pick::Refused(status) => Box::pin(async move { Ok(answer::outside(status)) }),
        }
    }
}

/// Who calls by this wire: nobody in particular.
fn nobody(wire: Wire) -> Peer {
    Peer { wire, identity: crate::Identity::Nobody }
}
