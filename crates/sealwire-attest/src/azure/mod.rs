//! Azure confidential VMs: a vTPM whose key the hardware's report vouches for through the HCL report.

mod verify;

pub(crate) use verify::AzureVerifier;

use crate::{
    Error, Kind,
    check::{Check, Offered},
};

/// The kind that bytes look like, if it is one of these: an HCL report, our own form, or the JSON of attestation agents.
pub(crate) fn looks_like(_bytes: &[u8]) -> Option<Kind> {
    None
}

/// From a file's bytes to the form in which evidence of this kind travels.
pub(crate) fn from_file(_kind: Kind, _bytes: &[u8]) -> Result<Vec<u8>, Error> {
    todo!()
}

/// What `azure-snp` offers for each check.
pub(crate) fn offered_snp(_check: Check) -> Offered {
    todo!()
}

/// What `azure-tdx` offers for each check.
pub(crate) fn offered_tdx(_check: Check) -> Offered {
    todo!()
}
