//! The server's side, as a chain of types: [`Preparsed`] (the fields), [`Claimed`] (keys that nothing has proven),
//! [`Pending`] (a chunk has opened, or the route does without) and, once the register has admitted it, [`Opened`]
//! or [`Reply`] alone.

use super::{
    Credential, Encoding, Error, Limits,
    chunk::{Chunk, ChunkOpener, ChunkSealer},
    decode::{BodyDecoder, coding},
    event,
    exported::{AnswerKeys, Cipher, ENC_LEN, Keys, MAX_PSK_ID_LEN, Salt},
    fields::{self, name},
};
use crate::envelope::{KEM, SUITE};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use sealwire_crypto::{
    digest::sha256,
    hpke::{self, Mode},
    kem::{PrivateKey, PublicKey},
    random::{self, Random},
};

/// A server's key for this wire alone (HH-105). Wiped on drop.
pub struct ServerKey {
    key: PrivateKey,
}

impl ServerKey {
    /// A fresh key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Ok(Self { key: PrivateKey::generate(KEM, random)? })
    }

    /// From a private key of X25519.
    ///
    /// # Errors
    /// [`Error::Document`] for one of another KEM, which the key document cannot name.
    pub fn new(key: PrivateKey) -> Result<Self, Error> {
        if key.public_key().kem() == KEM { Ok(Self { key }) } else { Err(Error::Document) }
    }

    /// Its public key, for [`super::document`].
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }
}

/// The fields of a request: what it claims.
pub struct Preparsed {
    enc: [u8; ENC_LEN],
    salt: Option<Salt>,
    psk_id: Vec<u8>,
    encoding: Encoding,
}

impl Preparsed {
    /// Reads the fields of a request.
    ///
    /// # Errors
    /// [`Error::Unsealed`], [`Error::Field`], [`Error::UnknownPsk`] (no id), [`Error::PskIdTooLong`], [`Error::Coding`]
    pub fn new(headers: &HeaderMap) -> Result<Self, Error> {
        let enc = fields::bytes(headers, &name::ENC)?.ok_or(Error::Unsealed)?;
        let enc = enc.try_into().map_err(|_| Error::Field)?;
        let psk_id =
            fields::bytes(headers, &name::PSK_ID)?.filter(|id| !id.is_empty()).ok_or(Error::UnknownPsk)?;
        if psk_id.len() > MAX_PSK_ID_LEN {
            return Err(Error::PskIdTooLong);
        }
        Ok(Self { enc, salt: fields::salt(headers)?, psk_id, encoding: Encoding::of(headers)? })
    }

    /// The id of the pre-shared key that the request claims to know.
    #[must_use]
    pub fn psk_id(&self) -> &[u8] {
        &self.psk_id
    }

    /// Derives the request's keys. Nothing has authenticated then.
    ///
    /// # Errors
    /// [`Error::UnknownPsk`] when `credential` is of another id; [`Error::Open`] for an encapsulated key that is none.
    pub fn claim(self, key: &ServerKey, credential: &Credential, limits: &Limits) -> Result<Claimed, Error> {
        let Self { enc, salt, psk_id, encoding } = self;
        if credential.id() != psk_id.as_slice() {
            return Err(Error::UnknownPsk);
        }
        let mode = Mode::Psk { psk: credential.psk(), id: &psk_id };
        let receiver = hpke::setup_receiver(&key.key, &enc, SUITE, mode, &psk_id).map_err(|_| Error::Open)?;
        let Keys { request, answer } = Keys::export(|label, out| receiver.export(label, out))?;
        let chunks = salt.map(|salt| Cipher::new(&request, salt).map(ChunkOpener::new)).transpose()?;
        let decoder = BodyDecoder::new(encoding, limits.request, limits.ratio)?;
        Ok(Claimed {
            replay_id: sha256(&[&enc]),
            chunks,
            first: None,
            decoder,
            reply: Reply { keys: answer, event_limit: limits.event },
        })
    }
}

