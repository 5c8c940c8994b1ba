use crate::{
    Error, Limits,
    coding::Decoder,
    message::Remaining,
    record::{DATA_LEN, Reader, kind},
};
use bytes::{Buf, Bytes};
use sealwire_crypto::hpke::Receiver;

/// DATA records of one request, at most (HH-13).
const MAX_DATA: u32 = 1 << 20;

/// What has authenticated of a request's body.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// bytes of the body, in their order; never empty
    Data(Bytes),
    /// the request is complete: its END has authenticated and the outer body has ended
    End,
}

/// Takes the outer body behind START in slices of any size and yields what has authenticated.
///
/// A request of which [`Record::End`] does not come was cut: whatever was begun with it is to be aborted (HH-63).
pub struct RequestBody {
    records: Reader<Receiver>,
    decoder: Decoder,
    remaining: Remaining,
    data: u32,
    state: State,
}

enum State {
    Open,
    /// END has come, the end of the outer body has not
    Ended,
    Done,
    Failed(Error),
}

impl RequestBody {
    pub(super) fn new(records: Reader<Receiver>, remaining: Remaining) -> Self {
        Self { records, decoder: Decoder::default(), remaining, data: 0, state: State::Open }
    }

    /// Takes the next slice of the outer body (copied once, and opened where it then lies).
    pub fn push(&mut self, slice: &[u8]) {
        self.records.push(slice);
    }

    /// Says that the outer body has ended. What is pushed later is ignored.
    pub fn end(&mut self) {
        self.records.end();
    }

    /// The next record, or `None` until more is pushed, and for ever after [`Record::End`].
    ///
    /// # Errors
    /// What the client did wrong; the body is then of no further use and repeats the error.
    pub fn next_record(&mut self) -> Result<Option<Record>, Error> {
        self.advance().inspect_err(|&error| self.state = State::Failed(error))
    }

    fn advance(&mut self) -> Result<Option<Record>, Error> {
        match self.state {
            State::Open => {}
            State::Ended => return self.close(),
            State::Done => return Ok(None),
            State::Failed(error) => return Err(error),
        }
        let Some(mut record) = self.records.next_record(Limits::request_record())? else { return Ok(None) };
        match record.first() {
            Some(&kind::DATA) => {
                record.advance(1);
                let data = self.decoder.part(record, DATA_LEN)?;
                self.data =
                    self.data.checked_add(1).filter(|data| *data <= MAX_DATA).ok_or(Error::LimitExceeded)?;
                self.remaining.take(data.len())?;
                Ok(Some(Record::Data(data)))
            }
            Some(&kind::END) if record.len() == 1 => {
                self.remaining.end().map_err(Error::received)?;
                self.state = State::Ended;
                self.close()
            }
            _ => Err(Error::MalformedEnvelope),
        }
    }

    /// Behind END nothing may come but the end of the outer body (HH-23).
    fn close(&mut self) -> Result<Option<Record>, Error> {
        if !self.records.is_empty() {
            return Err(Error::MalformedEnvelope);
        }
        if !self.records.has_ended() {
            return Ok(None);
        }
        self.state = State::Done;
        Ok(Some(Record::End))
    }
}
