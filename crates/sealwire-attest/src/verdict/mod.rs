//! What a verifier says: the verdict of AT-81, and denials (AT-23).

pub mod ear;
mod eat;
mod judge;

pub use judge::judge;

use crate::{Checks, Claims, Endorsements, Error, Kind, Outcome, UnixTime, event_log::Log};
use serde_json::Value;
use std::collections::BTreeSet;

/// One rule that failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// stable code, for example `measurement-not-listed`
    pub code: &'static str,
    /// the rule of the policy or the check, for example `accept[0].measurement`
    pub rule: String,
    /// what would have been accepted
    pub expected: String,
    /// what was there
    pub found: String,
}

impl Reason {
    /// Of evidence that came with `endorsements`. Where no root is pinned it tells which ones lie beside the evidence:
    /// one of them may be what a policy was to name.
    #[must_use]
    pub fn of(error: &Error, endorsements: &Endorsements) -> Self {
        let mut reason = Self::from(error);
        if reason.code == Error::RootNotPinned.code() {
            let roots =
                endorsements.self_issued().into_iter().map(|root| format!("sha256:{}", hex::encode(root)));
            let roots: Vec<_> = roots.collect();
            if !roots.is_empty() {
                reason.found = format!("{}; beside it lies {}", reason.found, roots.join(", "));
            }
        }
        reason
    }
}

impl From<&Error> for Reason {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            rule: error.check().name().to_owned(),
            expected: error.expected(),
            found: error.to_string(),
        }
    }
}

/// A policy said no, or there was nothing genuine to ask it about. For the party that owns the policy; the peer is told nothing of it (AT-23).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused: {}", .reasons.iter().map(|r| format!("{} ({})", r.code, r.rule)).collect::<Vec<_>>().join(", "))]
pub struct Denial {
    /// every rule that failed
    pub reasons: Vec<Reason>,
}

impl Denial {
    /// Whether an alternative fails for nothing but an endorsement that it requires, so that to supply it would help.
    fn lacks_only_endorsements(&self) -> bool {
        let alternative = |reason: &Reason| reason.rule.split('.').next().unwrap_or_default().to_owned();
        let missing = |reason: &&Reason| reason.code == "endorsement-missing";
        self.reasons.iter().filter(missing).any(|found| {
            let alternative_of_found = alternative(found);
            self.reasons
                .iter()
                .filter(|reason| alternative(reason) == alternative_of_found)
                .all(|reason| missing(&reason))
        })
    }
}

/// The verdict as `sealwire verify --json` prints it (AT-81).
///
/// | `verdict` | `exit` |
/// |---|---|
/// | `accepted` | 0 |
/// | `malformed` | 10 |
/// | `not-genuine` | 20 |
/// | `refused` | 30 |
/// | `endorsement-missing` | 40 |
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Verdict {
    /// `accepted`, `malformed`, `not-genuine`, `refused`, `endorsement-missing`
    pub verdict: &'static str,
    /// exit code
    pub exit: u8,
    /// kind of evidence; empty where it could not be told
    pub kind: String,
    /// why not
    pub reasons: Vec<Reason>,
    /// what the evidence says; null where it is not genuine
    pub claims: Value,
    /// outcome of each check of AT-03 by its name
    pub checks: Checks,
    /// the end of what the evidence rests on
    #[serde(skip)]
    not_after: Option<UnixTime>,
    /// labels of the companions that the policy asked something of
    #[serde(skip)]
    weighed: BTreeSet<String>,
}

impl Verdict {
    pub(crate) fn accepted(claims: &Claims, checks: Checks, weighed: BTreeSet<String>) -> Self {
        Self { weighed, ..Self::genuine(0, claims, Vec::new(), checks) }
    }

    pub(crate) fn refused(denial: Denial, claims: &Claims, checks: Checks) -> Self {
        let exit = if denial.lacks_only_endorsements() { 40 } else { 30 };
        Self::genuine(exit, claims, denial.reasons, checks)
    }

    pub(crate) fn failed(error: &Error, kind: Option<Kind>, checks: Checks) -> Self {
        Self {
            verdict: name(error.exit()),
            exit: error.exit(),
            kind: kind.map_or("", Kind::name).to_owned(),
            reasons: vec![Reason::from(error)],
            claims: Value::Null,
            checks,
            not_after: None,
            weighed: BTreeSet::new(),
        }
    }

    /// Holds an event log that did not come with the evidence to the registers that it attests: what the log says was
    /// extended is known only where its replay ends in those. A log that does not fails the verdict.
    #[must_use]
    pub fn with_event_log(mut self, claims: &Claims, log: &[u8]) -> Self {
        match Log::parse(log).and_then(|log| log.confirm(claims)) {
            Ok(registers) => {
                if let Outcome::Passed(what) = &mut self.checks.signature {
                    *what = format!("{what}; the event log leads to {}", registers.join(", "));
                }
                self
            }
            Err(error) => {
                self.checks.fail(&error);
                Self::failed(&error, Some(claims.kind), self.checks)
            }
        }
    }

    /// Whether the policy that accepted asked anything of a companion. What it did not ask about carries no weight.
    #[must_use]
    pub fn weighed(&self, label: &str) -> bool {
        self.weighed.contains(label)
    }

    fn genuine(exit: u8, claims: &Claims, reasons: Vec<Reason>, checks: Checks) -> Self {
        Self {
            verdict: name(exit),
            exit,
            kind: claims.kind.name().to_owned(),
            reasons,
            claims: claims.to_json(),
            checks,
            not_after: Some(claims.not_after),
            weighed: BTreeSet::new(),
        }
    }
}

fn name(exit: u8) -> &'static str {
    match exit {
        0 => "accepted",
        10 => "malformed",
        30 => "refused",
        40 => "endorsement-missing",
        _ => "not-genuine",
    }
}
