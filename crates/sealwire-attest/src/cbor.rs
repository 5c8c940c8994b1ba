//! Deterministic CBOR (RFC 8949 section 4.2.1): what is written is the shortest form, and nothing else is read.
//!
//! Hashes and signatures run over exact bytes, so two encodings of one value would be two documents. The reader
//! therefore refuses longer heads, indefinite lengths, unsorted keys and trailing bytes. Every length is checked
//! against a bound before it is used (AT-08).

use minicbor::{Decoder, Encoder};
use std::convert::Infallible;

/// Why bytes are not the CBOR that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// cut short, or an item of another type
    #[error("cut short, or an item of another type")]
    Malformed,
    /// a longer form than needed, or an indefinite length
    #[error("not in the deterministic form")]
    NotDeterministic,
    /// longer or more than the bound
    #[error("longer, or more, than allowed")]
    Bounds,
    /// a required key is not there
    #[error("a field is missing")]
    MissingField,
    /// a key that is not known here, twice, or out of order
    #[error("a field that is not known, twice or out of order")]
    UnknownField,
    /// bytes after the item
    #[error("bytes after the end")]
    Trailing,
}

/// First key of a map that may be skipped by who does not know it. Values there are byte strings.
pub const FIRST_EXTENSION: u64 = 128;

/// What writing to memory returns: it cannot fail.
pub type Written = Result<(), minicbor::encode::Error<Infallible>>;

/// Encodes by `write`.
pub fn encode(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Written) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let written = write(&mut encoder);
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
    encoder.into_writer()
}

/// The length of something as CBOR counts.
pub fn len<T>(items: &[T]) -> u64 {
    items.len() as u64
}

/// Reads deterministic CBOR.
pub struct Reader<'b> {
    decoder: Decoder<'b>,
}

impl<'b> Reader<'b> {
    /// A reader of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { decoder: Decoder::new(bytes) }
    }

    /// An unsigned integer.
    pub fn uint(&mut self) -> Result<u64, Error> {
        let start = self.decoder.position();
        let value = self.decoder.u64().map_err(|_| Error::Malformed)?;
        self.shortest(start, value, 0)?;
        Ok(value)
    }

    /// A byte string of at most `max` bytes.
    pub fn bytes(&mut self, max: usize) -> Result<&'b [u8], Error> {
        let start = self.decoder.position();
        let bytes = self.decoder.bytes().map_err(|_| self.why(start))?;
        self.shortest(start, len(bytes), bytes.len())?;
        if bytes.len() > max { Err(Error::Bounds) } else { Ok(bytes) }
    }

    /// A byte string of exactly `N` bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.bytes(N)?.try_into().map_err(|_| Error::Bounds)
    }

    /// A text string of at most `max` bytes.
    pub fn text(&mut self, max: usize) -> Result<&'b str, Error> {
        let start = self.decoder.position();
        let text = self.decoder.str().map_err(|_| self.why(start))?;
        self.shortest(start, len(text.as_bytes()), text.len())?;
        if text.len() > max { Err(Error::Bounds) } else { Ok(text) }
    }

    /// The head of an array of at most `max` items.
    pub fn array(&mut self, max: u64) -> Result<u64, Error> {
        let start = self.decoder.position();
        let count = self.decoder.array().map_err(|_| Error::Malformed)?;
        self.count(start, count, max)
    }

    /// The head of a map of at most `max` pairs.
    pub fn map(&mut self, max: u64) -> Result<u64, Error> {
        let start = self.decoder.position();
        let count = self.decoder.map().map_err(|_| Error::Malformed)?;
        self.count(start, count, max)
    }

    /// The head of a map with unsigned integers as keys.
    pub fn fields(&mut self) -> Result<Fields, Error> {
        // The number of pairs needs no bound: each is read from bytes that are there, or ends the reading.
        Ok(Fields { left: self.map(u64::MAX)?, next: None })
    }

    /// The end: nothing may follow.
    pub fn finish(&self) -> Result<(), Error> {
        if self.decoder.position() == self.decoder.input().len() { Ok(()) } else { Err(Error::Trailing) }
    }

    fn count(&self, start: usize, count: Option<u64>, max: u64) -> Result<u64, Error> {
        let count = count.ok_or(Error::NotDeterministic)?;
        self.shortest(start, count, 0)?;
        if count > max { Err(Error::Bounds) } else { Ok(count) }
    }

    /// Refuses what took more bytes than the shortest head of `argument` and the `payload` behind it.
    fn shortest(&self, start: usize, argument: u64, payload: usize) -> Result<(), Error> {
        let head = match argument {
            0..=0x17 => 1,
            0x18..=0xff => 2,
            0x100..=0xffff => 3,
            0x1_0000..=0xffff_ffff => 5,
            _ => 9,
        };
        let taken = self.decoder.position().checked_sub(start).and_then(|n| n.checked_sub(payload));
        if taken == Some(head) { Ok(()) } else { Err(Error::NotDeterministic) }
    }

    /// Tells a string of indefinite length from other faults at `start`.
    fn why(&self, start: usize) -> Error {
        match self.decoder.input().get(start) {
            Some(0x5f | 0x7f) => Error::NotDeterministic,
            _ => Error::Malformed,
        }
    }
}

