//! One item from its vendor: requests, repetition, and the checks before it counts (AT-70).

use crate::{
    Clock, Error, Failure, Item, Sources,
    http::{Got, Http},
    item::Validators,
    request::{Request, requests},
};
use sealwire_attest::needs::Need;
use std::time::Duration;
use tokio::time::Instant;

/// No item is worth more.
const MAX_TOTAL: Duration = Duration::from_secs(60 * 60);

/// Caps on what a vendor may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// set-up of a connection, TLS included
    pub connect: Duration,
    /// one exchange, from its first byte to its last
    pub exchange: Duration,
    /// all attempts for one item, with the pauses between them; an hour at most
    pub total: Duration,
    /// attempts for one item
    pub attempts: u32,
    /// the first pause between attempts; it doubles, and is shortened by chance by up to a half
    pub pause: Duration,
}

impl Default for Limits {
    /// 5 s to connect, 10 s an exchange, 30 s and three attempts altogether.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(5),
            exchange: seconds(10),
            total: seconds(30),
            attempts: 3,
            pause: seconds(1),
        }
    }
}

/// Fetches items. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    http: Http,
    sources: Sources,
    limits: Limits,
    clock: Clock,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// another item than before, or the first
    New(Item),
    /// the item at hand is still the latest; its time of fetching is now
    Unchanged(Item),
}

impl Fetched {
    /// The item.
    #[must_use]
    pub fn item(self) -> Item {
        match self {
            Self::New(item) | Self::Unchanged(item) => item,
        }
    }
}

impl Fetcher {
    /// `tls_roots` are certificates in DER that TLS trusts besides the system's.
    ///
    /// # Errors
    /// [`Failure::Tls`]
    pub fn new(
        sources: Sources,
        tls_roots: &[Vec<u8>],
        limits: Limits,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let http = Http::new(sources.is_tls(), tls_roots, limits.connect)?;
        Ok(Self { http, sources, limits, clock })
    }

    /// Where a need is asked for, to be shown; without what tells the chip.
    #[must_use]
    pub fn place(&self, need: &Need) -> String {
        requests(need, &self.sources).into_iter().next().map(|request| request.shown).unwrap_or_default()
    }

    /// Fetches the item of a need. `held` is the good one at hand, which stays in force whatever comes: the request is
    /// conditional on it, and nothing older is taken.
    ///
    /// # Errors
    /// [`Failure::Item`]
    pub async fn fetch(&self, need: &Need, held: Option<&Item>) -> Result<Fetched, Failure> {
        let mut last = (self.place(need), Error::Unknown);
        for request in requests(need, &self.sources) {
            match self.repeat(need, &request, held).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => {
                    let unknown = matches!(error, Error::Unknown);
                    last = (request.shown, error);
                    if !unknown {
                        break;
                    }
                }
            }
        }
        let (at, error) = last;
        Err(Failure::Item { what: need.to_string(), at, error })
    }

    async fn repeat(&self, need: &Need, request: &Request, held: Option<&Item>) -> Result<Fetched, Error> {
        let end = Instant::now() + self.limits.total.min(MAX_TOTAL);
        let mut pause = self.limits.pause;
        let mut attempt = 1;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let error = match self.attempt(need, request, held, left.min(self.limits.exchange)).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => error,
            };
            let asked = match &error {
                Error::Busy { retry_after, .. } => retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            let wait = asked.max(pause.mul_f64(1.0 - fastrand::f64() / 2.0));
            // Whoever asks to be left alone for longer than there is time is left alone.
            let in_time = Instant::now().checked_add(wait).is_some_and(|next| next < end);
            if !error.is_transient() || attempt >= self.limits.attempts || !in_time {
                return Err(error);
            }
            tracing::debug!(what = %need, at = request.shown, %error, ?wait, "asking again");
            tokio::time::sleep(wait).await;
            pause = pause.saturating_mul(2);
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        need: &Need,
        request: &Request,
        held: Option<&Item>,
        time: Duration,
    ) -> Result<Fetched, Error> {
        let none = Validators::default();
        let known = held.map_or(&none, |item| &item.validators);
        let got = self.http.get(&request.uri, known, time).await?;
        let now = (self.clock)();
        let (headers, content, validators) = match (got, held) {
            (Got::Fresh { headers, content, validators }, _) => (headers, content, validators),
            (Got::NotModified, Some(held)) => {
                held.may_replace(None, now)?;
                return Ok(Fetched::Unchanged(Item { fetched_at: now, ..held.clone() }));
            }
            // Nothing was conditional, so this is no answer to what was asked.
            (Got::NotModified, None) => return Err(Error::Status(http::StatusCode::NOT_MODIFIED)),
        };
        let item = Item::new(need, request.answer(&headers, &content)?, validators, now)?;
        item.may_replace(held, now)?;
        Ok(match held {
            Some(held) if held.endorsements() == item.endorsements() => Fetched::Unchanged(item),
            _ => Fetched::New(item),
        })
    }
}
