//! What the integration tests share: randomness that repeats, keys, and a gateway and a client that are fed in slices.
#![allow(dead_code)]

pub(crate) mod vectors;

use bytes::BytesMut;
use proptest::test_runner::Config as ProptestConfig;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use sealwire_crypto::{
    Error as CryptoError, aead::Aead, hpke::Symmetric, kdf::Hkdf, kem::Kem, random::Random,
};
use sealwire_message::chunk::Opened;
use sealwire_oblivious::{
    Error, Limits,
    client::ChunkedResponse,
    config::{Selected, select},
    gateway::{
        ChunkedReply, EncDigest, GatewayKey, HEADER_LEN, Header, OpenedSingle, open_chunked, open_single,
    },
};
use std::sync::Mutex;

pub(crate) const KEMS: [Kem; 3] = [Kem::X25519, Kem::XWing, Kem::P256];
pub(crate) const AEADS: [Aead; 3] = [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305];

pub(crate) const fn suite(aead: Aead) -> Symmetric {
    Symmetric { kdf: Hkdf::Sha256, aead }
}

/// The nine combinations of OB-01.
pub(crate) fn nine() -> impl Iterator<Item = (Kem, Aead)> {
    KEMS.into_iter().flat_map(|kem| AEADS.into_iter().map(move |aead| (kem, aead)))
}

/// `n` cases of a property.
pub(crate) fn cases(n: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(n) }
}

/// Randomness that repeats.
pub(crate) struct Seeded(Mutex<StdRng>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.0.lock().unwrap().fill_bytes(out);
        Ok(())
    }
}

/// Gives these bytes and then fails.
pub(crate) struct Fixed(Mutex<Vec<u8>>);

impl Fixed {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Mutex::new(bytes.to_vec()))
    }
}

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        let mut left = self.0.lock().unwrap();
        if left.len() < out.len() {
            return Err(CryptoError::Random);
        }
        out.copy_from_slice(&left[..out.len()]);
        left.drain(..out.len());
        Ok(())
    }
}

/// A key that offers one AEAD, and what a client selects of it.
pub(crate) fn pair(kem: Kem, aead: Aead, seed: u64) -> (GatewayKey, Selected) {
    let key = GatewayKey::generate(7, kem, &[suite(aead)], &Seeded::new(seed)).unwrap();
    let selected = select(std::slice::from_ref(key.config()), &[kem]).unwrap();
    (key, selected)
}

pub(crate) fn find<'a>(keys: &'a [GatewayKey]) -> impl Fn(u8) -> Option<&'a GatewayKey> {
    |id| keys.iter().find(|key| key.config().key_id == id)
}

/// A gateway that receives a whole single-shot body.
pub(crate) fn receive_single(
    keys: &[GatewayKey],
    body: &[u8],
    limits: &Limits,
) -> Result<OpenedSingle, Error> {
    let (header, key) = Header::parse(body, find(keys))?;
    open_single(header, key, BytesMut::from(body), limits)
}

/// What a receiver of a chunked message has released, and how the message ended: `Ok` only by an authenticated final chunk.
pub(crate) struct Received {
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) outcome: Result<(), Error>,
}

impl Received {
    pub(crate) fn plaintext(&self) -> Vec<u8> {
        self.chunks.concat()
    }
}

/// A body in slices of at most `size` bytes.
pub(crate) fn slices(body: &[u8], size: usize) -> Vec<&[u8]> {
    body.chunks(size).collect()
}

/// A gateway that receives a chunked body slice by slice, and what it needs for the answer, if it came so far.
pub(crate) fn receive_chunked<'a>(
    keys: &[GatewayKey],
    body: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> (Received, Option<(ChunkedReply, EncDigest)>) {
    let mut received = Received { chunks: Vec::new(), outcome: Ok(()) };
    let mut body = body.into_iter();
    let mut front = Vec::new();
    let mut header = None;
    let (mut opened, rest) = loop {
        let Some(slice) = body.next() else {
            received.outcome = Err(Error::TooShort);
            return (received, None);
        };
        front.extend_from_slice(slice);
        if header.is_none() && front.len() >= HEADER_LEN {
            match Header::parse(&front, find(keys)) {
                Ok(parsed) => header = Some(parsed),
                Err(error) => {
                    received.outcome = Err(error);
                    return (received, None);
                }
            }
        }
        if let Some((header, key)) = header
            && let Some((prefix, rest)) = front.split_at_checked(header.prefix_len())
        {
            match open_chunked(header, key, prefix, limits) {
                Ok(opened) => break (opened, rest.to_vec()),
                Err(error) => {
                    received.outcome = Err(error);
                    return (received, None);
                }
            }
        }
    };
    opened.chunks.push(&rest);
    let reply = Some((opened.reply, opened.enc_digest));
    let mut ended = false;
    loop {
        match opened.chunks.next_chunk() {
            Ok(Some(Opened::Chunk(chunk))) => received.chunks.push(chunk.to_vec()),
            Ok(Some(Opened::Final(chunk))) => {
                received.chunks.push(chunk.to_vec());
                return (received, reply);
            }
            Ok(None) => match body.next() {
                Some(slice) => opened.chunks.push(slice),
                None => {
                    assert!(!std::mem::replace(&mut ended, true), "waits for more after the end");
                    opened.chunks.end();
                }
            },
            Err(error) => {
                received.outcome = Err(error.into());
                return (received, reply);
            }
        }
    }
}

/// A client that receives a chunked answer slice by slice.
pub(crate) fn receive_answer<'a>(
    mut response: ChunkedResponse,
    body: impl IntoIterator<Item = &'a [u8]>,
) -> Received {
    let mut received = Received { chunks: Vec::new(), outcome: Ok(()) };
    let mut body = body.into_iter();
    let mut ended = false;
    loop {
        match response.next_chunk() {
            Ok(Some(Opened::Chunk(chunk))) => received.chunks.push(chunk.to_vec()),
            Ok(Some(Opened::Final(chunk))) => {
                received.chunks.push(chunk.to_vec());
                return received;
            }
            Ok(None) => match body.next() {
                Some(slice) => response.push(slice).unwrap(),
                None => {
                    assert!(!std::mem::replace(&mut ended, true), "waits for more after the end");
                    response.end();
                }
            },
            Err(error) => {
                received.outcome = Err(error);
                return received;
            }
        }
    }
}
