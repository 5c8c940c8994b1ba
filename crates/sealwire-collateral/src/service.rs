//! Keeps endorsements at hand: from memory, from disk, from the vendor, renewed ahead of their end and off the path of
//! whoever uses them (AT-70).

use crate::{
    Clock, Counts, Error, Failure, Fetched, Fetcher, Item, Store,
    counts::{Counters, count},
    item::SKEW,
};
use futures_util::future::join_all;
use sealwire_attest::{
    Endorsements, UnixTime,
    composite::Presented,
    needs::{Need, needs},
};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Mutex as AsyncMutex, watch};

/// What is fetched may tell what else is needed, as a certificate names its product. Nothing asks for more rounds.
const ROUNDS: usize = 3;
/// The most items in memory; the least recently used goes first.
const MAX_HELD: usize = 64;
/// The longest that an item is not asked for anew.
const MAX_INTERVAL: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// How often [`Service::run`] looks what is due.
const TICK: Duration = Duration::from_secs(30);

/// How items are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// an item is asked for anew after this time, or after half of what was left of its life if that is less; the
    /// time is shortened by chance by up to a quarter, so that many machines do not ask at once
    pub interval: Duration,
    /// how much longer than `interval` an item may be used while its vendor cannot be asked; never past its own end
    pub grace: Duration,
    /// the pause after a failure, at first and at most; it doubles
    pub retry: (Duration, Duration),
}

impl Default for Keeping {
    /// Daily, 30 days of grace, one minute to one hour.
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let day = minutes(24 * 60);
        Self { interval: day, grace: day * 30, retry: (minutes(1), minutes(60)) }
    }
}

impl Keeping {
    /// Whether its vendor should have been asked again by now. A certificate does not change.
    fn is_stale(&self, item: &Item, now: UnixTime) -> bool {
        item.need().is_renewed() && now.since(item.fetched_at()) > self.interval
    }

    fn permits(&self, item: &Item, now: UnixTime) -> bool {
        let most = self.interval.saturating_add(self.grace);
        let in_grace = !item.need().is_renewed() || now.since(item.fetched_at()) <= most;
        item.from() <= now.saturating_add(SKEW) && now <= item.until() && in_grace
    }
}

/// Items for the evidence of one machine, or a few.
pub struct Service {
    fetcher: Option<Fetcher>,
    store: Option<Store>,
    keeping: Keeping,
    clock: Clock,
    state: Mutex<State>,
    /// held by whoever fetches, so that nothing is asked for twice at once
    fetching: AsyncMutex<()>,
    changes: watch::Sender<u64>,
    counters: Counters,
}

#[derive(Default)]
struct State {
    held: HashMap<Need, Held>,
    /// what could not be had, and when it is tried again
    failed: HashMap<Need, Retry>,
}

struct Held {
    item: Item,
    refresh_at: UnixTime,
    used_at: UnixTime,
}

#[derive(Clone, Copy)]
struct Retry {
    at: UnixTime,
    pause: Duration,
}

/// What is at hand for evidence.
#[derive(Debug, Default)]
pub struct Gathered {
    /// what was supplied, and what was had
    pub endorsements: Endorsements,
    /// what was not had, and why
    pub failures: Vec<Failure>,
    /// what no vendor publishes
    pub elsewhere: Vec<&'static str>,
}

impl Service {
    /// Without a fetcher, what is on disk is all there is; without a store, a restart forgets everything.
    #[must_use]
    pub fn new(fetcher: Option<Fetcher>, store: Option<Store>, keeping: Keeping, clock: Clock) -> Self {
        Self {
            fetcher,
            store,
            keeping,
            clock,
            state: Mutex::default(),
            fetching: AsyncMutex::default(),
            changes: watch::Sender::new(0),
            counters: Counters::default(),
        }
    }

