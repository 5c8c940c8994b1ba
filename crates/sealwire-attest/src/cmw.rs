//! Conceptual message wrappers (RFC 9999, AT-01), CBOR form.

use crate::{Error, Evidence};

/// Wraps one piece of evidence as a CMW record.
#[must_use]
pub fn encode(_evidence: &Evidence) -> Vec<u8> {
    todo!()
}

/// Unwraps a record. Unknown kinds and trailing bytes are errors.
///
/// # Errors
/// AT-01, AT-08
pub fn decode(_bytes: &[u8]) -> Result<Evidence, Error> {
    todo!()
}
