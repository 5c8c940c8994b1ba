//! What an attested caller has asked for goes on for as long as the caller is wanted: when it is revoked, or its evidence
//! has become too old, its answers are cut like its channels (SE-11, AT-25). They are, too, a while after the session has
//! ended otherwise: without one nobody looks at its caller again, and a caller can close its own.

use crate::{Body, BoxError, body, problem, server::exchange::Application};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use sealwire_session::server::{End, Tie};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;

/// Around what answers one request.
#[derive(Clone)]
pub(super) struct Wanted<S> {
    inner: S,
    tie: Arc<Tie>,
    closing: Duration,
}

impl<S> Wanted<S> {
    /// `closing` is how long what is under way may take once its session has merely ended.
    pub(super) fn new(inner: S, tie: Tie, closing: Duration) -> Self {
        Self { inner, tie: Arc::new(tie), closing }
    }
}

/// Ready when the caller is not wanted any more, or nobody can tell.
async fn unwanted(tie: Arc<Tie>, closing: Duration) {
    if tie.ended().await == End::Over {
        tokio::time::sleep(closing).await;
    }
}

impl<S: Application> Service<Request<Body>> for Wanted<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.inner.call(request);
        let mut end: BoxFuture<'static, ()> = Box::pin(unwanted(Arc::clone(&self.tie), self.closing));
        Box::pin(async move {
            tokio::select! {
                biased;
                () = &mut end => Ok(cut_off()),
                answer = answer => answer.map(|answer| answer.map(|content| body::boxed(Cut { content, end: Some(end) }))),
            }
        })
    }
}

fn cut_off() -> Response<Body> {
    problem::response(StatusCode::FORBIDDEN, problem::BLANK, "The caller is not accepted any more", "")
}

/// An answer's content, for as long as the caller is wanted.
struct Cut {
    content: Body,
    /// `None` once it has come
    end: Option<BoxFuture<'static, ()>>,
}

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.end.as_mut().is_none_or(|end| end.as_mut().poll(cx).is_ready()) {
            self.end = None;
            // With it goes the exchange with the application.
            self.content = body::empty();
            return Poll::Ready(Some(Err("the caller is not accepted any more".into())));
        }
        Pin::new(&mut self.content).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.end.is_some() && self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.end.is_some() { self.content.size_hint() } else { SizeHint::default() }
    }
}