/// Walks the keys of a map in ascending order.
pub struct Fields {
    left: u64,
    next: Option<u64>,
}

impl Fields {
    /// Goes to the value of `key`, which must be there.
    pub fn required(&mut self, reader: &mut Reader<'_>, key: u64) -> Result<(), Error> {
        if self.optional(reader, key)? { Ok(()) } else { Err(Error::MissingField) }
    }

    /// Goes to the value of `key` and says true, or stays and says false.
    pub fn optional(&mut self, reader: &mut Reader<'_>, key: u64) -> Result<bool, Error> {
        match self.peek(reader)? {
            Some(found) if found == key => {
                self.next = None;
                Ok(true)
            }
            // A smaller key has been asked for already, or is not known.
            Some(found) if found < key => Err(Error::UnknownField),
            _ => Ok(false),
        }
    }

    /// Skips extensions to the end of the map. They must keep to the deterministic form as all else does.
    pub fn finish(mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let mut least = FIRST_EXTENSION;
        while let Some(found) = self.peek(reader)? {
            if found < least {
                return Err(Error::UnknownField);
            }
            reader.bytes(usize::MAX)?;
            self.next = None;
            let Some(following) = found.checked_add(1) else {
                return if self.left == 0 { Ok(()) } else { Err(Error::UnknownField) };
            };
            least = following;
        }
        Ok(())
    }

    /// The end of a map that has no extensions.
    pub fn end(self) -> Result<(), Error> {
        if self.left == 0 && self.next.is_none() { Ok(()) } else { Err(Error::UnknownField) }
    }

