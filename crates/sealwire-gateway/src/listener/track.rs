//! What HTTP/2 hides from the operating system, which ends silent HTTP/1.1 connections: connections that are kept
//! without a request, and answers that nobody takes while the connection itself is alive.

use bytes::Bytes;
use http::{Response, Version};
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use sealwire_http::{Body, BoxError, body};
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::sleep;

/// What goes on on one connection.
#[derive(Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    /// exchanges of HTTP/2 that are open
    open: AtomicUsize,
    is_http2: AtomicBool,
}

impl Activity {
    /// An exchange begins. One of HTTP/2 is to be held until it ends.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> Option<Exchange> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        (version == Version::HTTP_2).then(|| {
            self.is_http2.store(true, Ordering::Relaxed);
            self.open.fetch_add(1, Ordering::Relaxed);
            Exchange(self.clone())
        })
    }

    /// Whether an exchange has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    /// Waits until an HTTP/2 connection has had nothing open for `time`, or up to twice as long. Of HTTP/1.1 hyper sees
    /// whether requests come.
    pub(super) async fn idle(&self, time: Duration) {
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            let quiet = self.is_http2.load(Ordering::Relaxed) && self.open.load(Ordering::Relaxed) == 0;
            sleep(time).await;
            if quiet && self.begun.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

/// An exchange that is open until this is dropped.
pub(super) struct Exchange(Arc<Activity>);

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// Awaits an answer, and watches that it is taken.
    pub(super) struct Tracking<F> {
        #[pin]
        answer: F,
        // `None` where the operating system watches
        exchange: Option<Exchange>,
        send_time: Duration,
    }
}

impl<F> Tracking<F> {
    pub(super) fn new(answer: F, exchange: Option<Exchange>, send_time: Duration) -> Self {
        Self { answer, exchange, send_time }
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Tracking<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Ok(response) = ready!(this.answer.poll(cx));
        Poll::Ready(Ok(match this.exchange.take() {
            Some(exchange) => {
                response.map(|content| body::boxed(Taken::new(content, exchange, *this.send_time)))
            }
            None => response,
        }))
    }
}

/// An answer's content, dropped where nobody takes it: with it go its upstream and all that it held.
struct Taken {
    watched: Arc<Watched>,
    send_time: Duration,
    has_watcher: bool,
}

struct Watched {
    /// `None` once it has been given up
    content: Mutex<Option<(Body, Exchange)>>,
    /// odd while a frame that was handed out is to be followed by a wish for the next
    turns: AtomicU64,
}

impl Watched {
    fn content(&self) -> MutexGuard<'_, Option<(Body, Exchange)>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn new(content: Body, exchange: Exchange, send_time: Duration) -> Self {
        let watched = Watched { content: Mutex::new(Some((content, exchange))), turns: AtomicU64::new(0) };
        Self { watched: Arc::new(watched), send_time, has_watcher: false }
    }
}

/// Gives an answer up when no frame was wanted for `send_time` after one was handed out.
async fn watch(watched: Weak<Watched>, send_time: Duration) {
    loop {
        let Some(before) = watched.upgrade().map(|watched| watched.turns.load(Ordering::Relaxed)) else {
            return;
        };
        sleep(send_time).await;
        let Some(watched) = watched.upgrade() else { return };
        let now = watched.turns.load(Ordering::Relaxed);
        if now == before && now % 2 == 1 {
            *watched.content() = None;
            tracing::debug!("an answer was given up: nobody takes it");
            return;
        }
    }
}

impl http_body::Body for Taken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let turns = &this.watched.turns;
        if turns.load(Ordering::Relaxed) % 2 == 1 {
            turns.fetch_add(1, Ordering::Relaxed);
        }
        let mut content = this.watched.content();
        let Some((body, _)) = &mut *content else {
            return Poll::Ready(Some(Err("the answer was not taken for too long".into())));
        };
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        let more = matches!(frame, Some(Ok(_))) && !body.is_end_stream();
        drop(content);
        if more {
            turns.fetch_add(1, Ordering::Relaxed);
            if !this.has_watcher {
                this.has_watcher = true;
                tokio::spawn(watch(Arc::downgrade(&this.watched), this.send_time));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.watched.content().as_ref().is_some_and(|(body, _)| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.watched.content().as_ref().map_or_else(SizeHint::default, |(body, _)| body.size_hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use tokio::time::Instant;

    const TIME: Duration = Duration::from_secs(60);

    fn endless() -> Body {
        let frames = futures_util::stream::repeat_with(|| Ok::<_, BoxError>(Frame::data(Bytes::from("x"))));
        body::boxed(http_body_util::StreamBody::new(frames))
    }

    #[tokio::test(start_paused = true)]
    async fn an_http2_connection_without_requests_is_idle() {
        let activity = Arc::new(Activity::default());
        let exchange = activity.begin(Version::HTTP_2).unwrap();
        let start = Instant::now();
        assert!(tokio::time::timeout(TIME * 10, activity.idle(TIME)).await.is_err(), "one is open");
        drop(exchange);
        activity.idle(TIME).await;
        let waited = start.elapsed() - TIME * 10;
        assert!(waited >= TIME && waited <= TIME * 2, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_http1_connection_is_not_judged() {
        let activity = Arc::new(Activity::default());
        assert!(activity.begin(Version::HTTP_11).is_none());
        assert!(activity.has_begun());
        assert!(tokio::time::timeout(TIME * 10, activity.idle(TIME)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_given_up() {
        let activity = Arc::new(Activity::default());
        let exchange = activity.begin(Version::HTTP_2).unwrap();
        let mut answer = Taken::new(endless(), exchange, TIME);
        // Slow is not gone.
        for _ in 0..5 {
            assert!(answer.frame().await.unwrap().is_ok());
            sleep(TIME / 2).await;
        }
        assert_eq!(activity.open.load(Ordering::Relaxed), 1);
        sleep(TIME * 2).await;
        assert_eq!(activity.open.load(Ordering::Relaxed), 0, "what it held is free");
        assert!(answer.frame().await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_waits_for_its_source_is_not_given_up() {
        let activity = Arc::new(Activity::default());
        let exchange = activity.begin(Version::HTTP_2).unwrap();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let frames = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let mut answer = Taken::new(body::boxed(http_body_util::StreamBody::new(frames)), exchange, TIME);
        for _ in 0..3 {
            sender.send(Ok::<_, BoxError>(Frame::data(Bytes::from("event")))).unwrap();
            assert!(answer.frame().await.unwrap().is_ok());
            // Wanted, but not there.
            assert!(tokio::time::timeout(TIME * 3, answer.frame()).await.is_err());
        }
        drop(sender);
        assert!(answer.frame().await.is_none());
    }
}
