//! The server's side of version 0 of the RA tunnel.

mod connection;
mod request;
mod socket;

use super::{exchange::Application, tunnels::Tunnels};
use crate::{
    Body, Clock, body, problem,
    websocket::{Form, Occupied},
    wire::{Pick, Wire},
};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use metrics::counter;
use sealwire_crypto::random::Random;
use sealwire_tunnel::{Limits, server::Offer};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// The key with its quote that new connections are shown (TU-35).
pub trait Offers: Send + Sync + 'static {
    /// That of now.
    fn offer(&self) -> Arc<Offer>;
}

/// Everything that the wire needs.
#[derive(Clone)]
pub struct Settings {
    /// keys
    pub offers: Arc<dyn Offers>,
    /// whom requests are for: the wire names nobody (TU-32)
    pub authority: String,
    /// whether several `set-cookie` are joined, which no client can take apart (TU-31)
    pub joined_cookies: bool,
    /// of each connection
    pub limits: Limits,
    /// those of the server
    pub tunnels: Arc<Tunnels>,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness
    pub random: Arc<dyn Random>,
}

/// Takes tunnels, and hands what comes in them to the inner service: ordinary requests with a [`crate::Peer`] that says
/// [`Wire::TunnelV0`] (TU-34), and extended CONNECTs for WebSockets.
#[derive(Clone)]
pub struct TunnelLayer(Arc<Settings>);

impl TunnelLayer {
    /// A layer.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }
}

impl<S> Layer<S> for TunnelLayer {
    type Service = Tunnel<S>;

    fn layer(&self, inner: S) -> Tunnel<S> {
        Tunnel { settings: Arc::clone(&self.0), inner }
    }
}

/// See [`TunnelLayer`].
#[derive(Clone)]
pub struct Tunnel<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl<S: Application> Service<Request<Body>> for Tunnel<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = serve(&self.settings, request, self.inner.clone());
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// Answers the upgrade, and serves the tunnel in a task of its own.
fn serve(settings: &Arc<Settings>, request: Request<Body>, inner: impl Application) -> Response<Body> {
    let (mut outer, content) = request.into_parts();
    let form = match (crate::wire::pick(&outer), Form::of(&outer)) {
        (Pick::Wire(Wire::TunnelV0), Ok(form)) if content.is_end_stream() => form,
        _ => return refused(StatusCode::BAD_REQUEST, "This is not a tunnel"),
    };
    let tunnels = &settings.tunnels;
    let Some(opening) = tunnels.opening() else { return busy("Too many connections at once") };
    let offer = settings.offers.offer();
    let occupied = outer.extensions.remove::<Occupied>();
    let upgrade = hyper::upgrade::on(Request::from_parts(outer, ()));
    let of_connection = Arc::clone(settings);
    tunnels.spawn(async move {
        connection::run(of_connection, opening, offer, upgrade, inner).await;
        drop(occupied);
    });
    form.answer(HeaderMap::new())
}

fn refused(status: StatusCode, title: &str) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "tunnel").increment(1);
    problem::response(status, problem::BLANK, title, "")
}

fn busy(title: &str) -> Response<Body> {
    let mut response = refused(StatusCode::SERVICE_UNAVAILABLE, title);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response.map(body::boxed)
}
