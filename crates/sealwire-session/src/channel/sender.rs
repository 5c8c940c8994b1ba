use super::{
    MAX_DATA, OVERHEAD, Type, Volume,
    direction::{Direction, RECORDS_BEFORE_UPDATE},
};
use crate::{Error, Suite};
use bytes::BytesMut;
use sealwire_crypto::kdf::Prk;

/// The sending half of a channel.
pub struct Sender {
    direction: Direction,
    volume: Volume,
}

/// What the record is that was just sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// the first so many bytes of the data
    Data(usize),
    /// a key update, which was due: nothing of the data is in it
    KeyUpdate,
}

impl Sender {
    pub(super) fn new(suite: Suite, secret: Prk) -> Result<Self, Error> {
        Ok(Self { direction: Direction::new(suite, secret)?, volume: Volume::MOST })
    }

    /// Updates the key earlier than it has to. What is beyond [`Volume::MOST`], or less than a receiver has to take (64
    /// records, and one of full length), is not meant and is brought into these bounds.
    pub fn update_after(&mut self, volume: Volume) {
        let least = Volume { records: RECORDS_BEFORE_UPDATE.saturating_add(1), bytes: 1 << 23 };
        self.volume = Volume {
            records: volume.records.clamp(least.records, Volume::MOST.records),
            bytes: volume.bytes.clamp(least.bytes, Volume::MOST.bytes),
        };
    }

    /// Appends the next record to `out`: as much of the data as it has room for, or the key update that is due before it.
    /// The parts are the data, joined, at least one byte.
    ///
    /// # Errors
    /// [`Error::RecordContent`] without data.
    pub fn seal<'a, P>(&mut self, parts: P, out: &mut BytesMut) -> Result<Sealed, Error>
    where
        P: IntoIterator<Item = &'a [u8], IntoIter: Clone>,
    {
        let parts = parts.into_iter();
        let len = parts.clone().fold(0_usize, |len, part| len.saturating_add(part.len())).min(MAX_DATA);
        if len == 0 {
            return Err(Error::RecordContent);
        }
        // The update has to have its room as well: one record, of one byte.
        if !self.direction.has_room(self.volume, 2, len.saturating_add(2)) {
            self.record(Type::KeyUpdate, [].into_iter(), 0, out)?;
            self.direction.update()?;
            return Ok(Sealed::KeyUpdate);
        }
        self.record(Type::Data, parts, len, out)?;
        Ok(Sealed::Data(len))
    }

    /// Appends the last record of this direction.
    ///
    /// # Errors
    /// None in practice.
    pub fn close(mut self, out: &mut BytesMut) -> Result<(), Error> {
        self.record(Type::Close, [].into_iter(), 0, out)
    }

    fn record<'a>(
        &mut self,
        kind: Type,
        parts: impl Iterator<Item = &'a [u8]>,
        mut len: usize,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        let start = out.len();
        out.reserve(len.saturating_add(OVERHEAD));
        out.extend_from_slice(&[kind as u8]);
        for part in parts {
            let part = part.get(..len).unwrap_or(part);
            out.extend_from_slice(part);
            len = len.saturating_sub(part.len());
        }
        // What is in front of it is another record, and stays.
        let tag = self.direction.seal(out.get_mut(start..).unwrap_or_default())?;
        out.extend_from_slice(&tag);
        Ok(())
    }
}

#[cfg(test)]
impl Sender {
    pub(super) fn used(self, volume: Volume) -> Self {
        Self { direction: self.direction.used(volume), ..self }
    }

    /// What no sender of ours sends.
    pub(super) fn raw(&mut self, plaintext: &[u8]) -> BytesMut {
        let mut record = BytesMut::from(plaintext);
        let tag = self.direction.seal(&mut record).unwrap();
        record.extend_from_slice(&tag);
        record
    }

    pub(super) fn update(&mut self) {
        self.direction.update().unwrap();
    }
}
