//! From evidence to claims.

use crate::{
    Checks, Claims, Endorsements, Error, Evidence, Kind, UnixTime, cache::CacheCounts, snp::SnpVerifier,
};

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
    /// report data must be these bytes
    ReportData(&'a [u8; 64]),
    /// no binding is asked for (the command without `--report-data`); the verdict says so
    Unbound,
}

/// Verifies evidence. Holds the pinned roots and the cache of chain and signature results (AT-26); share one.
pub struct Verifier {
    snp: SnpVerifier,
}

impl Verifier {
    /// With the vendors' roots, and the development roots that a policy names by SHA-256 fingerprint.
    #[must_use]
    pub fn new(development_roots: &[[u8; 32]]) -> Self {
        Self { snp: SnpVerifier::new(development_roots) }
    }

    /// Runs every check of AT-03 up to the policy.
    ///
    /// A CRL that is supplied has to be good; whether one has to be supplied is for a policy to say (AT-06), and the
    /// outcome tells it.
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
        self.verify_noting(evidence, endorsements, expected, at, &mut Checks::not_reached())
    }

    /// The same, and how each check came out, also where one failed.
    pub(crate) fn verify_noting(
        &self,
        evidence: &Evidence,
        endorsements: &Endorsements,
        expected: Expected<'_>,
        at: UnixTime,
        checks: &mut Checks,
    ) -> Result<Verified<Claims>, Error> {
        let verified = match evidence.kind {
            Kind::Snp | Kind::Development => self.snp.verify(evidence, endorsements, expected, at, checks),
        };
        verified.inspect_err(|error| checks.fail(error))
    }

    /// How often a chain was known already.
    #[must_use]
    pub fn chain_cache(&self) -> CacheCounts {
        self.snp.chain_counts()
    }

    /// How often the very same evidence had been verified already.
    #[must_use]
    pub fn signature_cache(&self) -> CacheCounts {
        self.snp.signature_counts()
    }
}
