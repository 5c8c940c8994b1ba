//! What this side has a say in of sessions.

use crate::Error;
use sealwire_attest::Policy;
use sealwire_http::{
    crypto::aead::Aead,
    session::{Group, Scheme, Suite, client::Config, message::EvidenceMode},
};
use std::{collections::HashSet, hash::Hash};

/// What this side offers for sessions, by preference (SE-04, SE-09). Nothing else is accepted: what is weaker than the
/// default comes about only where the gateway names it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// key agreements
    pub groups: Vec<Group>,
    /// AEADs; the hash follows
    pub aeads: Vec<Aead>,
    /// signatures of the gateway's
    pub schemes: Vec<Scheme>,
    /// what of the gateway's hardware is shown in each handshake (SE-08)
    pub evidence: EvidenceMode,
    /// whether a ticket will do without a new key agreement (SE-40)
    pub without_agreement: bool,
}

impl Default for Offer {
    fn default() -> Self {
        let Config { groups, suites, schemes, evidence, without_agreement, .. } = Config::default();
        let aeads = suites.into_iter().map(|suite| suite.aead).collect();
        Self { groups, aeads, schemes, evidence, without_agreement }
    }
}

impl Offer {
    /// For a handshake of a client that can attest itself, or not.
    pub(crate) fn config(&self, attests: bool) -> Config {
        Config {
            groups: self.groups.clone(),
            suites: self.aeads.iter().map(|aead| Suite { aead: *aead }).collect(),
            schemes: self.schemes.clone(),
            evidence: self.evidence,
            attests,
            without_agreement: self.without_agreement,
        }
    }

    /// With what a policy demands beyond it.
    pub(crate) fn under(mut self, policy: &Policy) -> Self {
        if policy.fresh_evidence() {
            self.evidence = EvidenceMode::Handshake;
        }
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let each_once = is_choice(&self.groups) && is_choice(&self.aeads) && is_choice(&self.schemes);
        let what = "of key agreements, AEADs and signatures at least one is offered, and each once";
        if each_once { Ok(()) } else { Err(Error::Settings(what)) }
    }
}

fn is_choice<T: Eq + Hash>(values: &[T]) -> bool {
    !values.is_empty() && values.iter().collect::<HashSet<_>>().len() == values.len()
}
