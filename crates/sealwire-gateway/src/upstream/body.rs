//! The bodies of an exchange: what is counted, timed and told about them on their way.

use crate::metrics::UpstreamMetrics;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use metrics::Counter;
use sealwire_http::{Body, BoxError};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// Why a request's content did not come to its end. The upstream exchange is aborted, never completed (OB-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestFault {
    /// It ended with an error.
    #[error("the request broke off")]
    Cut,
    /// Nothing came for the idle time.
    #[error("the request stalled")]
    Idle,
}

/// What is known of a request's content while its answer is awaited.
pub(super) struct Progress {
    begun: Instant,
    /// milliseconds from `begun` to when the upstream last took a part; [`Self::OURS`] while it waits for the caller
    taken: AtomicU64,
    fault: OnceLock<RequestFault>,
}

impl Progress {
    /// The next part has not come from the caller yet: no fault of the upstream's.
    const OURS: u64 = u64::MAX;

    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), taken: AtomicU64::new(0), fault: OnceLock::new() }
    }

    pub(super) fn fault(&self) -> Option<RequestFault> {
        self.fault.get().copied()
    }

    fn take(&self) {
        let elapsed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(Self::OURS - 1);
        self.taken.store(elapsed, Ordering::Relaxed);
    }

    fn wait(&self) {
        self.taken.store(Self::OURS, Ordering::Relaxed);
    }

    /// Awaits an answer, `None` when the upstream has neither taken a part of the request nor begun its answer for
    /// `timeout`. A long upload is no slow upstream, and neither is a slow caller.
    pub(super) async fn timeout<F: Future>(&self, timeout: Duration, answer: F) -> Option<F::Output> {
        let mut answer = pin!(answer);
        let mut alarm = pin!(sleep(timeout));
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return Some(answer),
                () = &mut alarm => {
                    let now = Instant::now();
                    let due = match self.taken.load(Ordering::Relaxed) {
                        Self::OURS => now + timeout,
                        taken => self.begun + Duration::from_millis(taken) + timeout,
                    };
                    if due <= now {
                        return None;
                    }
                    alarm.as_mut().reset(due);
                }
            }
        }
    }
}

/// A request's content on its way to the upstream.
pub(super) struct RequestBody {
    content: Body,
    /// `None` where there is no content
    progress: Option<Arc<Progress>>,
    idle_time: Duration,
    idle: Option<Pin<Box<Sleep>>>,
    /// something has come since `idle` was set
    moved: bool,
    bytes: Counter,
}

impl RequestBody {
    pub(super) fn new(
        content: Body,
        progress: Option<Arc<Progress>>,
        idle_time: Duration,
        bytes: Counter,
    ) -> Self {
        Self { content, progress, idle_time, idle: None, moved: false, bytes }
    }

    fn fail(&self, fault: RequestFault) -> BoxError {
        if let Some(progress) = &self.progress {
            // The first fault stands.
            let _ = progress.fault.set(fault);
        }
        fault.into()
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.content).poll_frame(cx) else {
            if let Some(progress) = &this.progress {
                progress.wait();
            }
            let idle_time = this.idle_time;
            let idle = this.idle.get_or_insert_with(|| Box::pin(sleep(idle_time)));
            if std::mem::take(&mut this.moved) {
                idle.as_mut().reset(Instant::now() + idle_time);
            }
            ready!(idle.as_mut().poll(cx));
            return Poll::Ready(Some(Err(this.fail(RequestFault::Idle))));
        };
        this.moved = true;
        if let Some(progress) = &this.progress {
            progress.take();
        }
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                this.bytes.increment(frame.data_ref().map_or(0, |data| data.len() as u64));
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "request broke off");
                Some(Err(this.fail(RequestFault::Cut)))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

/// An answer's content on its way from the upstream. A cut one ends with an error, never cleanly.
pub(super) struct ResponseBody {
    content: Incoming,
    metrics: Arc<UpstreamMetrics>,
}

impl ResponseBody {
    pub(super) fn new(content: Incoming, metrics: Arc<UpstreamMetrics>) -> Self {
        Self { content, metrics }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.content).poll_frame(cx)) {
            Some(Ok(frame)) => {
                self.metrics.response_bytes.increment(frame.data_ref().map_or(0, |data| data.len() as u64));
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                self.metrics.cut.increment(1);
                Some(Err(error.into()))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}