    fn peek(&mut self, reader: &mut Reader<'_>) -> Result<Option<u64>, Error> {
        if self.next.is_none() {
            let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
            self.next = Some(reader.uint()?);
            self.left = left;
        }
        Ok(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AT-08
    #[test]
    fn only_the_shortest_form_is_read() {
        for (bytes, value) in [
            (&[0x17][..], 23),
            (&[0x18, 24], 24),
            (&[0x19, 1, 0], 256),
            (&[0x1a, 0, 1, 0, 0], 65536),
            (&[0x1b, 0, 0, 0, 1, 0, 0, 0, 0], 1 << 32),
        ] {
            assert_eq!(Reader::new(bytes).uint(), Ok(value));
        }
        for bytes in [
            &[0x18, 23][..],
            &[0x19, 0, 255],
            &[0x1a, 0, 0, 255, 255],
            &[0x1b, 0, 0, 0, 0, 255, 255, 255, 255],
        ] {
            assert_eq!(Reader::new(bytes).uint(), Err(Error::NotDeterministic));
        }
        assert_eq!(Reader::new(&[0x58, 1, 9]).bytes(9), Err(Error::NotDeterministic));
        assert_eq!(Reader::new(&[0x5f, 0x41, 9, 0xff]).bytes(9), Err(Error::NotDeterministic));
        assert_eq!(Reader::new(&[0x7f, 0x61, 65, 0xff]).text(9), Err(Error::NotDeterministic));
        assert_eq!(Reader::new(&[0x9f, 0xff]).array(9), Err(Error::NotDeterministic));
        assert_eq!(Reader::new(&[0xbf, 0xff]).map(9), Err(Error::NotDeterministic));
        assert_eq!(Reader::new(&[0x98, 1, 0]).array(9), Err(Error::NotDeterministic));
    }

    // AT-08: a length that the input does not have is refused before anything is allocated.
    #[test]
    fn lengths_are_bounded() {
        assert_eq!(Reader::new(&[0x42, 1, 2]).bytes(1), Err(Error::Bounds));
        assert_eq!(Reader::new(&[0x42, 1, 2]).bytes(2), Ok(&[1, 2][..]));
        assert_eq!(
            Reader::new(&[0x5b, 255, 255, 255, 255, 255, 255, 255, 255]).bytes(2),
            Err(Error::Malformed)
        );
        assert_eq!(Reader::new(&[0x83]).array(2), Err(Error::Bounds));
        assert_eq!(Reader::new(&[0x42, 1, 2]).fixed::<3>(), Err(Error::Bounds));
        assert_eq!(Reader::new(&[0x62, 0xff, 0xff]).text(2), Err(Error::Malformed));
    }

    fn keys(bytes: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(bytes);
        let mut fields = reader.fields()?;
        fields.required(&mut reader, 1)?;
        reader.uint()?;
        if fields.optional(&mut reader, 2)? {
            reader.uint()?;
        }
        fields.finish(&mut reader)?;
        reader.finish()
    }

    #[test]
    fn maps_are_walked_in_order() {
        assert_eq!(keys(&[0xa1, 1, 0]), Ok(()));
        assert_eq!(keys(&[0xa2, 1, 0, 2, 0]), Ok(()));
        assert_eq!(keys(&[0xa1, 2, 0]), Err(Error::MissingField));
        assert_eq!(keys(&[0xa0]), Err(Error::MissingField));
        assert_eq!(keys(&[0xa2, 0, 0, 1, 0]), Err(Error::UnknownField));
        assert_eq!(keys(&[0xa2, 1, 0, 1, 0]), Err(Error::UnknownField));
        assert_eq!(keys(&[0xa2, 1, 0, 3, 0]), Err(Error::UnknownField));
        assert_eq!(keys(&[0xa2, 1, 0, 0x18, 127, 0x40]), Err(Error::UnknownField));
        assert_eq!(keys(&[0xa1, 1, 0, 0]), Err(Error::Trailing));
        assert_eq!(keys(&[0xa2, 1, 0]), Err(Error::Malformed));
    }

    #[test]
    fn extensions_are_byte_strings_in_order() {
        assert_eq!(keys(&[0xa3, 1, 0, 0x18, 128, 0x40, 0x18, 129, 0x41, 7]), Ok(()));
        assert_eq!(keys(&[0xa3, 1, 0, 0x18, 129, 0x40, 0x18, 128, 0x40]), Err(Error::UnknownField));
        assert_eq!(keys(&[0xa3, 1, 0, 0x18, 128, 0x40, 0x18, 128, 0x40]), Err(Error::UnknownField));
        assert_eq!(keys(&[0xa2, 1, 0, 0x18, 128, 7]), Err(Error::Malformed));
        let last = [0x1b, 255, 255, 255, 255, 255, 255, 255, 255, 0x40];
        assert_eq!(keys(&[&[0xa2, 1, 0][..], &last].concat()), Ok(()));
        assert_eq!(keys(&[&[0xa3, 1, 0][..], &last, &last].concat()), Err(Error::UnknownField));
    }
}
