//! The gateway's side.

use crate::{Error, Limits, config::KeyConfig};
use bytes::{Bytes, BytesMut};
use sealwire_crypto::{aead::Sequence, hpke::{Receiver, Symmetric}, kem::{Kem, PrivateKey}, random::Random};
use sealwire_message::chunk::{Opener, Sealer};

/// Bytes before the encapsulated key.
pub const HEADER_LEN: usize = 7;

/// SHA-256 of an encapsulated key, cut to 16 bytes: what the replay register keeps (OB-60).
pub type EncDigest = [u8; 16];

/// A live key: config and private half. Wiped on drop.
pub struct GatewayKey {}

impl GatewayKey {
    /// A fresh key that offers `suites`.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(_key_id: u8, _kem: Kem, _suites: &[Symmetric], _random: &dyn Random) -> Result<Self, Error> {
        todo!()
    }
    /// From a private key.
    #[must_use]
    pub fn new(_key_id: u8, _key: PrivateKey, _suites: &[Symmetric]) -> Self {
        todo!()
    }
    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &KeyConfig {
        todo!()
    }
}

/// A checked request header together with the key that it names; enough to know how many bytes the encapsulated key has.
#[derive(Debug, Clone, Copy)]
pub struct Header {}

impl Header {
    /// Parses the first [`HEADER_LEN`] bytes, finds the key, and makes the checks of OB-10.
    ///
    /// # Errors
    /// [`Error::TooShort`], and OB-101 to OB-103.
    pub fn parse<K: AsRef<GatewayKey>>(_bytes: &[u8], _find: impl FnOnce(u8) -> Option<K>) -> Result<(Self, K), Error> {
        todo!()
    }
    /// Length of header and encapsulated key together, bytes.
    #[must_use]
    pub fn prefix_len(&self) -> usize {
        todo!()
    }
}

/// An opened single-shot request.
pub struct OpenedSingle {
    /// the Binary HTTP request, with any padding
    pub plaintext: Bytes,
    /// for the replay register
    pub enc_digest: EncDigest,
    /// seals the answer
    pub reply: SingleReply,
}

/// Opens a whole single-shot request in place.
///
/// # Errors
/// OB-100, OB-104, OB-105, and the size limit.
pub fn open_single(_header: Header, _key: &GatewayKey, _message: BytesMut, _limits: &Limits) -> Result<OpenedSingle, Error> {
    todo!()
}

/// What is left of a single-shot request: enough to answer it, any number of times (OB-12: each with a fresh nonce).
pub struct SingleReply {}

impl SingleReply {
    /// Seals an answer: nonce, then `plaintext` encrypted in place. `plaintext` is what [`Self::buffer`] gave, with the message appended.
    ///
    /// # Errors
    /// No randomness, or above the size limit.
    pub fn seal(&self, _plaintext: BytesMut, _random: &dyn Random) -> Result<BytesMut, Error> {
        todo!()
    }
    /// A buffer that already holds the room for the nonce, so that the message can be written behind it and sealed in place.
    #[must_use]
    pub fn buffer(&self, _capacity: usize) -> BytesMut {
        todo!()
    }
}

/// An accepted chunked request: nothing of it has authenticated yet.
pub struct OpenedChunked {
    /// opens the chunks
    pub chunks: Opener<Receiver>,
    /// for the replay register, once a chunk has authenticated
    pub enc_digest: EncDigest,
    /// seals the answer
    pub reply: ChunkedReply,
}

/// Sets a chunked request up; `prefix` is the header and the encapsulated key, [`Header::prefix_len`] bytes.
///
/// # Errors
/// OB-100, OB-104.
pub fn open_chunked(_header: Header, _key: &GatewayKey, _prefix: &[u8], _limits: &Limits) -> Result<OpenedChunked, Error> {
    todo!()
}

/// Enough of a chunked request to answer it.
pub struct ChunkedReply {}

impl ChunkedReply {
    /// Starts the answer: writes the nonce to `out` and gives what seals its chunks.
    ///
    /// # Errors
    /// No randomness.
    pub fn start(&self, _out: &mut BytesMut, _random: &dyn Random) -> Result<Sealer<Sequence>, Error> {
        todo!()
    }
}
