//! The client's side. Every attempt makes a fresh context (OB-11).

use crate::{Error, Limits, config::Selected};
use bytes::{Bytes, BytesMut};
use sealwire_crypto::{hpke::Sender, random::Random};
use sealwire_message::chunk::{Opened, Sealer};

/// Seals a whole request: `plaintext` is copied once into the result.
///
/// # Errors
/// No randomness, or above the size limit.
pub fn seal_single(_to: &Selected, _plaintext: &[u8], _limits: &Limits, _random: &dyn Random) -> Result<(BytesMut, SingleResponse), Error> {
    todo!()
}

/// Opens the answer to a single-shot request.
pub struct SingleResponse {}

impl SingleResponse {
    /// Opens in place.
    ///
    /// # Errors
    /// OB-115, and the size limit.
    pub fn open(self, _message: BytesMut) -> Result<Bytes, Error> {
        todo!()
    }
}

/// Starts a chunked request: writes header and encapsulated key to `out`.
///
/// # Errors
/// No randomness.
pub fn start_chunked(_to: &Selected, _out: &mut BytesMut, _limits: &Limits, _random: &dyn Random) -> Result<(Sealer<Sender>, ChunkedResponse), Error> {
    todo!()
}

/// Opens the answer to a chunked request: push slices of the outer body, take chunks.
pub struct ChunkedResponse {}

impl ChunkedResponse {
    /// Gives it the next slice of the outer body.
    ///
    /// # Errors
    /// Key derivation from the nonce.
    pub fn push(&mut self, _slice: &[u8]) -> Result<(), Error> {
        todo!()
    }
    /// Says that the outer body has ended.
    pub fn end(&mut self) {
        todo!()
    }
    /// The next chunk, or `None` until more is pushed.
    ///
    /// # Errors
    /// OB-108 to OB-115.
    pub fn next_chunk(&mut self) -> Result<Option<Opened>, Error> {
        todo!()
    }
}
