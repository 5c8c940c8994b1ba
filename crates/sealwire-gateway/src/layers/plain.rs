//! Requests that came in clear.

use super::{Gate, Inner, refusal};
use crate::routes::Table;
use futures_util::future::Either;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use sealwire_attest::key_document;
use sealwire_http::{Body, Identity, Peer, Wire, server::ehbp::plaintext_refused};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// Lets requests in clear through to routes that say `plaintext = true`, with a [`Peer`] that says so; others learn
/// how the service is reached.
#[derive(Clone)]
pub(crate) struct PlainLayer {
    pub(crate) routes: Arc<Table>,
    /// one of the wires is on whose clients are told so with 426 (HH-64, EH-23)
    pub(crate) upgrade: bool,
}

impl<S> Layer<S> for PlainLayer {
    type Service = Plain<S>;

    fn layer(&self, inner: S) -> Plain<S> {
        Plain { routes: self.routes.clone(), upgrade: self.upgrade, inner }
    }
}

/// See [`PlainLayer`].
#[derive(Clone)]
pub(crate) struct Plain<S> {
    routes: Arc<Table>,
    upgrade: bool,
    inner: S,
}

impl<S: Inner> Service<Request<Body>> for Plain<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Gate<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // Where there is no route, the policy behind says so.
        match self.routes.find(request.uri().path()) {
            Ok(route) if route.plaintext => {}
            // EH-23, EH-24
            Ok(route) if route.ehbp.is_some() => return super::answer(plaintext_refused()),
            Ok(_) => return super::answer(sealed_only(self.upgrade)),
            Err(_) => {}
        }
        // An answer of HTTP/1.0 ends with its connection, so one that the upstream cut would look whole. Sealed ones say
        // themselves where they end.
        if request.version() < Version::HTTP_11 {
            return super::answer(old_version());
        }
        // Inside a channel there are WebSockets; in clear there are none (SE-37).
        if request.method() == Method::CONNECT {
            return super::answer(no_tunnel());
        }
        request.extensions_mut().insert(Peer { wire: Wire::Plain, identity: Identity::Nobody });
        Either::Right(self.inner.call(request))
    }
}

fn no_tunnel() -> Response<Body> {
    let title = "Tunnels and WebSockets are not taken in clear";
    refusal(
        "upgrade",
        StatusCode::NOT_IMPLEMENTED,
        title,
        "A WebSocket goes through the channel of a session.",
    )
}

fn old_version() -> Response<Body> {
    refusal(
        "version",
        StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        "Requests in clear need HTTP/1.1 or HTTP/2",
        "For nginx that is proxy_http_version 1.1.",
    )
}

fn sealed_only(upgrade: bool) -> Response<Body> {
    let mut response = refusal(
        "unsealed",
        if upgrade { StatusCode::UPGRADE_REQUIRED } else { StatusCode::FORBIDDEN },
        "This service takes sealed requests only",
        "Its keys, and the evidence for them, are at /.well-known/sealwire. `sealwire connect --to` this address runs \
         a local proxy that seals requests for any HTTP client.",
    );
    const _: () = assert!(matches!(key_document::PATH.as_bytes(), b"/.well-known/sealwire"));
    let link = HeaderValue::from_static("</.well-known/sealwire>; rel=\"describedby\"");
    response.headers_mut().insert(header::LINK, link);
    if upgrade {
        // RFC 9110 section 15.5.22 asks for a name.
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("hpke-http/3"));
    }
    response
}
