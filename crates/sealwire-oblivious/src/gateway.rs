//! The gateway's side.
//!
//! [`Header::parse`] first, as soon as [`HEADER_LEN`] bytes are there: it makes every check that needs no public-key
//! work (OB-10). Then [`open_single`] with the whole message, or [`open_chunked`] with [`Header::prefix_len`] bytes.

use crate::{
    Error, Limits,
    config::{self, KeyConfig},
    form::{self, Form},
    response::ResponseSecret,
};
use bytes::{Bytes, BytesMut};
use sealwire_crypto::{
    aead::{Aead, Sequence, TAG_LEN},
    digest,
    hpke::{self, Mode, Receiver, Symmetric},
    kdf::Hkdf,
    kem::{Kem, PrivateKey},
    random::Random,
};
use sealwire_message::chunk::{self, Opener, Sealer};
use std::ops::Deref;

pub use crate::form::HEADER_LEN;

/// SHA-256 of an encapsulated key, cut to 16 bytes: what the replay register keeps (OB-60).
pub type EncDigest = [u8; 16];

/// A live key: config and private half. Wiped on drop.
pub struct GatewayKey {
    config: KeyConfig,
    key: PrivateKey,
}

impl GatewayKey {
    /// A fresh key that offers `suites`, ordered by preference.
    ///
    /// # Errors
    /// When there is no randomness; [`Error::NoSuite`].
    pub fn generate(key_id: u8, kem: Kem, suites: &[Symmetric], random: &dyn Random) -> Result<Self, Error> {
        if suites.is_empty() {
            return Err(Error::NoSuite);
        }
        Ok(Self::new(key_id, PrivateKey::generate(kem, random)?, suites))
    }

    /// From a private key, which serves this wire alone (OB-08). `suites` is not empty: a key that offers nothing
    /// opens nothing, and clients refuse a list that contains it.
    #[must_use]
    pub fn new(key_id: u8, key: PrivateKey, suites: &[Symmetric]) -> Self {
        let mut suites = suites.to_vec();
        config::dedup(&mut suites);
        let config = KeyConfig { key_id, public_key: key.public_key().clone(), suites };
        Self { config, key }
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> &KeyConfig {
        &self.config
    }
}

impl AsRef<GatewayKey> for GatewayKey {
    fn as_ref(&self) -> &GatewayKey {
        self
    }
}

/// A checked request header; enough to know how many bytes the encapsulated key has.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    bytes: [u8; HEADER_LEN],
    kem: Kem,
    suite: Symmetric,
}

impl Header {
    /// Parses the first [`HEADER_LEN`] bytes, finds the key, and makes the checks of OB-10 in their order.
    /// The same for both forms (OB-153). `find` gives a pointer to the key (`&`, `Arc`), or to what holds one.
    ///
    /// # Errors
    /// [`Error::TooShort`], and OB-101 to OB-103.
    pub fn parse<K>(bytes: &[u8], find: impl FnOnce(u8) -> Option<K>) -> Result<(Self, K), Error>
    where
        K: Deref<Target: AsRef<GatewayKey>>,
    {
        let bytes: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(Error::TooShort)?;
        let [key_id, kem_hi, kem_lo, kdf_hi, kdf_lo, aead_hi, aead_lo] = *bytes;
        let key = find(key_id).ok_or(Error::UnknownKey)?;
        let config = (*key).as_ref().config();
        let kem = config.public_key.kem();
        if u16::from_be_bytes([kem_hi, kem_lo]) != kem.id() {
            return Err(Error::KemMismatch);
        }
        let suite = Hkdf::from_id(u16::from_be_bytes([kdf_hi, kdf_lo]))
            .zip(Aead::from_id(u16::from_be_bytes([aead_hi, aead_lo])))
            .map(|(kdf, aead)| Symmetric { kdf, aead })
            .filter(|suite| config.suites.contains(suite))
            .ok_or(Error::SuiteNotOffered)?;
        Ok((Self { bytes: *bytes, kem, suite }, key))
    }

    /// Length of header and encapsulated key together, bytes.
    #[must_use]
    pub fn prefix_len(&self) -> usize {
        form::prefix_len(self.kem)
    }

    /// SetupBaseR and the export of the response secret. Every failure is the one of a tag (OB-104).
    fn set_up(&self, form: Form, key: &GatewayKey, enc: &[u8]) -> Result<(Receiver, ResponseSecret), Error> {
        let info = form.info(&self.bytes);
        let receiver =
            hpke::setup_receiver(&key.key, enc, self.suite, Mode::Base, &info).map_err(|_| Error::Open)?;
        let secret =
            ResponseSecret::new(form, self.suite, enc.to_vec(), |label, out| receiver.export(label, out))?;
        Ok((receiver, secret))
    }
}

