//! How often a sender may call (EN-85, SP-82): a sliding log for each policy and sender.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

/// How many calls in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// how many
    pub requests: u32,
    /// in this time, in milliseconds
    pub window_ms: i64,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// whether it may go on
    pub allowed: bool,
    /// how many more may, now
    pub remaining: u32,
    /// in how many milliseconds the oldest call is forgotten; 0 when there is none
    pub reset_ms: i64,
}

impl Decision {
    /// `Retry-After`, in whole seconds.
    #[must_use]
    pub fn retry_after_s(&self) -> u64 {
        u64::try_from(self.reset_ms).unwrap_or(0).div_ceil(1000).max(1)
    }
}

/// No room for another sender. Those who are there keep their history (SP-82).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rate limiter is full")]
pub struct Full;

type Key = (u32, Arc<str>);

/// Counts calls by (policy, sender). The history of one policy is never touched by another, and a call that was refused is
/// not counted.
#[derive(Default)]
pub struct Limiter {
    capacity: usize,
    logs: HashMap<Key, Log>,
    /// by the time from which a log counts for nothing
    by_end: BTreeSet<(i64, Key)>,
}

#[derive(Default)]
struct Log {
    calls: VecDeque<i64>,
    end_ms: i64,
}

impl Limiter {
    /// How many keys a limiter has unless told otherwise (EN-85).
    pub const DEFAULT_CAPACITY: usize = 50_000;

    /// For so many keys, each of which takes eight bytes for each call that its rate allows.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Counts a call of `sender` under the policy of this number, if its rate allows it. Times are milliseconds since the
    /// Unix epoch.
    ///
    /// # Errors
    /// [`Full`]
    pub fn consume(&mut self, policy: u32, sender: &str, rate: Rate, now_ms: i64) -> Result<Decision, Full> {
        let key = (policy, Arc::<str>::from(sender));
        if !self.logs.contains_key(&key) {
            self.make_room(now_ms)?;
        }
        let log = self.logs.entry(key.clone()).or_default();
        log.forget(rate, now_ms);
        let allowed = log.calls.len() < rate.requests as usize;
        if allowed {
            log.calls.push_back(now_ms);
        }
        let decision = log.decision(allowed, rate, now_ms);
        let end_ms = log.calls.back().map_or(now_ms, |last| last.saturating_add(rate.window_ms));
        let before = std::mem::replace(&mut log.end_ms, end_ms);
        if before != end_ms {
            self.by_end.remove(&(before, key.clone()));
        }
        self.by_end.insert((end_ms, key));
        Ok(decision)
    }

    /// What [`Limiter::consume`] would say, without counting.
    #[must_use]
    pub fn check(&self, policy: u32, sender: &str, rate: Rate, now_ms: i64) -> Decision {
        let mut log = Log::default();
        if let Some(known) = self.logs.get(&(policy, Arc::<str>::from(sender))) {
            log.calls.clone_from(&known.calls);
        }
        log.forget(rate, now_ms);
        let allowed = log.calls.len() < rate.requests as usize;
        let mut decision = log.decision(allowed, rate, now_ms);
        if allowed {
            decision.remaining -= 1;
        }
        decision
    }

    fn make_room(&mut self, now_ms: i64) -> Result<(), Full> {
        while self.logs.len() >= self.capacity {
            match self.by_end.pop_first() {
                Some((end_ms, key)) if end_ms <= now_ms => {
                    self.logs.remove(&key);
                }
                Some(still_counts) => {
                    self.by_end.insert(still_counts);
                    return Err(Full);
                }
                None => return Err(Full),
            }
        }
        Ok(())
    }
}

impl Log {
    /// Calls count as long as they are later than `now - window`.
    fn forget(&mut self, rate: Rate, now_ms: i64) {
        let since = now_ms.saturating_sub(rate.window_ms);
        while self.calls.front().is_some_and(|call| *call <= since) {
            self.calls.pop_front();
        }
    }

    fn decision(&self, allowed: bool, rate: Rate, now_ms: i64) -> Decision {
        let count = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        let reset_ms = self
            .calls
            .front()
            .map_or(0, |oldest| oldest.saturating_add(rate.window_ms).saturating_sub(now_ms));
        Decision { allowed, remaining: rate.requests.saturating_sub(count), reset_ms }
    }
}
