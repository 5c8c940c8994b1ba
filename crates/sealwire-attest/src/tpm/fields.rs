use crate::Error;

/// The rest of a TPM structure, read front to back: big-endian, nothing padded (TPM 2.0 part 1, section 16.1 "canonical form").
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (field, rest) = self.0.split_first_chunk().ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (field, rest) = self.0.split_at_checked(count).ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(field)
    }

    /// A sized buffer (`TPM2B_…`) of at most `max` bytes.
    pub(super) fn sized(&mut self, max: usize) -> Result<&'a [u8], Error> {
        let count = usize::from(self.u16()?);
        if count > max {
            return Err(Error::Malformed("a TPM buffer that is longer than its type"));
        }
        self.take(count)
    }

    /// The end: nothing may follow.
    pub(super) fn finish(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Malformed("bytes after a TPM structure")) }
    }
}

const CUT_SHORT: Error = Error::Malformed("a TPM structure that is cut short");