fn enc_digest(enc: &[u8]) -> EncDigest {
    let mut cut = EncDigest::default();
    for (to, from) in cut.iter_mut().zip(digest::sha256(&[enc])) {
        *to = from;
    }
    cut
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

/// Opens a whole single-shot request in place. `message` starts with the header.
///
/// # Errors
/// OB-100, OB-104 to OB-106, and [`Error::RequestTooLong`].
pub fn open_single(
    header: Header,
    key: &GatewayKey,
    mut message: BytesMut,
    limits: &Limits,
) -> Result<OpenedSingle, Error> {
    // Lengths before any KEM work (OB-10, OB-100).
    let plaintext_len = message
        .len()
        .checked_sub(header.prefix_len())
        .and_then(|sealed| sealed.checked_sub(TAG_LEN))
        .ok_or(Error::TooShort)?;
    if plaintext_len > limits.request(header.suite.aead) {
        return Err(Error::RequestTooLong);
    }
    let prefix = message.split_to(header.prefix_len());
    let enc = prefix.get(HEADER_LEN..).ok_or(Error::TooShort)?;
    let (mut receiver, secret) = header.set_up(Form::Single, key, enc)?;
    let opened = receiver.open(b"", &mut message).map_err(|_| Error::Open)?.len();
    message.truncate(opened);
    Ok(OpenedSingle {
        plaintext: message.freeze(),
        enc_digest: enc_digest(enc),
        reply: SingleReply { secret, limit: limits.response(header.suite.aead) },
    })
}

/// What is left of a single-shot request: enough to answer it, any number of times (OB-12: each with a fresh nonce).
pub struct SingleReply {
    secret: ResponseSecret,
    limit: usize,
}

impl SingleReply {
    /// Seals an answer: nonce, then `plaintext` encrypted in place. `plaintext` is what [`Self::buffer`] gave, with the message appended.
    ///
    /// # Errors
    /// No randomness, or [`Error::ResponseTooLong`].
    pub fn seal(&self, mut plaintext: BytesMut, random: &dyn Random) -> Result<BytesMut, Error> {
        let (nonce, message) =
            plaintext.split_at_mut_checked(self.secret.nonce_len()).ok_or(Error::Buffer)?;
        if message.len() > self.limit {
            return Err(Error::ResponseTooLong);
        }
        random.fill(nonce)?;
        let (key, iv) = self.secret.key(nonce)?;
        let tag = key.seal(iv, b"", message)?;
        plaintext.extend_from_slice(&tag);
        Ok(plaintext)
    }

    /// A buffer that already holds the room for the nonce, so that a message of up to `capacity` bytes can be
    /// written behind it and sealed in place, without the buffer growing.
    #[must_use]
    pub fn buffer(&self, capacity: usize) -> BytesMut {
        let nonce_len = self.secret.nonce_len();
        let mut out = BytesMut::with_capacity(capacity.saturating_add(nonce_len + TAG_LEN));
        out.resize(nonce_len, 0);
        out
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
pub fn open_chunked(
    header: Header,
    key: &GatewayKey,
    prefix: &[u8],
    limits: &Limits,
) -> Result<OpenedChunked, Error> {
    if prefix.len() > header.prefix_len() {
        // The rest would be lost: it belongs to the opener.
        return Err(Error::Buffer);
    }
    let enc = prefix.get(HEADER_LEN..header.prefix_len()).ok_or(Error::TooShort)?;
    let (receiver, secret) = header.set_up(Form::Chunked, key, enc)?;
    let limits = limits.chunk(header.suite.aead);
    Ok(OpenedChunked {
        chunks: Opener::new(receiver, limits),
        enc_digest: enc_digest(enc),
        reply: ChunkedReply { secret, limits },
    })
}

/// Enough of a chunked request to answer it, and always with a chunked answer (OB-20).
pub struct ChunkedReply {
    secret: ResponseSecret,
    limits: chunk::Limits,
}

impl ChunkedReply {
    /// Starts the answer: writes a fresh nonce (OB-12) to `out` and gives what seals its chunks.
    ///
    /// # Errors
    /// No randomness.
    pub fn start(&self, out: &mut BytesMut, random: &dyn Random) -> Result<Sealer<Sequence>, Error> {
        let mut nonce = vec![0; self.secret.nonce_len()];
        random.fill(&mut nonce)?;
        let sequence = self.secret.sequence(&nonce)?;
        out.extend_from_slice(&nonce);
        Ok(Sealer::new(sequence, self.limits))
    }
}