    /// What has happened since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Changes whenever a renewal brought something new.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Endorsements for evidence: what was `supplied`, and what is at hand or can be had beyond it. What cannot be had
    /// is told, tried again by [`Self::run`], and not waited for by the next caller.
    ///
    /// # Errors
    /// AT-08: when the evidence does not parse.
    pub async fn endorse(
        &self,
        evidence: &Presented,
        supplied: &Endorsements,
    ) -> Result<Gathered, sealwire_attest::Error> {
        let _fetching = self.fetching.lock().await;
        let mut gathered = Gathered { endorsements: supplied.clone(), ..Gathered::default() };
        let mut asked: Vec<Need> = Vec::new();
        for _ in 0..ROUNDS {
            let found = needs(evidence, &gathered.endorsements)?;
            gathered.elsewhere = found.elsewhere;
            let fresh: Vec<Need> = found.published.into_iter().filter(|need| !asked.contains(need)).collect();
            if fresh.is_empty() {
                break;
            }
            for provided in join_all(fresh.iter().map(|need| self.provide(need))).await {
                match provided {
                    Ok(item) => gathered.endorsements.merge(item.endorsements())?,
                    Err(failure) => gathered.failures.push(failure),
                }
            }
            asked.extend(fresh);
        }
        Ok(gathered)
    }

    async fn provide(&self, need: &Need) -> Result<Item, Failure> {
        let now = (self.clock)();
        let mut at_hand = self.held(need, now);
        if at_hand.is_none() {
            at_hand = self.on_disk(need, None, now).await;
        }
        let at_hand = at_hand.filter(|item| self.keeping.permits(item, now));
        match at_hand {
            Some(item) if !self.keeping.is_stale(&item, now) => {
                count(&self.counters.hits);
                Ok(item)
            }
            Some(item) => match self.fetch(need, Some(&item), now).await {
                Ok(fetched) => {
                    count(&self.counters.refreshes);
                    Ok(fetched.item())
                }
                Err(error) => {
                    count(&self.counters.stale);
                    tracing::warn!(what = %need, fetched_at = %item.fetched_at(), %error, "an endorsement cannot be renewed; the one at hand is used");
                    Ok(item)
                }
            },
            None => {
                count(&self.counters.misses);
                self.fetch(need, None, now).await.map(Fetched::item)
            }
        }
    }

    /// Renews what is due, and tries again what could not be had. Tells when something is due next.
    pub async fn refresh(&self) -> UnixTime {
        let _fetching = self.fetching.lock().await;
        let now = (self.clock)();
        let due = self.due(now);
        let renewed = join_all(due.iter().map(|(need, held)| self.renew(need, held.as_ref(), now))).await;
        let mut changed = false;
        for ((need, _), renewed) in due.iter().zip(renewed) {
            match renewed {
                Ok(fetched) => {
                    count(&self.counters.refreshes);
                    changed |= matches!(fetched, Fetched::New(_));
                }
                Err(error) => tracing::warn!(what = %need, %error, "an endorsement was not renewed"),
            }
        }
        if changed {
            self.changes.send_modify(|changes| *changes += 1);
        }
        self.next_due()
    }

