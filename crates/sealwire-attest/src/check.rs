//! The checks of AT-03: the same for every kind, in this order, none of them skipped in silence.

use crate::{Error, Kind, UnixTime, azure, intel, nitro, nvidia, snp, tpm};
use serde::Serialize;
use std::fmt::Write as _;

/// One of the checks that every kind goes through, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// format and lengths
    Format,
    /// certificate chain to a pinned root
    Chain,
    /// validity in time of every certificate
    Validity,
    /// revocation: signature, issuer and freshness of the CRL, and what it lists
    Revocation,
    /// the signature over the evidence itself
    Signature,
    /// firmware level against signed reference data
    Tcb,
    /// debug, migration and other dangerous attributes
    Attributes,
    /// what the evidence is bound to
    Binding,
    /// when the evidence was made
    Freshness,
}

impl Check {
    /// Every check, in order.
    pub const ALL: [Self; 9] = [
        Self::Format,
        Self::Chain,
        Self::Validity,
        Self::Revocation,
        Self::Signature,
        Self::Tcb,
        Self::Attributes,
        Self::Binding,
        Self::Freshness,
    ];

    /// The stable name in verdicts: `format`, `chain`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Chain => "chain",
            Self::Validity => "validity",
            Self::Revocation => "revocation",
            Self::Signature => "signature",
            Self::Tcb => "tcb",
            Self::Attributes => "attributes",
            Self::Binding => "binding",
            Self::Freshness => "freshness",
        }
    }
}

/// How a check came out. What a vendor does not offer, or nobody supplied, is never "passed" (AT-03).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "detail", rename_all = "kebab-case")]
pub enum Outcome {
    /// It ran and found nothing wrong; what it looked at.
    Passed(String),
    /// The vendor offers nothing to check; what stands in its place.
    NotAvailable(String),
    /// An endorsement that it needs was not supplied; which. A policy decides whether that is enough (AT-06).
    NotSupplied(String),
    /// It ran and the evidence failed.
    Failed(String),
    /// Another check failed before this one came to its end.
    NotReached,
}

impl Outcome {
    /// Every certificate of a chain is valid at `at`, and the first to end does at `not_after`.
    pub(crate) fn valid(at: UnixTime, not_after: UnixTime) -> Self {
        Self::Passed(format!("every certificate at {at}, the first to end does at {not_after}"))
    }
}

/// An outcome for every check: a struct, so that a verifier that forgets one does not compile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// [`Check::Format`]
    pub format: Outcome,
    /// [`Check::Chain`]
    pub chain: Outcome,
    /// [`Check::Validity`]
    pub validity: Outcome,
    /// [`Check::Revocation`]
    pub revocation: Outcome,
    /// [`Check::Signature`]
    pub signature: Outcome,
    /// [`Check::Tcb`]
    pub tcb: Outcome,
    /// [`Check::Attributes`]
    pub attributes: Outcome,
    /// [`Check::Binding`]
    pub binding: Outcome,
    /// [`Check::Freshness`]
    pub freshness: Outcome,
}

impl Checks {
    /// The outcome of one check.
    #[must_use]
    pub fn get(&self, check: Check) -> &Outcome {
        match check {
            Check::Format => &self.format,
            Check::Chain => &self.chain,
            Check::Validity => &self.validity,
            Check::Revocation => &self.revocation,
            Check::Signature => &self.signature,
            Check::Tcb => &self.tcb,
            Check::Attributes => &self.attributes,
            Check::Binding => &self.binding,
            Check::Freshness => &self.freshness,
        }
    }

    /// Before the first check.
    #[must_use]
    pub fn not_reached() -> Self {
        const NONE: Outcome = Outcome::NotReached;
        Self {
            format: NONE,
            chain: NONE,
            validity: NONE,
            revocation: NONE,
            signature: NONE,
            tcb: NONE,
            attributes: NONE,
            binding: NONE,
            freshness: NONE,
        }
    }

    /// Notes the check that failed; those behind it stay not reached.
    pub(crate) fn fail(&mut self, error: &Error) {
        let outcome = match error.check() {
            Check::Format => &mut self.format,
            Check::Chain => &mut self.chain,
            Check::Validity => &mut self.validity,
            Check::Revocation => &mut self.revocation,
            Check::Signature => &mut self.signature,
            Check::Tcb => &mut self.tcb,
            Check::Attributes => &mut self.attributes,
            Check::Binding => &mut self.binding,
            Check::Freshness => &mut self.freshness,
        };
        *outcome = Outcome::Failed(error.to_string());
    }
}

/// What a kind does for a check, for the documentation.
pub(crate) enum Offered {
    /// the check runs; on what
    Checked(&'static str),
    /// the vendor has nothing to check; what stands in its place
    NotAvailable(&'static str),
}

fn offered(kind: Kind, check: Check) -> Offered {
    match kind {
        Kind::Tdx => intel::offered_tdx(check),
        Kind::Sgx => intel::offered_sgx(check),
        Kind::Snp => snp::offered(check),
        Kind::Nitro => nitro::offered(check),
        Kind::Tpm => tpm::offered(check),
        Kind::AzureSnp => azure::offered_snp(check),
        Kind::AzureTdx => azure::offered_tdx(check),
        Kind::Nvidia => nvidia::offered(check),
        Kind::Development => match check {
            Check::Chain => Offered::Checked(
                "as `snp`, but the chain ends in a self-signed root made on one machine, whose SHA-256 fingerprint \
                 the policy names",
            ),
            check => snp::offered(check),
        },
    }
}

/// The table of kind by check (AT-03) as Markdown, for `docs/attestation-checks.md`.
#[must_use]
pub fn table() -> String {
    let mut out = String::from(
        "# What is checked for which kind of evidence\n\n\
         Made from the code (`sealwire-attest`, `check::table`); a test compares. Every kind goes through the same\n\
         checks in this order, and a verdict states the outcome of each. What a vendor does not offer is stated as\n\
         not available, never as passed.\n\n| check |",
    );
    for kind in Kind::ALL {
        let _ = write!(out, " `{kind}` |");
    }
    out.push_str("\n|---|");
    for _ in Kind::ALL {
        out.push_str("---|");
    }
    out.push('\n');
    for check in Check::ALL {
        let _ = write!(out, "| {} |", check.name());
        for kind in Kind::ALL {
            let _ = match offered(kind, check) {
                Offered::Checked(what) => write!(out, " {what} |"),
                Offered::NotAvailable(why) => write!(out, " **not available**: {why} |"),
            };
        }
        out.push('\n');
    }
    out
}
