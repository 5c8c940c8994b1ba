//! Records, of both directions: `ct_len u32 | ct`, sealed and opened where they lie (HH-12, HH-18).

use crate::Error;
use bytes::{Buf, BufMut, BytesMut};
use sealwire_crypto::{
    aead::{Sequence, TAG_LEN},
    hpke::{Receiver, Sender},
};

/// Clear bytes of one DATA record of a request, at most (HH-13).
pub const DATA_LEN: usize = 65536;

/// Kinds, the first clear byte of a record.
pub(crate) mod kind {
    pub(crate) const START: u8 = 1;
    pub(crate) const DATA: u8 = 2;
    pub(crate) const END: u8 = 3;
}

/// Bytes of `ct_len`.
pub(crate) const LENGTH_LEN: usize = 4;
/// A kind and a tag: the shortest ciphertext.
pub(crate) const MIN_CIPHERTEXT: usize = 1 + TAG_LEN;
/// Bytes of a frame that are waited for with a buffer made for them; of longer ones only what comes is held.
const RESERVED: usize = DATA_LEN + 1024;
/// Number and length of a record, the end of its additional data.
const TAIL_LEN: usize = 12;

/// Seals the next message of a sequence in place.
pub(crate) trait Seal {
    fn seal(&mut self, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error>;
}

/// Opens the next message of a sequence in place.
pub(crate) trait Open {
    fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error>;
}

impl Seal for Sender {
    fn seal(&mut self, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error> {
        Self::seal(self, aad, data)
    }
}

impl Open for Receiver {
    fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error> {
        Self::open(self, aad, data)
    }
}

impl Seal for Sequence {
    fn seal(&mut self, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error> {
        Self::seal(self, aad, data)
    }
}

impl Open for Sequence {
    fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error> {
        Self::open(self, aad, data)
    }
}

/// The additional data of records: label, what the message begins with, number, length. Made once; its end changes.
pub(crate) struct Aad {
    bytes: Vec<u8>,
}

impl Aad {
    pub(crate) fn new(label: &[u8], prefix: &[u8]) -> Self {
        Self { bytes: [label, prefix, &[0; TAIL_LEN]].concat() }
    }

    fn of(&mut self, number: u64, ct_len: u32) -> &[u8] {
        if let Some((to, length)) =
            self.bytes.last_chunk_mut::<TAIL_LEN>().and_then(|tail| tail.split_first_chunk_mut::<8>())
        {
            *to = number.to_be_bytes();
            length.copy_from_slice(&ct_len.to_be_bytes());
        }
        &self.bytes
    }
}

/// Writes records into a caller's buffer, sealed in place there.
pub(crate) struct Writer<S> {
    sequence: S,
    aad: Aad,
    next: u64,
}

impl<S: Seal> Writer<S> {
    pub(crate) fn new(sequence: S, aad: Aad) -> Self {
        Self { sequence, aad, next: 0 }
    }

    /// The number of the next record.
    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    /// Appends one record whose clear bytes are `front` and `parts`, joined. `out` is as it was after an error.
    pub(crate) fn record(
        &mut self,
        out: &mut BytesMut,
        front: &[u8],
        parts: &[impl AsRef<[u8]>],
    ) -> Result<(), Error> {
        let len = parts.iter().fold(front.len(), |len, part| len.saturating_add(part.as_ref().len()));
        let ct_len = u32::try_from(len.saturating_add(TAG_LEN)).map_err(|_| Error::LimitExceeded)?;
        let before = out.len();
        out.reserve(LENGTH_LEN.saturating_add(len).saturating_add(TAG_LEN));
        out.put_u32(ct_len);
        let start = out.len();
        out.put_slice(front);
        for part in parts {
            out.put_slice(part.as_ref());
        }
        let clear = out.get_mut(start..).unwrap_or_default();
        let sealed = self.sequence.seal(self.aad.of(self.next, ct_len), clear);
        // No clear text is left behind in a buffer that is about to be sent.
        let tag = sealed.inspect_err(|_| out.truncate(before))?;
        out.put_slice(&tag);
        self.next = self.next.saturating_add(1);
        Ok(())
    }
}

/// Takes the bytes of records in slices of any size and yields what has authenticated.
///
/// It holds one record and what was pushed since [`Self::next_record`] last said `None`.
pub(crate) struct Reader<O> {
    sequence: O,
    aad: Aad,
    next: u64,
    buffer: BytesMut,
    /// ciphertext of the record that is due, once its length has been admitted
    due: Option<usize>,
    ended: bool,
}

impl<O: Open> Reader<O> {
    /// A reader at record 0; `buffer` is what has already come.
    pub(crate) fn new(sequence: O, aad: Aad, buffer: BytesMut) -> Self {
        Self { sequence, aad, next: 0, buffer, due: None, ended: false }
    }

    /// Takes the next slice of the outer body.
    pub(crate) fn push(&mut self, slice: &[u8]) {
        if !self.ended {
            self.buffer.extend_from_slice(slice);
        }
    }

    /// The outer body has ended.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the outer body has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether everything that came has been read.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.due.is_none()
    }

    /// The clear bytes of the next record, or `None` until more is pushed. Its ciphertext has at most `cap` bytes.
    pub(crate) fn next_record(&mut self, cap: usize) -> Result<Option<BytesMut>, Error> {
        let due = match self.due {
            Some(due) => due,
            None => {
                let Some(&length) = self.buffer.first_chunk::<LENGTH_LEN>() else { return self.starved() };
                let due = admit(length, cap)?;
                self.buffer.advance(LENGTH_LEN);
                self.buffer.reserve(due.min(RESERVED).saturating_sub(self.buffer.len()));
                *self.due.insert(due)
            }
        };
        if self.buffer.len() < due {
            return self.starved();
        }
        self.due = None;
        let record = self.buffer.split_to(due);
        self.open(record).map(Some)
    }

    /// Opens record 0, which came in another way.
    pub(crate) fn open(&mut self, mut record: BytesMut) -> Result<BytesMut, Error> {
        let ct_len = u32::try_from(record.len()).map_err(|_| Error::LimitExceeded)?;
        let opened = self.sequence.open(self.aad.of(self.next, ct_len), &mut record);
        let len = opened.map_err(|_| Error::AuthenticationFailed)?.len();
        record.truncate(len);
        self.next = self.next.saturating_add(1);
        Ok(record)
    }

    fn starved(&self) -> Result<Option<BytesMut>, Error> {
        if self.ended { Err(Error::MalformedEnvelope) } else { Ok(None) }
    }
}

/// Holds a record's length against its limits, before any of it is waited for (HH-14).
pub(crate) fn admit(length: [u8; LENGTH_LEN], cap: usize) -> Result<usize, Error> {
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Error::LimitExceeded)?;
    if length < MIN_CIPHERTEXT {
        return Err(Error::MalformedEnvelope);
    }
    if length > cap {
        return Err(Error::LimitExceeded);
    }
    Ok(length)
}
