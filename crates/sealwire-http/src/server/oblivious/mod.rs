//! The gateway's side of the oblivious wire.

mod admit;
mod answer;
mod awaited;
mod chunked;
mod message;
mod paced;
mod single;

use super::Routes;
use crate::{Body, Clock, KeyRing, Peer, Wire, wire::Pick};
use futures_util::future::BoxFuture;
use http::{Request, Response, Uri, header, uri};
use sealwire_crypto::random::Random;
use sealwire_message::bhttp::{self, RequestHead};
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

/// What answers opened requests.
pub(crate) trait Application:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Application for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
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

/// The ordinary request that a sealed one stands for. `None` if its parts do not make a URI.
fn request(head: RequestHead, wire: Wire, body: Body) -> Option<Request<Body>> {
    let authority = head.effective_authority()?;
    let mut parts = uri::Parts::default();
    parts.scheme = Some(head.scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(head.path);
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    *request.headers_mut() = head.headers;
    let headers = request.headers_mut();
    // The authority says it; the upstream's side writes the field that its protocol version wants.
    headers.remove(header::HOST);
    bhttp::remove_connection_fields(headers);
    bhttp::join_cookies(headers);
    request.extensions_mut().insert(Peer { wire, identity: crate::Identity::Nobody });
    Some(request)
}
