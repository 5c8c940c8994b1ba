//! TPM structures: big-endian, nothing padded (TPM 2.0 part 1, section 16.1 "canonical form").

use crate::{
    Error,
    binary::{Format, Reader},
};

const STRUCTURE: Format =
    Format { cut_short: "a TPM structure that is cut short", trailing: "bytes after a TPM structure" };

/// The fields of a structure.
pub(super) fn fields(bytes: &[u8]) -> Reader<'_> {
    Reader::new(bytes, &STRUCTURE)
}

/// A sized buffer (`TPM2B_…`) of at most `max` bytes.
pub(super) fn sized<'a>(fields: &mut Reader<'a>, max: usize) -> Result<&'a [u8], Error> {
    let len = usize::from(fields.u16_be()?);
    if len > max {
        return Err(Error::Malformed("a TPM buffer that is longer than its type"));
    }
    fields.take(len)
}
