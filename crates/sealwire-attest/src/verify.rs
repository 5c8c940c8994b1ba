//! From evidence to claims.

use crate::{Claims, Endorsements, Error, Evidence, UnixTime};

/// Something that the vendor's signature chain vouches for.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    value: T,
}

impl<T> Verified<T> {
    /// What was verified.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
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
pub struct Verifier {}

impl Verifier {
    /// With the vendors' roots, and the development roots that a policy names by SHA-256 fingerprint.
    #[must_use]
    pub fn new(_development_roots: &[[u8; 32]]) -> Self {
        todo!()
    }
    /// Runs every check of AT-03 up to the policy.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify(
        &self,
        _evidence: &Evidence,
        _endorsements: &Endorsements,
        _expected: Expected<'_>,
        _at: UnixTime,
    ) -> Result<Verified<Claims>, Error> {
        todo!()
    }
}
