//! Appraisal policies (AT-21) and what they accept.

mod rules;

pub use rules::OperatorRule;

use crate::{Claims, Error, UnixTime, Verified, verdict::Denial};
use rules::Ages;
use std::time::Duration;

/// A policy file.
#[derive(Debug, Clone)]
pub struct Policy {
    ages: Ages,
    operator: OperatorRule,
}

impl Policy {
    /// Parses TOML. Unknown keys are errors that name the line.
    ///
    /// # Errors
    /// With line, key and a hint.
    pub fn from_toml(_text: &str) -> Result<Self, Error> {
        todo!()
    }

    /// Fingerprints of the development roots that the policy names.
    #[must_use]
    pub fn development_roots(&self) -> Vec<[u8; 32]> {
        todo!()
    }

    /// The longest lifetime (issued-at to not-after) of a key document that is accepted (AT-41).
    #[must_use]
    pub fn max_lifetime(&self) -> Duration {
        self.ages.max_lifetime
    }

    /// The oldest issued-at of a key document that is accepted (AT-41).
    #[must_use]
    pub fn max_age(&self) -> Duration {
        self.ages.max_age
    }

    /// How far past [`Policy::max_age`] a document may be, for a client that cannot refresh it at once (AT-21).
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.ages.grace
    }

    /// Whose configuration is accepted (AT-44).
    #[must_use]
    pub fn operator_rule(&self) -> &OperatorRule {
        &self.operator
    }

    /// Decides.
    ///
    /// # Errors
    /// Every rule that failed, with expected and found values.
    pub fn appraise(&self, _claims: Verified<Claims>, _at: UnixTime) -> Result<Appraised<Claims>, Denial> {
        todo!()
    }
}

/// Something that a policy accepted.
#[derive(Debug, Clone)]
pub struct Appraised<T> {
    value: T,
}

impl<T> Appraised<T> {
    /// What was accepted.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Carries an acceptance over to what it vouches for. Within the crate only: outside, the value of an
    /// [`Appraised`] always comes from a check.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Appraised<U> {
        Appraised { value: f(self.value) }
    }
}
