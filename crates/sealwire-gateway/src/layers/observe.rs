//! Trace and metrics of a request, as seen from outside.

use super::Inner;
use crate::metrics::WireMetrics;
use http::{Request, Response};
use pin_project_lite::pin_project;
use sealwire_http::Body;
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::time::Instant;
use tower::{Layer, Service};

/// Counts and times the requests of one wire. Paths are not logged here: they may be what is to be kept secret.
#[derive(Clone)]
pub(crate) struct ObserveLayer {
    name: &'static str,
    metrics: Arc<WireMetrics>,
}

impl ObserveLayer {
    /// `name` is that of the wire.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, metrics: Arc::new(WireMetrics::new(name)) }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { layer: self.clone(), inner }
    }
}

/// See [`ObserveLayer`].
#[derive(Clone)]
pub(crate) struct Observe<S> {
    layer: ObserveLayer,
    inner: S,
}

impl<S: Inner> Service<Request<Body>> for Observe<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Observed { inner: self.inner.call(request), layer: self.layer.clone(), begun: Instant::now() }
    }
}

pin_project! {
    /// A request that is being observed.
    pub(crate) struct Observed<F> {
        #[pin]
        inner: F,
        layer: ObserveLayer,
        begun: Instant,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Observed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(response) = ready!(this.inner.poll(cx));
        let elapsed = this.begun.elapsed();
        this.layer.metrics.record(response.status(), elapsed);
        tracing::debug!(wire = this.layer.name, status = response.status().as_u16(), ?elapsed, "request");
        Poll::Ready(Ok(response))
    }
}
