//! The end of a request that was answered before it.
//!
//! Who closes a connection on which something arrives that nobody has read makes the operating system reset it, and a
//! reset can overtake the answer: the caller then sees a broken connection, where it was told 403 or 413. So what is left
//! of such a request is read and thrown away, for a while (RFC 9112 section 9.6).

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout, timeout_at},
};

/// Longest time, longest silence in it, and most bytes.
const LONGEST: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(500);
const MOST: usize = 16 << 20;

/// A request's content. What is left of it when it is dropped is discarded by a task of its own.
pub(super) struct Lingering {
    content: Option<Incoming>,
    /// the caller sends nothing before it is asked to
    waits: bool,
}

impl Lingering {
    /// `waits` where the request says that it expects to be asked (`Expect: 100-continue`).
    pub(super) fn new(content: Incoming, waits: bool) -> Self {
        Self { content: Some(content), waits }
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // Reading is asking.
        self.waits = false;
        let Some(content) = &mut self.content else { return Poll::Ready(None) };
        let frame = Pin::new(content).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.content = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.content.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.content.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let left = self.content.take().filter(|content| !self.waits && !content.is_end_stream());
        // Without a runtime there is no connection either.
        if let (Some(content), Ok(runtime)) = (left, Handle::try_current()) {
            runtime.spawn(timeout(LONGEST, discard(content)));
        }
    }
}

async fn discard(mut content: Incoming) {
    let mut left = MOST;
    while let Ok(Some(Ok(frame))) = timeout_at(Instant::now() + SILENCE, content.frame()).await {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = rest;
    }
}
