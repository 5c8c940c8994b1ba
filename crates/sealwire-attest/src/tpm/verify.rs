//! The checks of AT-03 for this kind, in their order.

use crate::{
    Checks, Claims, Endorsements, Error, Evidence, Trust, UnixTime,
    cache::CacheCounts,
    verify::{Expected, Verified},
};

/// Verifies evidence of this kind. Chains and signatures that verified are kept (AT-26).
pub(crate) struct TpmVerifier {}

impl TpmVerifier {
    pub(crate) fn new(_trust: &Trust) -> Self {
        Self {}
    }

    /// Of chains, and of signatures.
    pub(crate) fn counts(&self) -> [CacheCounts; 2] {
        [CacheCounts::default(); 2]
    }

    pub(crate) fn verify(
        &self,
        _evidence: &Evidence,
        _endorsements: &Endorsements,
        _expected: Expected<'_>,
        _at: UnixTime,
        _checks: &mut Checks,
    ) -> Result<Verified<Claims>, Error> {
        todo!()
    }
}
