//! The checks of AT-03 for these kinds: those of the hardware's report, then of the vTPM's quote.

use crate::{
    Checks, Claims, Endorsements, Error, Evidence, UnixTime,
    intel::IntelVerifier,
    snp::SnpVerifier,
    verify::{Expected, Verified},
};

/// Verifies evidence of these kinds. Chains and signatures of the hardware are kept by its own verifiers.
pub(crate) struct AzureVerifier {}

impl AzureVerifier {
    pub(crate) fn new() -> Self {
        Self {}
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn verify(
        &self,
        _snp: &SnpVerifier,
        _intel: &IntelVerifier,
        _evidence: &Evidence,
        _endorsements: &Endorsements,
        _expected: Expected<'_>,
        _at: UnixTime,
        _checks: &mut Checks,
    ) -> Result<Verified<Claims>, Error> {
        todo!()
    }
}
