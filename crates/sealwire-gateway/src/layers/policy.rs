//! Route policy: is this authority served here, which route does the request take, is its method taken, may this caller
//! take it.

use super::{Gate, Inner, refusal};
use crate::routes::{NoRoute, Route, Table};
use futures_util::future::Either;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::ext::Protocol;
use sealwire_attest::key_document::authority;
use sealwire_http::{Body, Identity, Peer, Wire, problem};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// In a request's extensions: the route that it takes.
#[derive(Clone)]
pub(crate) struct Matched(pub(crate) Arc<Route>);

/// Finds the route of each request, or refuses it.
#[derive(Clone)]
pub(crate) struct PolicyLayer(Arc<Rules>);

struct Rules {
    /// in normal form
    authorities: Vec<String>,
    routes: Arc<Table>,
}

impl PolicyLayer {
    /// `authorities` are in normal form.
    pub(crate) fn new(authorities: Vec<String>, routes: Arc<Table>) -> Self {
        Self(Arc::new(Rules { authorities, routes }))
    }
}

impl<S> Layer<S> for PolicyLayer {
    type Service = Policy<S>;

    fn layer(&self, inner: S) -> Policy<S> {
        Policy { rules: self.0.clone(), inner }
    }
}

/// See [`PolicyLayer`].
#[derive(Clone)]
pub(crate) struct Policy<S> {
    rules: Arc<Rules>,
    inner: S,
}

impl<S: Inner> Service<Request<Body>> for Policy<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Gate<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.rules.route(&request) {
            Ok(route) => {
                request.extensions_mut().insert(Matched(route));
                Either::Right(self.inner.call(request))
            }
            Err(refused) => super::answer(refused.response()),
        }
    }
}

/// Why a request takes no route.
enum Refused {
    /// whom it is for is missing, or said in two ways
    Unclear,
    /// OB-46, OB-131
    Foreign,
    NoRoute(NoRoute),
    Method(Arc<Route>),
    /// SE-11
    NotAttested,
    /// TU-34
    NotForwardSecret,
}

impl Rules {
    fn route(&self, request: &Request<Body>) -> Result<Arc<Route>, Refused> {
        let authority = authority(request).ok_or(Refused::Unclear)?;
        // Plain http to another host cannot happen: every upstream that is reached by it is on this one (OB-46).
        if !self.serves(authority) {
            return Err(Refused::Foreign);
        }
        let route = self.routes.find(request.uri().path()).map_err(Refused::NoRoute)?;
        if !route.takes(method(request)) {
            return Err(Refused::Method(route.clone()));
        }
        if route.attested_caller && !is_attested(request) {
            return Err(Refused::NotAttested);
        }
        if !route.tunnel_v0 && wire(request) == Some(Wire::TunnelV0) {
            return Err(Refused::NotForwardSecret);
        }
        Ok(route.clone())
    }

    fn serves(&self, name: &str) -> bool {
        self.authorities.iter().any(|served| served == name)
            || authority::normalise(name, authority::DEFAULT_PORT)
                .is_ok_and(|normal| self.authorities.contains(&normal))
    }
}

/// The method by which a route is chosen. The CONNECT of a WebSocket (RFC 8441) is what a GET with an upgrade is over
/// HTTP/1.1, and becomes one on the way to the application. Only a channel, and a tunnel, has such.
fn method(request: &Request<Body>) -> &Method {
    let extensions = request.extensions();
    let is_websocket =
        |protocol: &Protocol| protocol.as_str().eq_ignore_ascii_case(sealwire_http::websocket::NAME);
    let carries = matches!(wire(request), Some(Wire::SessionChannel | Wire::TunnelV0));
    match extensions.get::<Protocol>() {
        Some(protocol) if carries && is_websocket(protocol) => &Method::GET,
        _ => request.method(),
    }
}

impl Refused {
    fn response(self) -> Response<Body> {
        match self {
            Self::Unclear => {
                let title = "The request does not say, in one way, whom it is for";
                refusal("authority", StatusCode::BAD_REQUEST, title, "")
            }
            Self::Foreign => {
                refusal("authority", StatusCode::FORBIDDEN, "This authority is not served here", "")
            }
            Self::NoRoute(NoRoute::NotFound) => {
                refusal("route", StatusCode::NOT_FOUND, "There is no such route", "")
            }
            Self::NoRoute(NoRoute::Ambiguous) => refusal(
                "path",
                StatusCode::BAD_REQUEST,
                "The path can be read in more than one way",
                "It leaves its route, or takes another one, once it is decoded. Write it in its normal form.",
            ),
            Self::Method(route) => {
                let title = "The method is not taken here";
                let mut response = refusal("method", StatusCode::METHOD_NOT_ALLOWED, title, "");
                if let Ok(allow) = HeaderValue::try_from(route.allow()) {
                    response.headers_mut().insert(header::ALLOW, allow);
                }
                response
            }
            Self::NotForwardSecret => refusal(
                "caller",
                StatusCode::FORBIDDEN,
                "This route does not take version 0 of the RA tunnel",
                "It is not forward secret. Come by a session: sealwire connect --wire session, or --wire tunnel where nothing \
                 but a WebSocket passes.",
            ),
            Self::NotAttested => {
                crate::metrics::refused("caller");
                problem::response(
                    StatusCode::FORBIDDEN,
                    problem::ATTESTED_CALLER,
                    "This route takes attested callers only",
                    "Come by a session in which the caller attests itself, from an enclave that the service's policy of \
                     callers accepts: sealwire connect --wire session --attest auto.",
                )
            }
        }
    }
}

/// The wire that a request came by.
fn wire(request: &Request<Body>) -> Option<Wire> {
    request.extensions().get::<Peer>().map(|peer| peer.wire)
}

/// Whether the wire has put an enclave that was accepted behind the request.
fn is_attested(request: &Request<Body>) -> bool {
    let peer = request.extensions().get::<Peer>();
    peer.is_some_and(|peer| matches!(peer.identity, Identity::Attested(_)))
}

/// Whom a request is for. `None` where that is missing, or said twice and differently.
fn authority(request: &Request<Body>) -> Option<&str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match hosts.next() {
        Some(host) => Some(host.to_str().ok()?),
        None => None,
    };
    if hosts.next().is_some() {
        return None;
    }
    match (request.uri().authority(), host) {
        (Some(authority), Some(host)) => authority.as_str().eq_ignore_ascii_case(host).then_some(host),
        (Some(authority), None) => Some(authority.as_str()),
        (None, host) => host,
    }
}