/// A request whose keys are known. Anybody can have made its fields up (HH-91).
pub struct Claimed {
    replay_id: [u8; 32],
    /// `None` without a salt: then there is no body
    chunks: Option<ChunkOpener>,
    first: Option<Chunk>,
    decoder: BodyDecoder,
    reply: Reply,
}

impl Claimed {
    /// Takes the next slice of the outer body.
    pub fn push(&mut self, slice: &[u8]) {
        if let Some(chunks) = &mut self.chunks {
            chunks.push(slice);
        }
    }

    /// Says that the outer body has ended.
    pub fn end(&mut self) {
        if let Some(chunks) = &mut self.chunks {
            chunks.end();
        }
    }

    /// Whether a chunk has opened: whoever sent it has the pre-shared key.
    ///
    /// # Errors
    /// [`Error::Field`] for a body without a salt; what is wrong with the first chunk; [`Error::Unproven`] when the
    /// outer body ended without one.
    pub fn is_proven(&mut self) -> Result<bool, Error> {
        if self.first.is_some() {
            return Ok(true);
        }
        let chunks = self.chunks.as_mut().ok_or(Error::Field)?;
        self.first = chunks.next_chunk()?;
        match self.first {
            None if chunks.is_done() => Err(Error::Unproven),
            _ => Ok(self.first.is_some()),
        }
    }

    /// The request, as somebody's who has the pre-shared key.
    ///
    /// # Errors
    /// As [`Self::is_proven`]; [`Error::Unproven`] before it said yes.
    pub fn prove(mut self) -> Result<Pending<Opened>, Error> {
        if !self.is_proven()? {
            return Err(Error::Unproven);
        }
        let Self { replay_id, chunks, first, decoder, reply } = self;
        let chunks = chunks.ok_or(Error::Field)?;
        let body = RequestBody { chunks, first, decoder, state: State::Open };
        Ok(Pending { replay_id, value: Opened { body, reply } })
    }

    /// The request, as nobody's: for a method without a body, on a route that allows it (HH-91). The answer can be read
    /// by somebody who has the pre-shared key alone.
    #[must_use]
    pub fn anonymous(self) -> Pending<Reply> {
        Pending { replay_id: self.replay_id, value: self.reply }
    }
}

/// A request that may be one that has been answered before (HH-95). Answering one twice would use its keys twice under
/// a salt of 32 bits (HH-98).
pub struct Pending<T> {
    replay_id: [u8; 32],
    value: T,
}

impl<T> Pending<T> {
    /// What the register remembers as long as the server's key lives, or the window that is set.
    #[must_use]
    pub fn replay_id(&self) -> &[u8; 32] {
        &self.replay_id
    }

    /// What it holds, if the register had not seen it.
    ///
    /// # Errors
    /// [`Error::Replay`]
    pub fn admit(self, is_first: bool) -> Result<T, Error> {
        if is_first { Ok(self.value) } else { Err(Error::Replay) }
    }
}

/// A request of somebody who has the pre-shared key. Its method, path and fields are anybody's (HH-96).
pub struct Opened {
    /// opens its body, as it comes
    pub body: RequestBody,
    /// the right to answer it, once
    pub reply: Reply,
}

/// What has authenticated of a request's body.
#[derive(Debug, PartialEq, Eq)]
pub enum Data {
    /// bytes of the body, in their order; never empty
    Data(Bytes),
    /// the outer body has ended at the end of a chunk. A sender's own end does not show (HH-97)
    End,
}

/// Takes a request's outer body in slices of any size and yields what has authenticated.
pub struct RequestBody {
    chunks: ChunkOpener,
    first: Option<Chunk>,
    decoder: BodyDecoder,
    state: State,
}

enum State {
    Open,
    /// the last clear bytes have been given
    Ended,
    Done,
    Failed(Error),
}

impl RequestBody {
    /// Takes the next slice of the outer body.
    pub fn push(&mut self, slice: &[u8]) {
        self.chunks.push(slice);
    }

