//! The client's side. Every call that starts a request makes a fresh HPKE context: a retry is a new request (OB-11).
//! A client that is set to one form keeps to it (OB-26).

use crate::{
    Error, Limits,
    config::Selected,
    form::{self, Form, HEADER_LEN},
    response::ResponseSecret,
};
use bytes::{Bytes, BytesMut};
use sealwire_crypto::{
    aead::{Sequence, TAG_LEN},
    hpke::{self, Mode, Sender},
    random::Random,
};
use sealwire_message::chunk::{self, Opened, Opener, Sealer};

/// SetupBaseS and the export of the response secret; also the header and the encapsulated key, joined.
fn set_up(
    form: Form,
    to: &Selected,
    random: &dyn Random,
) -> Result<([u8; HEADER_LEN], Vec<u8>, Sender, ResponseSecret), Error> {
    let header = form::header(to.key_id, to.public_key.kem(), to.suite);
    let (enc, sender) =
        hpke::setup_sender(&to.public_key, to.suite, Mode::Base, &form.info(&header), random)?;
    let secret = ResponseSecret::new(form, to.suite, enc.clone(), |label, out| sender.export(label, out))?;
    Ok((header, enc, sender, secret))
}

/// Seals a whole request: `plaintext` is copied once into the result.
///
/// # Errors
/// No randomness, or [`Error::RequestTooLong`].
pub fn seal_single(
    to: &Selected,
    plaintext: &[u8],
    limits: &Limits,
    random: &dyn Random,
) -> Result<(BytesMut, SingleResponse), Error> {
    let mut buffer = single_buffer(to, plaintext.len());
    buffer.extend_from_slice(plaintext);
    seal_single_in_place(to, buffer, limits, random)
}

/// A buffer that already holds the room for header and encapsulated key, so that a message of up to `capacity` bytes
/// can be written behind it and sealed by [`seal_single_in_place`] without a copy.
#[must_use]
pub fn single_buffer(to: &Selected, capacity: usize) -> BytesMut {
    let prefix_len = form::prefix_len(to.public_key.kem());
    let mut out = BytesMut::with_capacity(capacity.saturating_add(prefix_len + TAG_LEN));
    out.resize(prefix_len, 0);
    out
}

/// Seals a whole request where it lies. `plaintext` is what [`single_buffer`] gave for the same key, with the message appended.
///
/// # Errors
/// As [`seal_single`].
pub fn seal_single_in_place(
    to: &Selected,
    mut plaintext: BytesMut,
    limits: &Limits,
    random: &dyn Random,
) -> Result<(BytesMut, SingleResponse), Error> {
    let prefix_len = form::prefix_len(to.public_key.kem());
    let (prefix, message) = plaintext.split_at_mut_checked(prefix_len).ok_or(Error::Buffer)?;
    if message.len() > limits.request(to.suite.aead) {
        return Err(Error::RequestTooLong);
    }
    let (header, enc, mut sender, secret) = set_up(Form::Single, to, random)?;
    let tag = sender.seal(b"", message)?;
    for (to, from) in prefix.iter_mut().zip(header.iter().chain(&enc)) {
        *to = *from;
    }
    plaintext.extend_from_slice(&tag);
    Ok((plaintext, SingleResponse::new(secret, limits.response(to.suite.aead))))
}

/// Opens the answer to a single-shot request.
pub struct SingleResponse {
    secret: ResponseSecret,
    limit: usize,
}

impl SingleResponse {
    pub(crate) fn new(secret: ResponseSecret, limit: usize) -> Self {
        Self { secret, limit }
    }

    /// Opens in place.
    ///
    /// # Errors
    /// OB-115, and [`Error::ResponseTooLong`].
    pub fn open(self, mut message: BytesMut) -> Result<Bytes, Error> {
        let nonce_len = self.secret.nonce_len();
        let plaintext_len = message.len().checked_sub(nonce_len + TAG_LEN).ok_or(Error::ResponseTooShort)?;
        if plaintext_len > self.limit {
            return Err(Error::ResponseTooLong);
        }
        let nonce = message.split_to(nonce_len);
        let (key, iv) = self.secret.key(&nonce)?;
        let opened = key.open(iv, b"", &mut message).map_err(|_| Error::ResponseOpen)?.len();
        message.truncate(opened);
        Ok(message.freeze())
    }
}

/// Starts a chunked request: writes header and encapsulated key to `out`.
///
/// # Errors
/// No randomness.
pub fn start_chunked(
    to: &Selected,
    out: &mut BytesMut,
    limits: &Limits,
    random: &dyn Random,
) -> Result<(Sealer<Sender>, ChunkedResponse), Error> {
    let (header, enc, sender, secret) = set_up(Form::Chunked, to, random)?;
    let limits = limits.chunk(to.suite.aead);
    out.extend_from_slice(&header);
    out.extend_from_slice(&enc);
    Ok((Sealer::new(sender, limits), ChunkedResponse::new(secret, limits)))
}

/// Opens the answer to a chunked request: push slices of the outer body, take chunks.
///
/// The message is complete only when [`Opened::Final`] was taken (OB-25).
pub struct ChunkedResponse {
    state: State,
}

enum State {
    /// The nonce may come in several slices.
    Nonce {
        secret: ResponseSecret,
        limits: chunk::Limits,
        nonce: Vec<u8>,
        ended: bool,
    },
    Chunks(Opener<Sequence>),
}

impl ChunkedResponse {
    pub(crate) fn new(secret: ResponseSecret, limits: chunk::Limits) -> Self {
        let nonce = Vec::with_capacity(secret.nonce_len());
        Self { state: State::Nonce { secret, limits, nonce, ended: false } }
    }

    /// Gives it the next slice of the outer body.
    ///
    /// # Errors
    /// Key derivation from the nonce.
    pub fn push(&mut self, slice: &[u8]) -> Result<(), Error> {
        match &mut self.state {
            State::Nonce { secret, limits, nonce, .. } => {
                let missing = secret.nonce_len().saturating_sub(nonce.len());
                let (front, rest) = slice.split_at_checked(missing).unwrap_or((slice, &[]));
                nonce.extend_from_slice(front);
                if nonce.len() == secret.nonce_len() {
                    let mut chunks = Opener::new(secret.sequence(nonce)?, *limits);
                    chunks.push(rest);
                    self.state = State::Chunks(chunks);
                }
            }
            State::Chunks(chunks) => chunks.push(slice),
        }
        Ok(())
    }

    /// Says that the outer body has ended.
    pub fn end(&mut self) {
        match &mut self.state {
            State::Nonce { ended, .. } => *ended = true,
            State::Chunks(chunks) => chunks.end(),
        }
    }

    /// The next chunk, or `None` until more is pushed.
    ///
    /// # Errors
    /// OB-108 to OB-115.
    pub fn next_chunk(&mut self) -> Result<Option<Opened>, Error> {
        match &mut self.state {
            State::Nonce { ended: false, .. } => Ok(None),
            State::Nonce { ended: true, .. } => Err(Error::ResponseTooShort),
            State::Chunks(chunks) => Ok(chunks.next_chunk()?),
        }
    }
}
