//! From evidence to claims.

use crate::{
    Checks, Claims, Endorsements, Error, Evidence, Kind, Outcome, Trust, UnixTime,
    azure::AzureVerifier,
    binding::Bound,
    cache::CacheCounts,
    claims::{Attachment, Companion},
    composite::Presented,
    intel::IntelVerifier,
    nitro::NitroVerifier,
    nvidia::NvidiaVerifier,
    snp::SnpVerifier,
    tpm::TpmVerifier,
};
use sealwire_crypto::digest::constant_time_eq;
use std::ops::Add as _;

/// Something that the vendor's signature chain vouches for.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    value: T,
    checks: Checks,
}

impl<T> Verified<T> {
    /// Within the crate only: outside, one comes from [`Verifier::verify`] alone.
    pub(crate) fn new(value: T, checks: Checks) -> Self {
        Self { value, checks }
    }

    /// What was verified.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// How each check came out.
    #[must_use]
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    pub(crate) fn into_parts(self) -> (T, Checks) {
        (self.value, self.checks)
    }
}

/// What the evidence must be bound to.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'a> {
    /// the field that the evidence carries for its requester must be exactly these bytes (AT-80)
    ReportData(&'a [u8]),
    /// it must carry this binding as AT-04 says for its kind: all of it, or the first 32 bytes, and nothing beside it
    Binding(&'a [u8; 64]),
    /// no binding is asked for (the command without `--report-data`); the verdict says so
    Unbound,
}

impl Expected<'_> {
    /// Compares with the `field` of evidence of `kind`, in constant time.
    pub(crate) fn check(&self, field: &[u8], kind: Kind) -> Result<Outcome, Error> {
        let expected = match self {
            Self::Unbound => return Ok(Outcome::NotAvailable("no report data was asked for".to_owned())),
            Self::ReportData(bytes) => *bytes,
            Self::Binding(binding) => binding.get(..kind.binding_len()).ok_or(Error::Binding)?,
        };
        if constant_time_eq(expected, field) {
            Ok(Outcome::Passed(format!("all {} bytes of report data", field.len())))
        } else {
            Err(Error::Binding)
        }
    }
}

/// One verification: of what, by what, against what, and as of when.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) endorsements: &'a Endorsements,
    pub(crate) expected: Expected<'a>,
    pub(crate) at: UnixTime,
}

#[cfg(test)]
impl<'a> Request<'a> {
    /// Without a binding, which most tests are not about.
    pub(crate) fn unbound(evidence: &'a Evidence, endorsements: &'a Endorsements, at: UnixTime) -> Self {
        Self { evidence, endorsements, expected: Expected::Unbound, at }
    }
}

/// Verifies evidence. Holds the pinned roots and the caches of chain and signature results (AT-26); share one.
pub struct Verifier {
    pub(crate) intel: IntelVerifier,
    pub(crate) snp: SnpVerifier,
    pub(crate) nitro: NitroVerifier,
    pub(crate) tpm: TpmVerifier,
    pub(crate) azure: AzureVerifier,
    pub(crate) nvidia: NvidiaVerifier,
}

impl Verifier {
    /// With the vendors' roots, and what a policy pins besides ([`crate::Policy::trust`]).
    #[must_use]
    pub fn new(trust: impl Into<Trust>) -> Self {
        let trust = trust.into();
        Self {
            intel: IntelVerifier::new(),
            snp: SnpVerifier::new(&trust.development),
            nitro: NitroVerifier::new(),
            tpm: TpmVerifier::new(&trust),
            azure: AzureVerifier::new(),
            nvidia: NvidiaVerifier::new(),
        }
    }

    /// Runs every check of AT-03 up to the policy.
    ///
    /// An endorsement that is supplied has to be good; whether one has to be supplied is for a policy to say (AT-06),
    /// and the outcome tells it.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify(
        &self,
        evidence: &Evidence,
        endorsements: &Endorsements,
        expected: Expected<'_>,
        at: UnixTime,
    ) -> Result<Verified<Claims>, Error> {
        let request = Request { evidence, endorsements, expected, at };
        self.verify_noting(&request, &mut Checks::not_reached())
    }

    /// Verifies composite evidence: each companion for itself, then the lead, whose binding covers their exact bytes
    /// (AT-04). The claims of the lead carry those of the companions.
    ///
    /// # Errors
    /// The first check that failed, of the first piece.
    pub fn verify_presented(
        &self,
        presented: &Presented,
        endorsements: &Endorsements,
        bound: &Bound,
        at: UnixTime,
    ) -> Result<Verified<Claims>, Error> {
        self.verify_presented_noting(presented, endorsements, bound, at, &mut Checks::not_reached())
    }

    /// The same, and how each check of the lead came out, also where one failed.
    pub fn verify_presented_noting(
        &self,
        presented: &Presented,
        endorsements: &Endorsements,
        bound: &Bound,
        at: UnixTime,
        checks: &mut Checks,
    ) -> Result<Verified<Claims>, Error> {
        let Presented { lead, companions } = presented;
        let mut verified_companions = Vec::with_capacity(companions.len());
        for (label, evidence) in companions {
            let binding = bound.digest(evidence.kind, &[]);
            let verified = self
                .verify(evidence, endorsements, Expected::Binding(&binding), at)
                .map_err(|error| Error::Companion { label: label.clone(), error: Box::new(error) })
                .inspect_err(|error| checks.fail(error))?;
            let (claims, checks) = verified.into_parts();
            let companion = Companion { claims, checks, attachment: Attachment::GuestAsserted };
            verified_companions.push((label.clone(), companion));
        }
        let binding = bound.digest(lead.kind, &presented.companion_bytes());
        let expected = Expected::Binding(&binding);
        let request = Request { evidence: lead, endorsements, expected, at };
        let Verified { mut value, checks } = self.verify_noting(&request, checks)?;
        for (label, companion) in verified_companions {
            value.not_after = value.not_after.min(companion.claims.not_after);
            value.companions.insert(label, companion);
        }
        Ok(Verified { value, checks })
    }

    /// As [`Self::verify`], and how each check came out, also where one failed.
    pub(crate) fn verify_noting(
        &self,
        request: &Request<'_>,
        checks: &mut Checks,
    ) -> Result<Verified<Claims>, Error> {
        let verified = match request.evidence.kind {
            Kind::Tdx | Kind::Sgx => self.intel.verify(request, checks),
            Kind::Snp | Kind::Development => self.snp.verify(request, checks),
            Kind::Nitro => self.nitro.verify(request, checks),
            Kind::Tpm => self.tpm.verify(request, checks),
            Kind::AzureSnp | Kind::AzureTdx => self.azure.verify(&self.snp, &self.intel, request, checks),
            Kind::Nvidia => self.nvidia.verify(request, checks),
        };
        verified.inspect_err(|error| checks.fail(error))
    }

    /// How often a chain was known already, over all kinds.
    #[must_use]
    pub fn chain_cache(&self) -> CacheCounts {
        self.counts(|[chains, _]| chains)
    }

    /// How often the very same evidence had been verified already, over all kinds.
    #[must_use]
    pub fn signature_cache(&self) -> CacheCounts {
        self.counts(|[_, signatures]| signatures)
    }

    fn counts(&self, which: impl Fn([CacheCounts; 2]) -> CacheCounts) -> CacheCounts {
        [
            self.intel.counts(),
            self.snp.counts(),
            self.nitro.counts(),
            self.tpm.counts(),
            self.azure.counts(),
            self.nvidia.counts(),
        ]
        .into_iter()
        .map(which)
        .fold(CacheCounts::default(), CacheCounts::add)
    }
}
