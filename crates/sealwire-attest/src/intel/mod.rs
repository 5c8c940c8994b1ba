//! Intel TDX and SGX: quotes, the PCK chain, and what Intel publishes of firmware levels and quoting enclaves.

mod verify;

pub(crate) use verify::IntelVerifier;

use crate::{
    Error, Kind,
    check::{Check, Offered},
};

/// The kind that bytes look like, if it is one of these.
pub(crate) fn looks_like(_bytes: &[u8]) -> Option<Kind> {
    None
}

/// A quote without the all-zero tail that firmware buffers leave behind it: the one exception to AT-08's rule, taken
/// before anything is parsed.
pub(crate) fn without_padding(_bytes: &[u8]) -> &[u8] {
    todo!()
}

/// Format and lengths of a quote without padding (AT-08).
pub(crate) fn check_format(_kind: Kind, _bytes: &[u8]) -> Result<(), Error> {
    todo!()
}

/// What TDX offers for each check.
pub(crate) fn offered_tdx(_check: Check) -> Offered {
    todo!()
}

/// What SGX offers for each check.
pub(crate) fn offered_sgx(_check: Check) -> Offered {
    todo!()
}
