use super::{
    MAX_RECORD, OVERHEAD, Type, Volume,
    direction::{Direction, RECORDS_BEFORE_UPDATE},
};
use crate::{Error, Suite};
use bytes::{Buf, BytesMut};
use sealwire_crypto::kdf::Prk;

/// The receiving half of a channel. It takes nothing after a close, and nothing after an error.
pub struct Receiver {
    state: State,
}

#[allow(clippy::large_enum_variant, reason = "one for each channel")]
enum State {
    Open(Direction),
    Closed,
    Failed(Error),
}

/// What a record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// data: what the buffer holds now
    Data,
    /// the sender goes on under its next key; the buffer is empty
    KeyUpdate,
    /// the last record of this direction; the buffer is empty
    Close,
}

impl Receiver {
    pub(super) fn new(suite: Suite, secret: Prk) -> Result<Self, Error> {
        Ok(Self { state: State::Open(Direction::new(suite, secret)?) })
    }

    /// Opens the next record in place: `record` holds it, and nothing else; then its data, if it has any.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Record`], [`Error::RecordContent`], [`Error::KeyUpdate`], [`Error::AfterClose`]. Each
    /// ends the channel: the buffer is cleared, and every further call gives the same error.
    pub fn open(&mut self, record: &mut BytesMut) -> Result<Received, Error> {
        let result = match &mut self.state {
            State::Open(direction) => open(direction, record),
            State::Closed => Err(Error::AfterClose),
            State::Failed(error) => Err(*error),
        };
        match result {
            Ok(Received::Data) => return result,
            Ok(Received::KeyUpdate) => {}
            Ok(Received::Close) => self.state = State::Closed,
            Err(error) => self.state = State::Failed(error),
        }
        record.clear();
        result
    }

    /// Whether the sender has closed its direction, and nothing came after that.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Says that nothing more will come.
    ///
    /// # Errors
    /// [`Error::Truncated`] where no close came; what went wrong before.
    pub fn end(&mut self) -> Result<(), Error> {
        match self.state {
            State::Closed => Ok(()),
            State::Failed(error) => Err(error),
            State::Open(_) => {
                self.state = State::Failed(Error::Truncated);
                Err(Error::Truncated)
            }
        }
    }
}

fn open(direction: &mut Direction, record: &mut BytesMut) -> Result<Received, Error> {
    if record.len() > MAX_RECORD {
        return Err(Error::TooLong);
    }
    let before = direction.records();
    if !direction.has_room(Volume::MOST, 1, record.len().saturating_sub(OVERHEAD - 1)) {
        return Err(Error::KeyUpdate);
    }
    let len = direction.open(record)?.len();
    record.truncate(len);
    let kind = record.first().copied().and_then(Type::from_byte).ok_or(Error::RecordContent)?;
    record.advance(1);
    match kind {
        Type::Data if !record.is_empty() => Ok(Received::Data),
        Type::KeyUpdate if record.is_empty() => {
            if before < RECORDS_BEFORE_UPDATE {
                return Err(Error::KeyUpdate);
            }
            direction.update()?;
            Ok(Received::KeyUpdate)
        }
        Type::Close if record.is_empty() => Ok(Received::Close),
        _ => Err(Error::RecordContent),
    }
}

#[cfg(test)]
impl Receiver {
    pub(super) fn used(self, volume: Volume) -> Self {
        let State::Open(direction) = self.state else { unreachable!() };
        Self { state: State::Open(direction.used(volume)) }
    }
}
