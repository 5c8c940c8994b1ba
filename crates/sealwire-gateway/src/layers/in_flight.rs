//! Limits: how many requests are worked on at once.

use super::{Inner, refusal};
use bytes::Bytes;
use futures_util::future::Either;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use pin_project_lite::pin_project;
use sealwire_http::{Body, BoxError, Peer, body, websocket::Occupied};
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, Service};

/// Answers 503 to requests above the limit. A request counts until the last byte of its answer has been taken.
#[derive(Clone)]
pub(crate) struct InFlightLayer(pub(crate) Arc<Semaphore>);

impl<S> Layer<S> for InFlightLayer {
    type Service = InFlight<S>;

    fn layer(&self, inner: S) -> InFlight<S> {
        InFlight { slots: self.0.clone(), inner }
    }
}

/// See [`InFlightLayer`].
#[derive(Clone)]
pub(crate) struct InFlight<S> {
    slots: Arc<Semaphore>,
    inner: S,
}

impl<S: Inner> Service<Request<Body>> for InFlight<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = super::Gate<Holding<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.slots.clone().try_acquire_owned() {
            Ok(permit) if is_inner_websocket(&request) => {
                // Its answer is over at once, and the exchange is not.
                let others = request.extensions_mut().remove::<Occupied>();
                request.extensions_mut().insert(Occupied(Arc::new((permit, others))));
                Either::Right(Holding { inner: self.inner.call(request), permit: None })
            }
            Ok(permit) => Either::Right(Holding { inner: self.inner.call(request), permit: Some(permit) }),
            Err(_) => {
                let title = "Too many requests at once";
                let mut response = refusal("in-flight", StatusCode::SERVICE_UNAVAILABLE, title, "");
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                super::answer(response)
            }
        }
    }
}

/// A channel itself counts as a connection; what is asked for in it, as a request.
fn is_inner_websocket(request: &Request<Body>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Peer>().is_some()
}

pin_project! {
    /// Hands the permit on to the answer's body.
    pub(crate) struct Holding<F> {
        #[pin]
        inner: F,
        permit: Option<OwnedSemaphorePermit>,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Holding<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(response) = ready!(this.inner.poll(cx));
        let permit = this.permit.take();
        Poll::Ready(Ok(if response.body().is_end_stream() {
            response
        } else {
            response.map(|content| body::boxed(Held { content, permit }))
        }))
    }
}

/// A body that counts as in flight until it is dropped.
struct Held {
    content: Body,
    permit: Option<OwnedSemaphorePermit>,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.content).poll_frame(cx));
        if frame.is_none() {
            self.permit = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}
