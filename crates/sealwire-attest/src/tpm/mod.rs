//! TPM 2.0: quotes, register values, and the certificates of attestation keys.

mod fields;
mod public;
mod quote;
mod verify;

pub use public::{EccCurve, HashAlg, ObjectAttributes, Public, PublicKey, Scheme, name_of};
pub use quote::{MAX_ATTEST, MAX_PUBLIC, MAX_SIGNATURE, PCRS, Quote, pcr_name};

pub(crate) use quote::looks_like;
pub(crate) use verify::TpmVerifier;

use crate::{
    Error,
    check::{Check, Offered},
};

/// Format and lengths (AT-08).
pub(crate) fn check_format(bytes: &[u8]) -> Result<(), Error> {
    Quote::parse(bytes).map(drop)
}

/// What this kind offers for each check.
pub(crate) fn offered(_check: Check) -> Offered {
    todo!()
}
