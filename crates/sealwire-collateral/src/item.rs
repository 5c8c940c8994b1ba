use crate::Error;
use sealwire_attest::{
    Endorsements, UnixTime,
    needs::{Answer, Checked, Need},
};
use std::time::Duration;

/// How far the clock of whoever signs may be ahead of ours.
pub(crate) const SKEW: Duration = Duration::from_secs(5 * 60);

/// What the answer said that a later request can be conditional on (RFC 9110 section 13).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

/// What a vendor handed out for a need, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub(crate) need: Need,
    pub(crate) answer: Answer,
    pub(crate) checked: Checked,
    pub(crate) fetched_at: UnixTime,
    pub(crate) validators: Validators,
}

impl Item {
    /// Holds an answer to its need and to the vendor's root.
    pub(crate) fn new(
        need: &Need,
        answer: Answer,
        validators: Validators,
        fetched_at: UnixTime,
    ) -> Result<Self, Error> {
        let checked = need.check(&answer)?;
        Ok(Self { need: need.clone(), answer, checked, fetched_at, validators })
    }

    /// Whether it may stand in for `held`, which is good: in force, and no older.
    pub(crate) fn may_replace(&self, held: Option<&Self>, now: UnixTime) -> Result<(), Error> {
        if self.until() < now {
            return Err(Error::Expired(self.until()));
        }
        if self.from() > now.saturating_add(SKEW) {
            return Err(Error::NotYetValid(self.from()));
        }
        match held {
            Some(held) if self.from() < held.from() => {
                Err(Error::Older { held: held.from(), found: self.from() })
            }
            _ => Ok(()),
        }
    }

    /// What it is.
    #[must_use]
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// What a verifier takes of it.
    #[must_use]
    pub fn endorsements(&self) -> &Endorsements {
        &self.checked.endorsements
    }

    /// When it was made, or begins to be valid.
    #[must_use]
    pub fn from(&self) -> UnixTime {
        self.checked.from
    }

    /// Its last second.
    #[must_use]
    pub fn until(&self) -> UnixTime {
        self.checked.until
    }

    /// When it was asked for last.
    #[must_use]
    pub fn fetched_at(&self) -> UnixTime {
        self.fetched_at
    }
}
