//! The client's side. Every body is sealed, also an empty one (HH-94), and nothing is ever compressed (HH-103).

use super::{
    Credential, Error, Limits,
    chunk::{ChunkOpener, ChunkSealer},
    decode::ChunkDecoder,
    event::EventOpener,
    exported::{AnswerKeys, Cipher, Keys, Salt},
    fields::{self, name},
    is_event_stream,
};
use crate::envelope::SUITE;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use sealwire_crypto::{
    hpke::{self, Mode},
    kem::PublicKey,
    random::{self, Random},
};

/// A request that has begun.
pub struct Started {
    /// the wire's fields, to be added to the request's own; a content type goes to [`name::CONTENT_TYPE`]
    pub headers: HeaderMap,
    /// seals the body
    pub body: RequestSealer,
    /// opens the answer
    pub answer: AwaitedAnswer,
}

/// Starts a request to a key that [`super::parse_document`] gave. `content_type` is the application's.
///
/// # Errors
/// When there is no randomness, or the key is none of X25519.
pub fn start(
    to: &PublicKey,
    credential: &Credential,
    content_type: Option<&HeaderValue>,
    random: &dyn Random,
) -> Result<Started, Error> {
    let id = credential.id();
    let mode = Mode::Psk { psk: credential.psk(), id };
    let (enc, sender) = hpke::setup_sender(to, SUITE, mode, id, random)?;
    let Keys { request, answer } = Keys::export(|label, out| sender.export(label, out))?;
    let salt: Salt = random::array(random)?;
    let mut headers = HeaderMap::new();
    headers.insert(name::ENC, fields::value(&enc)?);
    headers.insert(name::STREAM, fields::value(&salt)?);
    headers.insert(name::PSK_ID, fields::value(id)?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Some(content_type) = content_type {
        headers.insert(name::CONTENT_TYPE, content_type.clone());
    }
    let body = RequestSealer { chunks: ChunkSealer::new(Cipher::new(&request, salt)?) };
    Ok(Started { headers, body, answer: AwaitedAnswer { keys: answer } })
}

/// Seals a request's body as it comes.
pub struct RequestSealer {
    chunks: ChunkSealer,
}

impl RequestSealer {
    /// Appends `data` as as many chunks as it needs; none when empty.
    ///
    /// # Errors
    /// [`Error::Exhausted`]
    pub fn data(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
        self.chunks.chunks(out, data)
    }

    /// Appends the last chunk, which may be empty: a server that asks for proof finds it there (HH-91). `data` has at
    /// most [`super::DATA_LEN`] bytes.
    ///
    /// # Errors
    /// [`Error::Exhausted`], [`Error::TooLong`]
    pub fn finish(mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
        self.chunks.chunk(out, data)
    }
}

/// An answer of which nothing has come.
pub struct AwaitedAnswer {
    keys: AnswerKeys,
}

impl AwaitedAnswer {
    /// What opens an answer with these fields.
    ///
    /// # Errors
    /// [`Error::Refused`] for an error of the peer's middleware, whatever its status (HH-99); [`Error::Unsealed`];
    /// [`Error::Field`].
    pub fn open(self, headers: &HeaderMap, limits: &Limits) -> Result<ResponseReader, Error> {
        if headers.contains_key(name::ERROR) {
            return Err(Error::Refused);
        }
        let salt = fields::salt(headers)?.ok_or(Error::Unsealed)?;
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let form = if content_type.is_some_and(is_event_stream) {
            Form::Events(EventOpener::new(Cipher::new(&self.keys.events, salt)?, limits.event))
        } else {
            let chunks = ChunkOpener::new(Cipher::new(&self.keys.chunks, salt)?);
            Form::Chunks { chunks, decoder: ChunkDecoder::default(), left: limits.response, is_empty: true }
        };
        Ok(ResponseReader { form, state: State::Open, has_opened: false })
    }
}

/// What has authenticated of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Data {
    /// bytes of the content, in their order, or one event of a stream; never empty
    Data(Bytes),
    /// the outer body has ended at the end of a chunk or an event. A sender's own end does not show (HH-97)
    End,
}

/// Takes an answer's outer body in slices of any size and yields what has authenticated.
pub struct ResponseReader {
    form: Form,
    state: State,
    has_opened: bool,
}

enum Form {
    Chunks { chunks: ChunkOpener, decoder: ChunkDecoder, left: u64, is_empty: bool },
    Events(EventOpener),
}

enum State {
    Open,
    Done,
    Failed(Error),
}

impl ResponseReader {
    /// Takes the next slice of the outer body.
    pub fn push(&mut self, slice: &[u8]) {
        match &mut self.form {
            Form::Chunks { chunks, .. } => chunks.push(slice),
            Form::Events(events) => events.push(slice),
        }
    }

    /// Says that the outer body has ended.
    pub fn end(&mut self) {
        match &mut self.form {
            Form::Chunks { chunks, .. } => chunks.end(),
            Form::Events(events) => events.end(),
        }
    }

    /// Whether anything has opened, be it empty. Before that nobody knows whose answer this is.
    #[must_use]
    pub fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// The next bytes, or `None` until more is pushed, and for ever after [`Data::End`].
    ///
    /// # Errors
    /// What the server did wrong; the reader is then of no further use and repeats the error.
    pub fn next_data(&mut self) -> Result<Option<Data>, Error> {
        self.advance().inspect_err(|&error| self.state = State::Failed(error))
    }

    fn advance(&mut self) -> Result<Option<Data>, Error> {
        loop {
            match self.state {
                State::Open => {}
                State::Done => return Ok(None),
                State::Failed(error) => return Err(error),
            }
            let (data, is_done) = match &mut self.form {
                Form::Chunks { chunks, decoder, left, is_empty } => match chunks.next_chunk()? {
                    Some(chunk) => {
                        *is_empty = false;
                        let data = decoder.data(chunk)?;
                        *left = left.checked_sub(data.len() as u64).ok_or(Error::TooLong)?;
                        (Some(data), false)
                    }
                    // A last chunk always comes (HH-85).
                    None if chunks.is_done() && *is_empty => return Err(Error::Truncated),
                    None => (None, chunks.is_done()),
                },
                Form::Events(events) => (events.next_event()?, events.is_done()),
            };
            self.has_opened |= data.is_some();
            match data {
                Some(data) if data.is_empty() => {}
                Some(data) => return Ok(Some(Data::Data(data))),
                None if is_done => {
                    self.state = State::Done;
                    return Ok(Some(Data::End));
                }
                None => return Ok(None),
            }
        }
    }
}
