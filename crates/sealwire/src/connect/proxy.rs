//! A request on its way through the proxy, and the answer on its way back.

use super::{
    far::Far,
    guard::{Guard, LocalHost, Refusal},
    problem, rewrite,
    websocket::{Near, Sockets},
};
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, Uri, Version, header, request::Parts, uri::PathAndQuery};
use sealwire_client::{Error, is_grpc};
use sealwire_http::{Body, websocket};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tower::{Service, ServiceExt};

/// What the proxy itself counts; the connector counts the rest.
#[derive(Default)]
pub(super) struct Counters {
    /// requests refused for their Host or Origin
    pub(super) refused: AtomicU64,
    /// requests that this wire cannot carry
    pub(super) impossible: AtomicU64,
}

/// The proxy as a service. Clones share everything.
pub(super) struct Proxy<C>(Arc<Shared<C>>);

struct Shared<C> {
    connector: C,
    guard: Guard,
    way: problem::Way,
    counters: Arc<Counters>,
    sockets: Arc<Sockets>,
}

impl<C> Clone for Proxy<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Proxy<C> {
    pub(super) fn new(
        connector: C,
        guard: Guard,
        way: problem::Way,
        counters: Arc<Counters>,
        sockets: Arc<Sockets>,
    ) -> Self {
        Self(Arc::new(Shared { connector, guard, way, counters, sockets }))
    }
}

impl<C: Far> Service<Request<Body>> for Proxy<C> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move { Ok(shared.exchange(request).await) })
    }
}

impl<C: Far> Shared<C> {
    async fn exchange(&self, request: Request<Body>) -> Response<Body> {
        let (mut head, content) = request.into_parts();
        let local = match self.take(&head) {
            Ok(local) => local,
            Err(refused) => return self.refuse(&refused),
        };
        let near = Near::take(&mut head);
        let form = if is_grpc(&head.headers) { problem::Form::Grpc } else { problem::Form::Document };
        let authority = self.connector.authority();
        // The connector's own authority is put in its place.
        let path = head.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        head.uri = Uri::from(path);
        rewrite::request(&mut head.headers, &self.guard, authority);
        if let Some(near) = &near {
            near.ask_on(&mut head.headers);
        }
        match self.connector.clone().oneshot(Request::from_parts(head, content)).await {
            Ok(mut response) => {
                rewrite::response(response.headers_mut(), &local, authority);
                if let Some(near) = near {
                    near.join(&mut response, &self.sockets);
                }
                response
            }
            Err(error) => {
                if matches!(error, Error::NeedsSession) {
                    self.counters.impossible.fetch_add(1, Ordering::Relaxed);
                }
                // Callers that go away in the middle are no trouble of this proxy's.
                if matches!(error, Error::RequestBody) {
                    tracing::debug!(%error, "a request got no answer");
                } else {
                    tracing::warn!(%error, "a request got no answer");
                }
                problem::failed(&error, &self.way, form)
            }
        }
    }

    /// Takes a request that may come in and can go on.
    fn take(&self, head: &Parts) -> Result<LocalHost, Refused> {
        let local = self.guard.check(head).map_err(Refused::NotLetIn)?;
        if head.version < Version::HTTP_11 {
            return Err(Refused::Version);
        }
        if head.method == Method::CONNECT && !websocket::is_connect(head) {
            return Err(Refused::Tunnel);
        }
        // hyper asks for the body, and so answers 100, as soon as the connector wants it (OB-44).
        let expects = head.headers.get_all(header::EXPECT);
        if !expects.iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
            return Err(Refused::Expectation);
        }
        Ok(local)
    }

    fn refuse(&self, refused: &Refused) -> Response<Body> {
        tracing::warn!(?refused, "a request was refused");
        match refused {
            Refused::NotLetIn(refusal) => {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                problem::refused(refusal)
            }
            Refused::Version => {
                self.counters.impossible.fetch_add(1, Ordering::Relaxed);
                problem::old_version()
            }
            Refused::Tunnel => {
                self.counters.impossible.fetch_add(1, Ordering::Relaxed);
                problem::no_tunnel()
            }
            Refused::Expectation => {
                self.counters.impossible.fetch_add(1, Ordering::Relaxed);
                problem::unknown_expectation()
            }
        }
    }
}

/// Why a request goes no further than here.
#[derive(Debug)]
enum Refused {
    NotLetIn(Refusal),
    Version,
    Tunnel,
    Expectation,
}