    /// Says that the outer body has ended.
    pub fn end(&mut self) {
        self.chunks.end();
    }

    /// The next bytes, or `None` until more is pushed, and for ever after [`Data::End`].
    ///
    /// # Errors
    /// What the client did wrong; the body is then of no further use and repeats the error.
    pub fn next_data(&mut self) -> Result<Option<Data>, Error> {
        self.advance().inspect_err(|&error| self.state = State::Failed(error))
    }

    fn advance(&mut self) -> Result<Option<Data>, Error> {
        loop {
            match self.state {
                State::Open => {}
                State::Ended => {
                    self.state = State::Done;
                    return Ok(Some(Data::End));
                }
                State::Done => return Ok(None),
                State::Failed(error) => return Err(error),
            }
            let data =
                match self.first.take().map_or_else(|| self.chunks.next_chunk(), |first| Ok(Some(first)))? {
                    // The body is compressed as a whole, or not at all (HH-84).
                    Some(chunk) if chunk.coding != coding::IDENTITY => return Err(Error::Coding),
                    Some(chunk) if chunk.data.len() > super::DATA_LEN => return Err(Error::ChunkLength),
                    Some(chunk) => self.decoder.data(chunk.data.freeze())?,
                    None if self.chunks.is_done() => {
                        self.state = State::Ended;
                        self.decoder.end()?
                    }
                    None => return Ok(None),
                };
            if !data.is_empty() {
                return Ok(Some(Data::Data(data)));
            }
        }
    }
}

/// The right to answer a request, once.
pub struct Reply {
    keys: AnswerKeys,
    event_limit: usize,
}

impl Reply {
    /// What seals the answer, and the value of its `X-HPKE-Stream`. `is_event_stream` is [`super::is_event_stream`] of the
    /// answer's content type, which stays in clear; its content-length does not.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn start(
        self,
        is_event_stream: bool,
        random: &dyn Random,
    ) -> Result<(HeaderValue, ResponseSealer), Error> {
        let salt: Salt = random::array(random)?;
        let sealer = if is_event_stream {
            let cipher = Cipher::new(&self.keys.events, salt)?;
            ResponseSealer::Events(EventSealer(event::EventSealer::new(cipher, self.event_limit)))
        } else {
            ResponseSealer::Chunks(BodySealer(ChunkSealer::new(Cipher::new(&self.keys.chunks, salt)?)))
        };
        Ok((fields::value(&salt)?, sealer))
    }
}

/// What seals an answer. None is ever compressed (HH-100, HH-103).
pub enum ResponseSealer {
    /// any content
    Chunks(BodySealer),
    /// an event stream
    Events(EventSealer),
}

/// Seals an answer's content as chunks.
pub struct BodySealer(ChunkSealer);

impl BodySealer {
    /// Appends `data` as as many chunks as it needs; none when empty.
    ///
    /// # Errors
    /// [`Error::Exhausted`]
    pub fn data(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
        self.0.chunks(out, data)
    }

    /// Appends the last chunk, which may be empty and always comes (HH-85). `data` has at most [`super::DATA_LEN`] bytes.
    ///
    /// # Errors
    /// [`Error::Exhausted`], [`Error::TooLong`]
    pub fn finish(mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
        self.0.chunk(out, data)
    }
}

/// Seals an event stream.
pub struct EventSealer(event::EventSealer);

impl EventSealer {
    /// Takes the next bytes of the stream, divided in any way, and appends every event that they complete.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Exhausted`]
    pub fn write(&mut self, out: &mut BytesMut, stream: &[u8]) -> Result<(), Error> {
        self.0.write(out, stream)
    }

    /// Appends an unfinished last event (HH-86).
    ///
    /// # Errors
    /// [`Error::Exhausted`]
    pub fn finish(self, out: &mut BytesMut) -> Result<(), Error> {
        self.0.finish(out)
    }
}
