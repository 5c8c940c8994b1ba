//! The bodies of an exchange: what is counted, timed and told about them on their way.

use super::http2::Exchange;
use crate::metrics::UpstreamMetrics;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use metrics::Counter;
use sealwire_http::{Body, BoxError};
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Why a request's content did not come to its end. The upstream exchange is aborted, never completed (OB-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestFault {
    /// It ended with an error.
    #[error("the request broke off")]
    Cut,
    /// Nothing came for the idle time.
    #[error("the request stalled")]
    Idle,
}

/// What is known of a request's content while its answer is awaited.
///
/// One timer serves both questions, whether the caller stalls and whether the upstream does: the one of who awaits
/// the answer. Only once that has begun does a request that still comes need a timer of its own.
pub(crate) struct Progress {
    begun: Instant,
    /// milliseconds from `begun` to the last change, and above them [`Self::OURS`] while the next part has not come
    /// from the caller yet, which is no fault of the upstream's
    changed: AtomicU64,
    answered: AtomicBool,
    /// who waits for the next part
    waiting: AtomicWaker,
    fault: OnceLock<RequestFault>,
}

/// Why an answer is no longer awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// the request has not come on
    Request,
    /// the upstream has neither taken a part of the request nor begun its answer
    Upstream,
}

impl Progress {
    const OURS: u64 = 1 << 63;

    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            changed: AtomicU64::new(0),
            answered: AtomicBool::new(false),
            waiting: AtomicWaker::new(),
            fault: OnceLock::new(),
        }
    }

    pub(super) fn fault(&self) -> Option<RequestFault> {
        self.fault.get().copied()
    }

    fn change(&self, ours: u64) {
        let elapsed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.changed.store(elapsed & !Self::OURS | ours, Ordering::SeqCst);
    }

    fn is_ours(&self) -> bool {
        self.changed.load(Ordering::SeqCst) & Self::OURS != 0
    }

    /// Awaits an answer, at most `timeout` after the upstream took the last part of the request, and at most `idle_time`
    /// for the next part. A long upload is no slow upstream, and neither is a slow caller.
    pub(crate) async fn timeout<F: Future>(
        &self,
        timeout: Duration,
        idle_time: Duration,
        answer: F,
    ) -> Result<F::Output, Late> {
        let mut answer = pin!(answer);
        let mut alarm = pin!(sleep_until(self.begun + timeout.min(idle_time)));
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => {
                    self.answered.store(true, Ordering::SeqCst);
                    if self.is_ours() {
                        self.waiting.wake();
                    }
                    return Ok(answer);
                }
                () = &mut alarm => {
                    let changed = self.changed.load(Ordering::SeqCst);
                    let (patience, late) = match changed & Self::OURS {
                        0 => (timeout, Late::Upstream),
                        _ => (idle_time, Late::Request),
                    };
                    let due = self.begun + Duration::from_millis(changed & !Self::OURS) + patience;
                    if due <= Instant::now() {
                        return Err(late);
                    }
                    alarm.as_mut().reset(due);
                }
            }
        }
    }
}

/// A request's content on its way to the upstream.
pub(crate) struct RequestBody {
    content: Body,
    /// `None` where there is no content
    progress: Option<Arc<Progress>>,
    idle_time: Duration,
    idle: Option<Pin<Box<Sleep>>>,
    bytes: Counter,
}

impl RequestBody {
    pub(crate) fn new(
        content: Body,
        progress: Option<Arc<Progress>>,
        idle_time: Duration,
        bytes: Counter,
    ) -> Self {
        Self { content, progress, idle_time, idle: None, bytes }
    }

    fn fail(&self, fault: RequestFault) -> BoxError {
        if let Some(progress) = &self.progress {
            // The first fault stands.
            let _ = progress.fault.set(fault);
        }
        fault.into()
    }

    /// The next part has not come yet.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<RequestFault> {
        let Some(progress) = &self.progress else { return Poll::Pending };
        if !progress.is_ours() {
            progress.waiting.register(cx.waker());
            progress.change(Progress::OURS);
            self.idle = None;
        }
        if !progress.answered.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        let idle_time = self.idle_time;
        let idle = self.idle.get_or_insert_with(|| Box::pin(sleep(idle_time)));
        idle.as_mut().poll(cx).map(|()| RequestFault::Idle)
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
            let fault = ready!(this.poll_idle(cx));
            return Poll::Ready(Some(Err(this.fail(fault))));
        };
        if let Some(progress) = &this.progress {
            progress.change(0);
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
    _exchange: Option<Exchange>,
    metrics: Arc<UpstreamMetrics>,
}

impl ResponseBody {
    pub(super) fn new(content: Incoming, exchange: Option<Exchange>, metrics: Arc<UpstreamMetrics>) -> Self {
        Self { content, _exchange: exchange, metrics }
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
