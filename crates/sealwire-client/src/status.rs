//! What a connector can tell about itself.

use crate::SealedWith;
use sealwire_attest::{
    UnixTime,
    key_document::{Acceptance, Published},
    verdict::Denial,
};
use sealwire_http::client::oblivious::Form;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

/// Refusals kept.
const REFUSALS: usize = 20;

/// A connector at one moment.
#[derive(Clone)]
pub struct Status {
    /// the authority that requests name inside
    pub authority: String,
    /// what was accepted last, and what that rests on
    pub acceptance: Acceptance,
    /// the same as it was served, with evidence and endorsements
    pub published: Arc<Published>,
    /// when it was accepted
    pub accepted_at: SystemTime,
    /// last second in which it is used
    pub expires: UnixTime,
    /// what requests are sealed with
    pub sealed_with: SealedWith,
    /// form of messages on the oblivious wire
    pub form: Form,
    /// channels that are open, for WebSockets and gRPC (SE-37)
    pub channels_open: usize,
    /// the gateway showed something since that the policy refuses: nothing is sent
    pub refused: Option<Denial>,
    /// the revocation list, where there is one
    pub revocation: Option<RevocationStatus>,
    /// the last 20 refusals, the latest last
    pub refusals: Vec<Refusal>,
    /// how often what happened
    pub counts: Counts,
}

/// A revocation list, and how well it is kept up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationStatus {
    /// serial of the list in force
    pub serial: u64,
    /// the last second in which it is good; past it nothing is sent
    pub next_update: UnixTime,
    /// why the last look brought nothing
    pub trouble: Option<String>,
}

/// A document that the policy refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// when
    pub at: SystemTime,
    /// why
    pub denial: Denial,
}

/// How often what happened, since the connector was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// requests taken
    pub requests: u64,
    /// requests that ended without an answer
    pub failed: u64,
    /// requests sent a second time (SE-43)
    pub resent: u64,
    /// requests sent a second time with a corrected Date (OB-43)
    pub redated: u64,
    /// renewals of the key document that were accepted
    pub renewals: u64,
    /// renewals that failed or were refused
    pub failed_renewals: u64,
    /// sessions that began with the ticket of the one before (SE-40)
    pub resumptions: u64,
    /// requests that were answered along with such a beginning (SE-42)
    pub early: u64,
    /// channels opened (SE-37)
    pub channels: u64,
    /// WebSockets that went over one, or were refused by the application
    pub websockets: u64,
    /// calls of gRPC that went over one
    pub grpc: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) resent: AtomicU64,
    pub(crate) redated: AtomicU64,
    pub(crate) renewals: AtomicU64,
    pub(crate) failed_renewals: AtomicU64,
    pub(crate) resumptions: AtomicU64,
    pub(crate) early: AtomicU64,
    pub(crate) channels: AtomicU64,
    pub(crate) websockets: AtomicU64,
    pub(crate) grpc: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.requests),
            failed: read(&self.failed),
            resent: read(&self.resent),
            redated: read(&self.redated),
            renewals: read(&self.renewals),
            failed_renewals: read(&self.failed_renewals),
            resumptions: read(&self.resumptions),
            early: read(&self.early),
            channels: read(&self.channels),
            websockets: read(&self.websockets),
            grpc: read(&self.grpc),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<VecDeque<Refusal>>);

impl Refusals {
    pub(crate) fn add(&self, at: SystemTime, denial: Denial) {
        if let Ok(mut kept) = self.0.lock() {
            if kept.len() >= REFUSALS {
                kept.pop_front();
            }
            kept.push_back(Refusal { at, denial });
        }
    }

    pub(crate) fn read(&self) -> Vec<Refusal> {
        self.0.lock().map(|kept| kept.iter().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_refusal_goes_first() {
        let refusals = Refusals::default();
        for n in 0..=REFUSALS as u64 {
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n);
            refusals.add(at, Denial { reasons: Vec::new() });
        }
        let kept = refusals.read();
        assert_eq!(kept.len(), REFUSALS);
        assert_eq!(kept[0].at, SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1));
    }
}
