//! Appraisal policies (AT-21) and what they accept.
//!
//! `schema` has what each kind takes, `alternative` reads a rule by it, `failures` judges by it, and `exactly` writes by it.

mod alternative;
mod appraise;
#[cfg_attr(not(feature = "sigstore"), path = "build_absent.rs")]
mod build;
mod error;
mod exactly;
mod extensions;
mod failures;
mod parse;
mod reference;
#[cfg_attr(not(feature = "rego"), path = "rego_absent.rs")]
mod rego;
mod rule;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod values;

pub use error::PolicyError;
pub use extensions::Loader;
#[doc(hidden)]
pub use reference::parses as parses_reference_values;
pub use rules::OperatorRule;
pub(crate) use schema::required_registers;

use crate::{
    Claims, Kind, Trust, UnixTime, Verdict, Verified,
    revocation::{self, VerifiedList},
    verdict::Denial,
};
use extensions::Extensions;
use rule::Rule;
use rules::Ages;
use std::{sync::Arc, time::Duration};

/// A policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    ages: Ages,
    fresh_evidence: bool,
    operator: OperatorRule,
    /// ways to be accepted
    alternatives: Vec<Rule>,
    extensions: Extensions,
    /// whether it stands in no file, so that a rule of it has no place to point to
    is_default: bool,
}

