//! Little-endian structures, read front to back.

use crate::Error;

/// The rest of a structure. Every length is checked against what there is, before anything is made of it (AT-08).
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Error> {
        let (field, rest) = self.0.split_first_chunk().ok_or(Error::Malformed("cut short"))?;
        self.0 = rest;
        Ok(field)
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (field, rest) = self.0.split_at_checked(length).ok_or(Error::Malformed("cut short"))?;
        self.0 = rest;
        Ok(field)
    }

    /// As many bytes as the four before them say.
    pub(super) fn long(&mut self) -> Result<&'a [u8], Error> {
        let length = self.u32()?;
        self.take(usize::try_from(length).map_err(|_| Error::Malformed("cut short"))?)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(|field| u16::from_le_bytes(*field))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(|field| u32::from_le_bytes(*field))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(|field| u64::from_le_bytes(*field))
    }

    /// Reserved bytes. They are signed, so one that is set is a statement of later hardware that is not understood.
    pub(super) fn zero<const N: usize>(&mut self) -> Result<(), Error> {
        if *self.array::<N>()? == [0; N] {
            Ok(())
        } else {
            Err(Error::Malformed("reserved bytes are not zero"))
        }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// AT-08: nothing may be left.
    pub(super) fn finish(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Malformed("bytes after the end")) }
    }
}