    /// Renews until `stop`.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut next = self.next_due();
        loop {
            let wait = next.since((self.clock)()).clamp(Duration::from_secs(1), TICK);
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(wait) => {}
            }
            next = tokio::select! {
                () = &mut stop => return,
                next = self.refresh() => next,
            };
        }
    }

    async fn renew(&self, need: &Need, held: Option<&Item>, now: UnixTime) -> Result<Fetched, Failure> {
        match self.on_disk(need, held, now).await {
            Some(item) if now <= item.until() && !self.is_due(need, now) => {
                let same = held.is_some_and(|held| held.endorsements() == item.endorsements());
                Ok(if same { Fetched::Unchanged(item) } else { Fetched::New(item) })
            }
            Some(item) => self.fetch(need, Some(&item), now).await,
            None => self.fetch(need, held, now).await,
        }
    }

    fn held(&self, need: &Need, now: UnixTime) -> Option<Item> {
        let mut state = self.lock();
        let held = state.held.get_mut(need)?;
        held.used_at = now;
        Some(held.item.clone())
    }

    /// What is on disk, if it was fetched later than what is `held`: another process may have.
    async fn on_disk(&self, need: &Need, held: Option<&Item>, now: UnixTime) -> Option<Item> {
        let (store, wanted) = (self.store.clone()?, need.clone());
        let read = tokio::task::spawn_blocking(move || store.read(&wanted, now)).await;
        let item = read.ok().flatten()?;
        if held.is_some_and(|held| item.fetched_at() <= held.fetched_at() || item.from() < held.from()) {
            return None;
        }
        self.hold(item.clone(), now);
        Some(item)
    }

    /// Fetches, and keeps what came, in memory and on disk; or notes when to try again.
    async fn fetch(&self, need: &Need, held: Option<&Item>, now: UnixTime) -> Result<Fetched, Failure> {
        let not_asked = |why: &str| Failure::Item {
            what: need.to_string(),
            at: "the cache".to_owned(),
            error: Error::Unreachable(why.into()),
        };
        let Some(fetcher) = &self.fetcher else { return Err(not_asked("nothing is fetched here")) };
        if self.lock().failed.get(need).is_some_and(|retry| now < retry.at) {
            return Err(not_asked("it could not be had a moment ago"));
        }
        match fetcher.fetch(need, held).await {
            Ok(fetched) => {
                let item = fetched.clone().item();
                self.hold(item.clone(), now);
                self.to_disk(item).await;
                Ok(fetched)
            }
            Err(failure) => {
                count(&self.counters.failures);
                self.note_failure(need, &failure, now);
                Err(failure)
            }
        }
    }

    async fn to_disk(&self, item: Item) {
        let Some(store) = self.store.clone() else { return };
        // A disk that is full costs no more than a request after a restart.
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || store.write(&item)).await {
            tracing::warn!(%error, "an endorsement was not kept on disk");
        }
    }

    fn hold(&self, item: Item, now: UnixTime) {
        let left = item.until().since(item.fetched_at());
        let wait = match item.need().is_renewed() {
            true => {
                self.keeping.interval.min(MAX_INTERVAL).min(left / 2).mul_f64(1.0 - fastrand::f64() / 4.0)
            }
            false => left,
        };
        let refresh_at = item.fetched_at().saturating_add(wait);
        let mut state = self.lock();
        state.failed.remove(item.need());
        state.held.insert(item.need().clone(), Held { item, refresh_at, used_at: now });
        if state.held.len() > MAX_HELD {
            let oldest = state.held.iter().min_by_key(|(_, held)| held.used_at).map(|(need, _)| need.clone());
            oldest.and_then(|need| state.held.remove(&need));
        }
    }

    fn note_failure(&self, need: &Need, failure: &Failure, now: UnixTime) {
        let (first, most) = self.keeping.retry;
        let mut state = self.lock();
        let pause = state.failed.get(need).map_or(first, |retry| (retry.pause * 2).min(most));
        let asked = match failure {
            Failure::Item { error: Error::Busy { retry_after: Some(time), .. }, .. } => (*time).min(most),
            _ => Duration::ZERO,
        };
        let wait = asked.max(pause.mul_f64(1.0 - fastrand::f64() / 4.0));
        if state.failed.len() >= MAX_HELD {
            state.failed.clear();
        }
        state.failed.insert(need.clone(), Retry { at: now.saturating_add(wait), pause });
    }

    /// What is to be fetched now, with what is at hand of it.
    fn due(&self, now: UnixTime) -> Vec<(Need, Option<Item>)> {
        let state = self.lock();
        let may = |need: &Need| state.failed.get(need).is_none_or(|retry| retry.at <= now);
        let held = state.held.iter().filter(|(need, held)| held.refresh_at <= now && may(need));
        let held = held.map(|(need, held)| (need.clone(), Some(held.item.clone())));
        let missing = state.failed.keys().filter(|need| !state.held.contains_key(*need) && may(need));
        held.chain(missing.map(|need| (need.clone(), None))).collect()
    }

    fn is_due(&self, need: &Need, now: UnixTime) -> bool {
        self.lock().held.get(need).is_none_or(|held| held.refresh_at <= now)
    }

    fn next_due(&self) -> UnixTime {
        let state = self.lock();
        let retry = |need: &Need| state.failed.get(need).map(|retry| retry.at);
        let held = state.held.iter().map(|(need, held)| retry(need).unwrap_or(held.refresh_at));
        let missing = state.failed.values().map(|retry| retry.at);
        held.chain(missing).min().unwrap_or(UnixTime(u64::MAX))
    }

    /// The state is whole at every point at which a thread could have panicked.
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
