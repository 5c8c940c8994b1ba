//! Writing, in the peer's forms (TU-15): maps with a 16-bit count, byte strings with tag 64, all else in the shortest form.

use super::TYPED_ARRAY;
use minicbor::{Encoder, data::Tag};

/// Writes one message.
pub(crate) struct Writer(Encoder<Vec<u8>>);

impl Writer {
    /// Behind so many bytes that whoever sends the message fills in.
    pub(crate) fn behind(headroom: usize, capacity: usize) -> Self {
        let mut out = Vec::with_capacity(headroom.saturating_add(capacity));
        out.resize(headroom, 0);
        Self(Encoder::new(out))
    }

    pub(crate) fn map(&mut self, pairs: u16) {
        let [high, low] = pairs.to_be_bytes();
        self.0.writer_mut().extend_from_slice(&[0xb9, high, low]);
    }

    pub(crate) fn array(&mut self, items: usize) {
        self.written(|e| e.array(items as u64).map(drop));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.written(|e| e.str(text).map(drop));
    }

    /// A key and its text.
    pub(crate) fn field(&mut self, key: &str, text: &str) {
        self.text(key);
        self.text(text);
    }

    /// A text from bytes that are UTF-8 already.
    pub(crate) fn utf8(&mut self, text: &[u8]) {
        // Major type 3, of which the encoder checks nothing but the type of its argument.
        self.head(3, text.len() as u64);
        self.0.writer_mut().extend_from_slice(text);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.written(|e| e.tag(Tag::new(TYPED_ARRAY))?.bytes(bytes).map(drop));
    }

    pub(crate) fn uint(&mut self, value: u16) {
        self.written(|e| e.u16(value).map(drop));
    }

    pub(crate) fn undefined(&mut self) {
        self.written(|e| e.undefined().map(drop));
    }

    pub(crate) fn null(&mut self) {
        self.written(|e| e.null().map(drop));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_writer()
    }

    fn head(&mut self, major: u8, argument: u64) {
        self.0.writer_mut().extend_from_slice(Head::new(major, argument).as_slice());
    }

    fn written(
        &mut self,
        write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<std::convert::Infallible>>,
    ) {
        let written = write(&mut self.0);
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }
}

/// The shortest head of an item.
pub(crate) struct Head {
    bytes: [u8; 9],
    len: usize,
}

impl Head {
    pub(crate) fn new(major: u8, argument: u64) -> Self {
        let mut bytes = [0; 9];
        let be = argument.to_be_bytes();
        let (info, tail): (u8, &[u8]) = match argument {
            0..=0x17 => (be[7], &[]),
            0x18..=0xff => (24, &be[7..]),
            0x100..=0xffff => (25, &be[6..]),
            0x1_0000..=0xffff_ffff => (26, &be[4..]),
            _ => (27, &be),
        };
        bytes[0] = major << 5 | info;
        bytes.iter_mut().skip(1).zip(tail).for_each(|(byte, value)| *byte = *value);
        Self { bytes, len: tail.len().saturating_add(1) }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
