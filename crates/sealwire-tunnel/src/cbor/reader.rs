//! Reading.

use super::{Error, TYPED_ARRAY};
use minicbor::{
    Decoder,
    data::{Tag, Type},
};
use std::collections::BTreeSet;

/// How deep items may be nested; the message is the first.
const DEPTH: u32 = 8;
/// Pairs of one map. More fields than that no HTTP message has (OB-70); it bounds what checking for duplicates costs.
const PAIRS: u64 = 256;

/// A text or byte string, or its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'b> {
    /// text
    Text(&'b str),
    /// bytes, with tag 64 or without
    Bytes(&'b [u8]),
    /// `null` or `undefined`
    Absent,
}

/// Reads one message. What it gives are slices of the message: it allocates for the names of a map's keys alone.
pub(crate) struct Reader<'b> {
    decoder: Decoder<'b>,
    depth: u32,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { decoder: Decoder::new(bytes), depth: 0 }
    }

    /// A map with texts as keys: `value` is called for each, and says whether it has read the value. What it has not is
    /// skipped.
    pub(crate) fn map<E: From<Error>>(
        &mut self,
        mut value: impl FnMut(&'b str, &mut Self) -> Result<bool, E>,
    ) -> Result<(), E> {
        let pairs = self.decoder.map().map_err(malformed)?.ok_or(Error::Indefinite)?;
        if pairs > PAIRS {
            return Err(Error::TooMany.into());
        }
        self.descend()?;
        let mut keys = BTreeSet::new();
        for _ in 0..pairs {
            let key = self.text()?;
            if !keys.insert(key) {
                return Err(Error::DuplicateKey.into());
            }
            if !value(key, self)? {
                self.skip()?;
            }
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// An array: `item` reads each.
    pub(crate) fn array<E: From<Error>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        // Each item is read from bytes that are there, or ends the reading: the number needs no bound.
        let items = self.decoder.array().map_err(malformed)?.ok_or(Error::Indefinite)?;
        self.descend()?;
        for _ in 0..items {
            item(self)?;
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// A text string.
    pub(crate) fn text(&mut self) -> Result<&'b str, Error> {
        match self.kind()? {
            Type::String => self.decoder.str().map_err(malformed),
            Type::StringIndef => Err(Error::Indefinite),
            _ => Err(Error::Malformed),
        }
    }

    /// A text or byte string, or its absence.
    pub(crate) fn value(&mut self) -> Result<Value<'b>, Error> {
        match self.kind()? {
            Type::String => self.decoder.str().map(Value::Text).map_err(malformed),
            Type::Bytes => self.decoder.bytes().map(Value::Bytes).map_err(malformed),
            Type::Null => self.decoder.null().map(|()| Value::Absent).map_err(malformed),
            Type::Undefined => self.decoder.undefined().map(|()| Value::Absent).map_err(malformed),
            Type::BytesIndef | Type::StringIndef => Err(Error::Indefinite),
            Type::Tag => {
                self.typed_array_tag()?;
                match self.kind()? {
                    Type::Bytes => self.decoder.bytes().map(Value::Bytes).map_err(malformed),
                    Type::BytesIndef => Err(Error::Indefinite),
                    _ => Err(Error::Tag),
                }
            }
            _ => Err(Error::Malformed),
        }
    }

    /// Whether an absent value comes next; it is read then.
    pub(crate) fn is_absent(&mut self) -> Result<bool, Error> {
        let kind = self.kind()?;
        if matches!(kind, Type::Null | Type::Undefined) {
            self.skip()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// An unsigned integer of 16 bits.
    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.decoder.u16().map_err(malformed)
    }

    /// The end: nothing may follow.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.decoder.position() == self.decoder.input().len() { Ok(()) } else { Err(Error::Trailing) }
    }

    /// Any item: of what is ignored, the form is checked as of what is read.
    fn skip(&mut self) -> Result<(), Error> {
        match self.kind()? {
            Type::Map => self.map(|_, _| Ok::<_, Error>(false)),
            Type::Array => self.array(Self::skip),
            Type::Bytes | Type::String | Type::Tag | Type::Null | Type::Undefined => self.value().map(drop),
            Type::Bool => self.decoder.bool().map(drop).map_err(malformed),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => self.decoder.u64().map(drop).map_err(malformed),
            Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => {
                self.decoder.int().map(drop).map_err(malformed)
            }
            Type::F16 | Type::F32 | Type::F64 => self.decoder.skip().map_err(malformed),
            Type::BytesIndef | Type::StringIndef | Type::ArrayIndef | Type::MapIndef => {
                Err(Error::Indefinite)
            }
            _ => Err(Error::Malformed),
        }
    }

    fn kind(&self) -> Result<Type, Error> {
        self.decoder.datatype().map_err(malformed)
    }

    fn typed_array_tag(&mut self) -> Result<(), Error> {
        let tag = self.decoder.tag().map_err(malformed)?;
        if tag == Tag::new(TYPED_ARRAY) { Ok(()) } else { Err(Error::Tag) }
    }

    fn descend(&mut self) -> Result<(), Error> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH { Err(Error::Depth) } else { Ok(()) }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn malformed(_: minicbor::decode::Error) -> Error {
    Error::Malformed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a map whose keys are all unknown.
    fn read(bytes: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(bytes);
        reader.map(|_, _| Ok::<_, Error>(false))?;
        reader.finish()
    }

    // TU-14: heads of any length are taken, of every type that may be ignored.
    #[test]
    fn what_is_taken() {
        let heads: [&[u8]; 5] =
            [&[0xa1], &[0xb8, 1], &[0xb9, 0, 1], &[0xba, 0, 0, 0, 1], &[0xbb, 0, 0, 0, 0, 0, 0, 0, 1]];
        let values: [&[u8]; 20] = [
            &[0x00],
            &[0x1b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x20],
            &[0x3b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x41, 9],
            &[0x5b, 0, 0, 0, 0, 0, 0, 0, 1, 9],
            &[0xd8, 64, 0x41, 9],
            &[0xd9, 0, 64, 0x41, 9],
            &[0x61, b'x'],
            &[0x80],
            &[0x82, 1, 0x61, b'y'],
            &[0xa0],
            &[0xa1, 0x61, b'z', 0xf6],
            &[0xf4],
            &[0xf5],
            &[0xf6],
            &[0xf7],
            &[0xf9, 0x3c, 0],
            &[0xfa, 0, 0, 0, 0],
            &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        for head in heads {
            for value in values {
                assert_eq!(read(&[head, &[0x61, b'k'], value].concat()), Ok(()), "{head:x?} {value:x?}");
            }
        }
    }

    // TU-14
    #[test]
    fn what_is_refused() {
        let cases: [(&[u8], Error); 20] = [
            (&[], Error::Malformed),
            (&[0x80], Error::Malformed),
            (&[0xbf, 0xff], Error::Indefinite),
            (&[0xa1, 0x61, b'k', 0xbf, 0xff], Error::Indefinite),
            (&[0xa1, 0x61, b'k', 0x9f, 0xff], Error::Indefinite),
            (&[0xa1, 0x61, b'k', 0x5f, 0x41, 9, 0xff], Error::Indefinite),
            (&[0xa1, 0x61, b'k', 0x7f, 0x61, 65, 0xff], Error::Indefinite),
            (&[0xa1, 0x7f, 0x61, 65, 0xff, 0], Error::Indefinite),
            (&[0xa1, 0x61, b'k', 0xd8, 64, 0x5f, 0xff], Error::Indefinite),
            (&[0xa2, 0x61, b'k', 0, 0x61, b'k', 0], Error::DuplicateKey),
            (&[0xa1, 0x61, b'k', 0xa2, 0x60, 0, 0x60, 0], Error::DuplicateKey),
            (&[0xa0, 0], Error::Trailing),
            (&[0xa1, 0, 0], Error::Malformed),
            (&[0xa1, 0x41, b'k', 0], Error::Malformed),
            (&[0xa1, 0x61, b'k', 0xc0, 0x61, b'x'], Error::Tag),
            (&[0xa1, 0x61, b'k', 0xd8, 64, 0x61, b'x'], Error::Tag),
            (&[0xa1, 0x61, b'k', 0xd8, 64, 0xd8, 64, 0x40], Error::Tag),
            (&[0xa1, 0x61, 0xff, 0], Error::Malformed),
            (&[0xa1, 0x61, b'k', 0xf8, 0x20], Error::Malformed),
            (&[0xb9, 1, 1], Error::TooMany),
        ];
        for (bytes, error) in cases {
            assert_eq!(read(bytes), Err(error), "{bytes:x?}");
        }
    }

    // TU-14: a length that the message does not have is refused from the length.
    #[test]
    fn lengths_above_the_message_are_refused() {
        let huge: [&[u8]; 5] = [
            &[0x5b, 0, 0, 1, 0, 0, 0, 0, 0],
            &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x7b, 0, 0, 1, 0, 0, 0, 0, 0],
            &[0x9b, 0, 0, 1, 0, 0, 0, 0, 0],
            &[0x1c],
        ];
        for value in huge {
            assert_eq!(read(&[&[0xa1, 0x61, b'k'], value].concat()), Err(Error::Malformed), "{value:x?}");
        }
        assert_eq!(read(&[0xbb, 0, 0, 1, 0, 0, 0, 0, 0]), Err(Error::TooMany));
    }

    // TU-14: the message is the first of eight.
    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| {
            let mut bytes = vec![0xa1, 0x61, b'k'];
            bytes.extend(std::iter::repeat_n(0x81, depth - 1));
            bytes.push(0);
            read(&bytes)
        };
        assert_eq!(nested(8), Ok(()));
        assert_eq!(nested(9), Err(Error::Depth));
        assert_eq!(nested(100_000), Err(Error::Depth));
        // Beside each other is not in each other.
        let beside = [&[0x89][..], &[0x80; 9]].concat();
        assert_eq!(read(&[&[0xa1, 0x61, b'k'][..], &beside].concat()), Ok(()));
    }
}
