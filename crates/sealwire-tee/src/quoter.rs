//! Quotes are made in a task of their own, with a queue limit and a timeout (AT-61).

use crate::{Attested, Error, Platform};
use sealwire_attest::{Bound, Kind};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// A handle to the thread that makes quotes. The thread ends when the last handle is dropped.
#[derive(Clone)]
pub struct Quoter {
    kind: Kind,
    requests: mpsc::Sender<Request>,
    timeout: Duration,
    counters: Arc<Counters>,
}

/// What a [`Quoter`] has done, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// requests that wait, without the one in work
    pub waiting: usize,
    /// quotes made
    pub made: u64,
    /// quotes that the platform failed to make
    pub failed: u64,
    /// requests turned away because too many waited
    pub refused: u64,
    /// requests that were given up after the timeout
    pub timed_out: u64,
    /// how long the last quote took, made or failed
    pub last: Option<Duration>,
}

struct Request {
    bound: Bound,
    reply: oneshot::Sender<Result<Attested, Error>>,
}

#[derive(Default)]
struct Counters {
    made: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    timed_out: AtomicU64,
    /// in microseconds
    last: AtomicU64,
}

impl Quoter {
    /// Starts a blocking worker. At most `queue` requests wait (one at least); each waits at most `timeout`.
    #[must_use]
    pub fn spawn(platform: impl Into<Platform>, queue: usize, timeout: Duration) -> Self {
        let platform = platform.into();
        let (requests, waiting) = mpsc::channel(queue.max(1));
        let counters = Arc::<Counters>::default();
        let quoter = Self { kind: platform.kind(), requests, timeout, counters: counters.clone() };
        // A thread rather than the runtime's pool: one platform has one secure processor, so quotes gain nothing
        // from running beside each other, and a stuck one holds nobody else's thread.
        let spawned = thread::Builder::new()
            .name("quoter".to_owned())
            .spawn(move || work(&platform, waiting, &counters));
        if let Err(error) = spawned {
            // The receiver is gone with the closure: every quote now says that the thread has ended.
            tracing::error!(%error, "no thread for evidence");
        }
        quoter
    }

    /// The kind of the evidence that leads.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Counters { made, failed, refused, timed_out, last } = self.counters.as_ref();
        let (made, failed) = (made.load(Relaxed), failed.load(Relaxed));
        let last = Duration::from_micros(last.load(Relaxed));
        Stats {
            waiting: self.requests.max_capacity() - self.requests.capacity(),
            made,
            failed,
            refused: refused.load(Relaxed),
            timed_out: timed_out.load(Relaxed),
            last: (made > 0 || failed > 0).then_some(last),
        }
    }

    /// As [`Self::quote`], but waits for its place where the queue is full: what the whole service rests on must not be turned
    /// away because callers ask for evidence of their own.
    ///
    /// # Errors
    /// [`Error::Timeout`], and what the platform said.
    pub async fn quote_in_turn(&self, bound: Bound) -> Result<Attested, Error> {
        let place = tokio::time::timeout(self.timeout, self.requests.reserve()).await;
        let place = place.map_err(|_| {
            self.counters.timed_out.fetch_add(1, Relaxed);
            Error::Timeout
        })?;
        let (reply, produced) = oneshot::channel();
        place.map_err(|_| Error::Stopped)?.send(Request { bound, reply });
        self.awaited(produced).await
    }

    /// Makes evidence, composite where the platform has companions.
    ///
    /// # Errors
    /// [`Error::Busy`] at once when the queue is full, [`Error::Timeout`], and what the platform said.
    pub async fn quote(&self, bound: Bound) -> Result<Attested, Error> {
        let (reply, produced) = oneshot::channel();
        self.requests.try_send(Request { bound, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.counters.refused.fetch_add(1, Relaxed);
                Error::Busy
            }
            mpsc::error::TrySendError::Closed(_) => Error::Stopped,
        })?;
        self.awaited(produced).await
    }

    async fn awaited(&self, produced: oneshot::Receiver<Result<Attested, Error>>) -> Result<Attested, Error> {
        match tokio::time::timeout(self.timeout, produced).await {
            Ok(answer) => answer.map_err(|_| Error::Stopped)?,
            Err(_) => {
                self.counters.timed_out.fetch_add(1, Relaxed);
                Err(Error::Timeout)
            }
        }
    }
}

fn work(platform: &Platform, mut waiting: mpsc::Receiver<Request>, counters: &Counters) {
    while let Some(Request { bound, reply }) = waiting.blocking_recv() {
        // Who has given up is not worked for: after a stall the queue empties at once.
        if reply.is_closed() {
            continue;
        }
        let begin = Instant::now();
        let produced = platform.produce(&bound);
        let micros = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        counters.last.store(micros, Relaxed);
        match &produced {
            Ok(_) => counters.made.fetch_add(1, Relaxed),
            Err(error) => {
                tracing::warn!(%error, kind = platform.kind().name(), "no evidence");
                counters.failed.fetch_add(1, Relaxed)
            }
        };
        // The caller may have given up meanwhile.
        let _ = reply.send(produced);
    }
}
