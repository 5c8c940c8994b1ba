//! Binary structures, as hardware and firmware write them.

use crate::Error;

/// What is said of bytes that a structure of one format does not fit.
#[derive(Debug)]
pub(crate) struct Format {
    /// they end within a field
    pub(crate) cut_short: &'static str,
    /// they go on behind the last field
    pub(crate) trailing: &'static str,
}

/// The rest of a structure, read front to back. Every length is checked against what there is, before anything is made
/// of it (AT-08).
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    format: &'static Format,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], format: &'static Format) -> Self {
        Self { rest: bytes, format }
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Error> {
        let (field, rest) = self.rest.split_first_chunk().ok_or_else(|| self.cut_short())?;
        self.rest = rest;
        Ok(field)
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (field, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.cut_short())?;
        self.rest = rest;
        Ok(field)
    }

    /// As many bytes as the four before them say, little-endian.
    pub(crate) fn sized_u32_le(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u32_le()?;
        self.take(usize::try_from(len).map_err(|_| self.cut_short())?)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| *byte)
    }

    pub(crate) fn u16_le(&mut self) -> Result<u16, Error> {
        self.array().copied().map(u16::from_le_bytes)
    }

    pub(crate) fn u16_be(&mut self) -> Result<u16, Error> {
        self.array().copied().map(u16::from_be_bytes)
    }

    pub(crate) fn u32_le(&mut self) -> Result<u32, Error> {
        self.array().copied().map(u32::from_le_bytes)
    }

    pub(crate) fn u32_be(&mut self) -> Result<u32, Error> {
        self.array().copied().map(u32::from_be_bytes)
    }

    pub(crate) fn u64_le(&mut self) -> Result<u64, Error> {
        self.array().copied().map(u64::from_le_bytes)
    }

    pub(crate) fn u64_be(&mut self) -> Result<u64, Error> {
        self.array().copied().map(u64::from_be_bytes)
    }

    /// Reserved bytes. Where they are signed, one that is set is a statement of later hardware that is not understood;
    /// where they are not, it is nobody's.
    pub(crate) fn zero<const N: usize>(&mut self) -> Result<(), Error> {
        if *self.array::<N>()? == [0; N] {
            Ok(())
        } else {
            Err(Error::Malformed("reserved bytes are not zero"))
        }
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::Malformed(self.format.trailing)) }
    }

    pub(crate) fn cut_short(&self) -> Error {
        Error::Malformed(self.format.cut_short)
    }
}

/// `bytes` up to `end`, where nothing but zeros is behind it; all of them otherwise, which a parser then refuses.
pub(crate) fn without_padding(bytes: &[u8], end: Option<usize>) -> &[u8] {
    match end.and_then(|end| bytes.split_at_checked(end)) {
        Some((structure, tail)) if tail.iter().all(|byte| *byte == 0) => structure,
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { cut_short: "short", trailing: "long" };

    fn reader(bytes: &[u8]) -> Reader<'_> {
        Reader::new(bytes, &FORMAT)
    }

    #[test]
    fn numbers_have_their_order() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(reader(&bytes).u8(), Ok(1));
        assert_eq!((reader(&bytes).u16_le(), reader(&bytes).u16_be()), (Ok(0x0201), Ok(0x0102)));
        assert_eq!((reader(&bytes).u32_le(), reader(&bytes).u32_be()), (Ok(0x0403_0201), Ok(0x0102_0304)));
        assert_eq!(reader(&bytes).u64_le(), Ok(0x0807_0605_0403_0201));
        assert_eq!(reader(&bytes).u64_be(), Ok(0x0102_0304_0506_0708));
    }

    // AT-08: a field that is not all there is refused, and takes nothing.
    #[test]
    fn no_field_is_longer_than_what_there_is() {
        let short = Error::Malformed("short");
        let mut input = reader(&[1, 2, 3]);
        assert_eq!(input.array::<4>().err(), Some(short.clone()));
        assert_eq!(input.take(4).err(), Some(short.clone()));
        assert_eq!(input.take(usize::MAX).err(), Some(short.clone()));
        assert_eq!(input.u32_le().err(), Some(short.clone()));
        assert_eq!(input.rest(), [1, 2, 3]);
        assert_eq!(input.take(1), Ok(&[1][..]));
        assert_eq!(input.u16_be(), Ok(0x0203));
        assert_eq!(input.u8().err(), Some(short.clone()));
        assert_eq!(reader(&[2, 0, 0, 0, 7]).sized_u32_le().err(), Some(short.clone()));
        assert_eq!(reader(&[0xff; 8]).sized_u32_le().err(), Some(short));
        assert_eq!(reader(&[1, 0, 0, 0, 7, 8]).sized_u32_le(), Ok(&[7][..]));
    }

    #[test]
    fn nothing_is_passed_over() {
        assert_eq!(reader(&[]).finish(), Ok(()));
        assert_eq!(reader(&[0]).finish(), Err(Error::Malformed("long")));
        assert_eq!(reader(&[0, 0]).zero::<2>(), Ok(()));
        assert_eq!(reader(&[0, 1]).zero::<2>(), Err(Error::Malformed("reserved bytes are not zero")));
        assert_eq!(reader(&[0]).zero::<2>(), Err(Error::Malformed("short")));
    }

    #[test]
    fn only_zeros_are_padding() {
        assert_eq!(without_padding(&[1, 2, 0, 0], Some(2)), [1, 2]);
        assert_eq!(without_padding(&[1, 2, 0, 3], Some(2)), [1, 2, 0, 3]);
        assert_eq!(without_padding(&[1, 2], Some(3)), [1, 2]);
        assert_eq!(without_padding(&[1, 2], None), [1, 2]);
    }
}
