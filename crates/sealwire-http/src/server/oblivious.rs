//! The gateway's side of the oblivious wire.

use super::Routes;
use crate::{Body, Clock, KeyRing};
use http::{Request, Response};
use sealwire_crypto::random::Random;
use sealwire_oblivious::Limits;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tower::{Layer, Service};

/// Everything that the wire needs; cheap to share.
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

/// Opens requests that [`crate::wire::pick`] gave to the oblivious wire, hands them to the inner service as
/// ordinary requests with a [`crate::Peer`], and seals its answers.
#[derive(Clone)]
pub struct ObliviousLayer {}

impl ObliviousLayer {
    /// A layer.
    #[must_use]
    pub fn new(_settings: Settings) -> Self {
        todo!()
    }
}

impl<S> Layer<S> for ObliviousLayer {
    type Service = Oblivious<S>;
    fn layer(&self, _inner: S) -> Self::Service {
        todo!()
    }
}

/// See [`ObliviousLayer`].
#[derive(Clone)]
pub struct Oblivious<S> {
    _inner: S,
}

impl<S> Service<Request<Body>> for Oblivious<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = futures_util::future::BoxFuture<'static, Result<Response<Body>, Infallible>>;
    fn poll_ready(&mut self, _cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        todo!()
    }
    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        todo!()
    }
}
