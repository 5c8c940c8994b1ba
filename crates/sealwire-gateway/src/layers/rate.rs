//! Rate limit by [`Peer`].

use super::{Gate, Inner, Matched, refusal};
use futures_util::future::Either;
use http::{HeaderValue, Request, Response, StatusCode, header};
use sealwire_http::{Body, Peer};
use std::{
    convert::Infallible,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// Answers 429 where a caller uses a route more often than it permits.
#[derive(Clone)]
pub(crate) struct RateLayer;

impl<S> Layer<S> for RateLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit { inner }
    }
}

/// See [`RateLayer`].
#[derive(Clone)]
pub(crate) struct RateLimit<S> {
    inner: S,
}

impl<S: Inner> Service<Request<Body>> for RateLimit<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Gate<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let extensions = request.extensions();
        if let Some(rate) = extensions.get::<Matched>().and_then(|Matched(route)| route.rate.as_ref()) {
            // A request without a peer came by no wire, and is not let through.
            if !extensions.get::<Peer>().is_some_and(|peer| rate.allows(peer)) {
                let title = "Too many requests";
                let mut response = refusal("rate", StatusCode::TOO_MANY_REQUESTS, title, "");
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                return super::answer(response);
            }
        }
        Either::Right(self.inner.call(request))
    }
}
