use crate::{
    Error, Limits,
    coding::Decoder,
    message::{Method, Mode, ResponseHead, response_length},
    record::{Aad, Reader, kind},
    response_secret::{NONCE_LEN, ResponseSecret},
    server::reply::{FRONT, RECORD_LABEL},
    sse,
};
use bytes::{Buf, Bytes, BytesMut};
use sealwire_crypto::aead::Sequence;

/// What an answer begins with: magic, version and the server's nonce.
const PREFIX_LEN: usize = FRONT.len() + NONCE_LEN;

/// What has authenticated of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// the head, first
    Head(ResponseHead),
    /// the whole of a finite body, with its end already certain; or one block of an event stream. Never empty
    Data(Bytes),
    /// the answer is complete: its END has authenticated and the outer body has ended
    End,
}

/// Takes an answer's outer body in slices of any size and yields what has authenticated.
///
/// An answer of which [`Event::End`] does not come was cut (HH-23).
pub struct ResponseReader {
    method: Method,
    limits: Limits,
    state: State,
}

enum State {
    Prefix { secret: ResponseSecret, buffer: BytesMut, ended: bool },
    Head(Reader<Sequence>),
    Body(Body),
    Done,
    Failed(Error),
}

impl ResponseReader {
    pub(super) fn new(secret: ResponseSecret, method: Method, limits: Limits) -> Self {
        Self { method, limits, state: State::Prefix { secret, buffer: BytesMut::new(), ended: false } }
    }

    /// Takes the next slice of the outer body (copied once, and opened where it then lies).
    pub fn push(&mut self, slice: &[u8]) {
        match &mut self.state {
            State::Prefix { buffer, ended: false, .. } => buffer.extend_from_slice(slice),
            State::Head(records) | State::Body(Body { records, .. }) => records.push(slice),
            State::Prefix { .. } | State::Done | State::Failed(_) => {}
        }
    }

    /// Says that the outer body has ended. What is pushed later is ignored.
    pub fn end(&mut self) {
        match &mut self.state {
            State::Prefix { ended, .. } => *ended = true,
            State::Head(records) | State::Body(Body { records, .. }) => records.end(),
            State::Done | State::Failed(_) => {}
        }
    }

    /// The next event, or `None` until more is pushed, and for ever after [`Event::End`].
    ///
    /// # Errors
    /// What the server did wrong; the reader is then of no further use and repeats the error.
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        self.advance().inspect_err(|&error| self.state = State::Failed(error))
    }

    fn advance(&mut self) -> Result<Option<Event>, Error> {
        if let State::Prefix { secret, buffer, ended } = &mut self.state {
            let Some(records) = open_prefix(secret, buffer, *ended)? else { return Ok(None) };
            self.state = State::Head(records);
        }
        match &mut self.state {
            State::Head(records) => {
                let Some(mut start) = records.next_record(self.limits.response_start())? else {
                    return Ok(None);
                };
                if start.first() != Some(&kind::START) {
                    return Err(Error::MalformedEnvelope);
                }
                start.advance(1);
                let head = ResponseHead::decode(self.method, &start, &self.limits)?;
                let State::Head(records) = std::mem::replace(&mut self.state, State::Done) else {
                    return Ok(None);
                };
                self.state = State::Body(Body::new(records, head.clone(), self.method, self.limits));
                Ok(Some(Event::Head(head)))
            }
            State::Body(body) => {
                let event = body.next_event()?;
                if event == Some(Event::End) {
                    self.state = State::Done;
                }
                Ok(event)
            }
            State::Failed(error) => Err(*error),
            State::Prefix { .. } | State::Done => Ok(None),
        }
    }
}

/// The records behind the prefix, once that is whole.
fn open_prefix(
    secret: &ResponseSecret,
    buffer: &mut BytesMut,
    ended: bool,
) -> Result<Option<Reader<Sequence>>, Error> {
    let front = buffer.get(..FRONT.len()).unwrap_or(buffer);
    if !FRONT.starts_with(front) {
        return Err(Error::MalformedEnvelope);
    }
    let Some(prefix) = buffer.first_chunk::<PREFIX_LEN>() else {
        return if ended { Err(Error::MalformedEnvelope) } else { Ok(None) };
    };
    let nonce = prefix.last_chunk::<NONCE_LEN>().ok_or(Error::MalformedEnvelope)?;
    let (sequence, aad) = (secret.sequence(nonce)?, Aad::new(RECORD_LABEL, prefix));
    buffer.advance(PREFIX_LEN);
    let mut records = Reader::new(sequence, aad, std::mem::take(buffer));
    if ended {
        records.end();
    }
    Ok(Some(records))
}

/// What follows START.
struct Body {
    records: Reader<Sequence>,
    head: ResponseHead,
    method: Method,
    limits: Limits,
    decoder: Decoder,
    /// a finite body, held until the end is certain
    held: Option<Bytes>,
    /// END has come
    ended: bool,
}

impl Body {
    fn new(records: Reader<Sequence>, head: ResponseHead, method: Method, limits: Limits) -> Self {
        Self { records, head, method, limits, decoder: Decoder::default(), held: None, ended: false }
    }

    fn next_event(&mut self) -> Result<Option<Event>, Error> {
        while !self.ended {
            let Some(mut record) = self.records.next_record(self.limits.response_record())? else {
                return Ok(None);
            };
            match record.first() {
                Some(&kind::DATA) => {
                    record.advance(1);
                    if let Some(block) = self.data(record)? {
                        return Ok(Some(Event::Data(block)));
                    }
                }
                Some(&kind::END) if record.len() == 1 => self.end()?,
                _ => return Err(Error::MalformedEnvelope),
            }
        }
        self.close()
    }

    /// A block is given out at once, a finite body held (HH-23).
    fn data(&mut self, coded: BytesMut) -> Result<Option<Bytes>, Error> {
        if self.head.mode() == Mode::Finite && self.held.is_some() {
            return Err(Error::MalformedEnvelope);
        }
        let data = self.decoder.part(coded, self.limits.max_body_len)?;
        match self.head.mode() {
            Mode::EventStream if sse::is_block(&data) => Ok(Some(data)),
            Mode::EventStream => Err(Error::MalformedEnvelope),
            Mode::Finite => {
                self.held = Some(data);
                Ok(None)
            }
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.head.mode() == Mode::Finite {
            let len = self.held.as_ref().map_or(0, Bytes::len);
            response_length(self.method, self.head.status(), self.head.fields(), len)
                .map_err(Error::received)?;
        }
        self.ended = true;
        Ok(())
    }

    /// Behind END nothing may come but the end of the outer body (HH-23).
    fn close(&mut self) -> Result<Option<Event>, Error> {
        if !self.records.is_empty() {
            return Err(Error::MalformedEnvelope);
        }
        if !self.records.has_ended() {
            return Ok(None);
        }
        Ok(Some(self.held.take().map_or(Event::End, Event::Data)))
    }
}
