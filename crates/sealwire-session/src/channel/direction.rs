//! Keys of one direction, and how much they have sealed.

use crate::{Error, Suite, label, schedule::key_and_iv};
use sealwire_crypto::{
    aead::{Sequence, TAG_LEN},
    kdf::Prk,
};

/// How much a key seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// records, the key update that ends it among them
    pub records: u64,
    /// bytes of their plaintexts
    pub bytes: u64,
}

impl Volume {
    /// What a key seals, and what a receiver takes under it (TU-63). 2^34 bytes are 2^30 blocks: for AES-GCM, what somebody
    /// can tell from random bytes stays below 2^-64, far from the 2^-57 that TLS 1.3 aims at (RFC 8446 section 5.5).
    pub const MOST: Self = Self { records: 1 << 20, bytes: 1 << 34 };
}

/// A key update before its key has sealed so many records is refused: what a peer makes the other derive is then a small
/// part of what it makes it open.
pub(super) const RECORDS_BEFORE_UPDATE: u64 = 64;

/// Key, iv and sequence number of one direction, and the secret that the next ones come from.
pub(super) struct Direction {
    suite: Suite,
    secret: Prk,
    sequence: Sequence,
    bytes: u64,
}

impl Direction {
    pub(super) fn new(suite: Suite, secret: Prk) -> Result<Self, Error> {
        let (key, iv) = key_and_iv(suite, &secret)?;
        Ok(Self { suite, secret, sequence: Sequence::new(key, *iv), bytes: 0 })
    }

    /// Goes on to the next key. The one before, and the secret that it came from, are wiped.
    pub(super) fn update(&mut self) -> Result<(), Error> {
        *self = Self::new(self.suite, label::derive(&self.secret, "update", &[])?)?;
        Ok(())
    }

    /// Records that this key has sealed or opened.
    pub(super) fn records(&self) -> u64 {
        self.sequence.next_number()
    }

    /// Whether so many more records, with so many bytes of plaintext in all, are within `volume`.
    pub(super) fn has_room(&self, volume: Volume, records: u64, bytes: usize) -> bool {
        self.records().saturating_add(records) <= volume.records
            && self.bytes.saturating_add(wide(bytes)) <= volume.bytes
    }

    /// Seals a plaintext in place.
    pub(super) fn seal(&mut self, plaintext: &mut [u8]) -> Result<[u8; TAG_LEN], Error> {
        let tag = self.sequence.seal(&[], plaintext)?;
        self.bytes = self.bytes.saturating_add(wide(plaintext.len()));
        Ok(tag)
    }

    /// Opens a record in place, and gives its plaintext, its front.
    pub(super) fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        let plaintext = self.sequence.open(&[], record).map_err(|_| Error::Record)?;
        self.bytes = self.bytes.saturating_add(wide(plaintext.len()));
        Ok(plaintext)
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl Direction {
    /// As if this key had sealed so much.
    pub(super) fn used(mut self, volume: Volume) -> Self {
        let (key, iv) = key_and_iv(self.suite, &self.secret).unwrap();
        self.sequence = Sequence::starting_at(key, *iv, volume.records);
        self.bytes = volume.bytes;
        self
    }
}