impl Policy {
    /// Parses TOML. Unknown keys are errors that name the line.
    ///
    /// # Errors
    /// With line, key and a hint.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        Self::load(text, &|_| Err("this policy was loaded without a folder".to_owned()))
    }

    /// Parses TOML that may name other files (AT-22, AT-24): `load` reads each by the name that stands in the policy.
    ///
    /// Everything is read, parsed and verified now, once.
    ///
    /// # Errors
    /// With line, key and a hint; for another file, with its name and what is wrong there.
    pub fn load(text: &str, load: &Loader<'_>) -> Result<Self, PolicyError> {
        parse::parse(text, load)
    }

    /// What holds where no policy is given (AT-80, QI-02): firmware that its vendor calls up to date, no debugging,
    /// Intel's endorsements, other vendors' CRLs if available, and any measurement and operator. It accepts neither
    /// development evidence nor a TPM, whose roots a policy has to name.
    #[must_use]
    pub fn without_policy() -> Self {
        Self {
            ages: Ages::default(),
            fresh_evidence: false,
            operator: OperatorRule { any: true, ..OperatorRule::default() },
            alternatives: Kind::ALL
                .into_iter()
                .filter(|kind| !matches!(kind, Kind::Development | Kind::Tpm))
                .map(Rule::without_policy)
                .collect(),
            extensions: Extensions::default(),
            is_default: true,
        }
    }

    /// A commented policy file that accepts exactly what was verified: its registers, at least its firmware level, its
    /// root if that is a development root. It loads with [`Policy::from_toml`].
    ///
    /// Without a configuration digest and an operator's key it has to say `any-operator = true`, with a warning.
    #[must_use]
    pub fn exactly(
        verified: &Verified<Claims>,
        config_digest: Option<&[u8; 48]>,
        operator_key: Option<&[u8; 32]>,
    ) -> String {
        exactly::exactly(verified, config_digest, operator_key)
    }

    /// Fingerprints of the development roots that the policy names.
    #[must_use]
    pub fn development_roots(&self) -> Vec<[u8; 32]> {
        self.roots(Kind::Development)
    }

    /// What a verifier has to be told of it: the roots and keys that the policy pins besides the vendors' roots.
    #[must_use]
    pub fn trust(&self) -> Trust {
        Trust {
            development: self.development_roots(),
            enrolment: self.roots(Kind::Tpm),
            tpm_keys: self.rules(Kind::Tpm).flat_map(|rule| rule.tpm_keys.iter().cloned()).collect(),
        }
    }

    fn roots(&self, kind: Kind) -> Vec<[u8; 32]> {
        self.rules(kind).flat_map(|rule| rule.roots.iter().copied()).collect()
    }

    /// Rules for a kind, those of companions among them.
    fn rules(&self, kind: Kind) -> impl Iterator<Item = &Rule> {
        let all = self.alternatives.iter().flat_map(|rule| {
            std::iter::once(rule).chain(rule.companions.iter().map(|companion| &companion.rule))
        });
        all.filter(move |rule| rule.kind() == kind)
    }

    /// Whether it accepts development evidence, and so nothing else (AT-07).
    #[must_use]
    pub fn is_development(&self) -> bool {
        self.alternatives.iter().any(|alternative| alternative.kind() == Kind::Development)
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

    /// Whether the hardware has to attest each handshake too, besides the key document (SE-08).
    #[must_use]
    pub fn fresh_evidence(&self) -> bool {
        self.fresh_evidence
    }

    /// Whose configuration is accepted (AT-44).
    #[must_use]
    pub fn operator_rule(&self) -> &OperatorRule {
        &self.operator
    }

    /// The Ed25519 keys that may sign revocation lists (AT-25). Where there is one, a list is required: without one that
    /// is good, nobody is accepted.
    #[must_use]
    pub fn revocation_keys(&self) -> &[[u8; 32]] {
        &self.extensions.revocation.keys
    }

    /// Pins keys that may sign revocation lists, besides those of the file.
    pub fn pin_revocation_keys(&mut self, keys: &[[u8; 32]]) {
        let pinned = &mut self.extensions.revocation.keys;
        for key in keys {
            if !pinned.contains(key) {
                pinned.push(*key);
            }
        }
    }

    /// The same policy with the revocation list of `bytes` in force, besides those of other signers. The serials of one
    /// signer only go up; its list in force may be given again. Whether lists are good at some time is asked in each
    /// appraisal.
    ///
    /// # Errors
    /// Why the list is not taken.
    pub fn with_revocation_list(&self, bytes: &[u8]) -> Result<Self, revocation::Error> {
        let mut policy = self.clone();
        policy.extensions.revocation = self.extensions.revocation.updated(bytes)?;
        Ok(policy)
    }

    /// The revocation lists in force: the newest of each signer.
    pub fn revocation_lists(&self) -> impl Iterator<Item = &VerifiedList> {
        self.extensions.revocation.lists.values().map(|list| &**list)
    }

    /// Whether a revocation list that is required is there, and all in force are good at `at`. Each appraisal asks this and more; this is for
    /// who keeps what was accepted.
    #[must_use]
    pub fn is_revocation_list_good(&self, at: UnixTime) -> bool {
        self.extensions.revocation.standing(at).is_none()
    }

    pub(crate) fn revocation(&self) -> &revocation::Rule {
        &self.extensions.revocation
    }

    /// Decides.
    ///
    /// # Errors
    /// Every rule that failed, with expected and found values.
    pub fn appraise(&self, claims: Verified<Claims>, at: UnixTime) -> Result<Appraised<Claims>, Denial> {
        appraise::appraise(self, claims, at)
    }
}

/// Something that a policy accepted.
#[derive(Debug, Clone)]
pub struct Appraised<T> {
    value: T,
    claims: Arc<Claims>,
    verdict: Arc<Verdict>,
    alternative: usize,
}

impl<T> Appraised<T> {
    /// What was accepted.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The claims that it rests on.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Why: the outcome of each check.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The rule of the policy that accepted, as reasons name it: `accept[0]`.
    #[must_use]
    pub fn rule(&self) -> String {
        format!("accept[{}]", self.alternative)
    }

    /// Carries an acceptance over to what it vouches for. Within the crate only: outside, the value of an
    /// [`Appraised`] always comes from a check.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Appraised<U> {
        let Self { value, claims, verdict, alternative } = self;
        Appraised { value: f(value), claims, verdict, alternative }
    }
}
