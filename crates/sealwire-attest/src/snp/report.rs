//! The attestation report (AMD 56860, ATTESTATION_REPORT), versions 2 to 5.

/// Length of a report in bytes.
pub const LEN: usize = 1184;
