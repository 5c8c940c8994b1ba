//! TPM 2.0: quotes, register values, event logs, and the certificates of attestation keys.

mod verify;

pub(crate) use verify::TpmVerifier;

use crate::{
    Error,
    check::{Check, Offered},
};

/// Whether bytes look like this kind.
pub(crate) fn looks_like(_bytes: &[u8]) -> bool {
    todo!()
}

/// Format and lengths (AT-08).
pub(crate) fn check_format(_bytes: &[u8]) -> Result<(), Error> {
    todo!()
}

/// What this kind offers for each check.
pub(crate) fn offered(_check: Check) -> Offered {
    todo!()
}
