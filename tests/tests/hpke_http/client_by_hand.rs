//! A server of hpke-http/3 whose answers a test makes and alters.

use bytes::BytesMut;
use http::{Request, Response, request::Parts};
use http_body_util::BodyExt;
use sealwire_client::{HpkeHttp, pinned::Key};
use sealwire_crypto::{
    kem::{Kem, PrivateKey},
    random::OsRandom,
};
use sealwire_http::{
    Body, body,
    hpke_http::{
        Credential, Limits, media,
        message::{Fields, RequestHead},
        server::{Record, Reply, ResponseSealer, ServerKey, Start},
    },
};
use std::sync::Arc;

/// Bytes before the first frame of an answer.
pub(crate) const PREFIX_LEN: usize = 37;
pub(crate) const KEY_ID: &str = "key";
pub(crate) const PSK_ID: &str = "tenant";
const PSK: &[u8] = b"a pre-shared key of 32 bytes or more";

pub(crate) fn server_key(id: &'static str, seed: u8) -> ServerKey {
    ServerKey::new(id, PrivateKey::from_bytes(Kem::X25519, &[seed; 32]).unwrap(), &OsRandom).unwrap()
}

pub(crate) fn key() -> ServerKey {
    server_key(KEY_ID, 0x42)
}

/// The key as its user names it.
pub(crate) fn pinned() -> Key {
    let public_key = key().recipient().public_key().as_bytes().try_into().unwrap();
    Key { id: KEY_ID.into(), public_key }
}

pub(crate) fn credential() -> Arc<Credential> {
    Arc::new(Credential::new(PSK_ID, PSK).unwrap())
}

pub(crate) fn spoken() -> HpkeHttp {
    HpkeHttp::new(credential())
}

/// A request that has been opened.
pub(crate) struct Opened {
    pub(crate) outer: Parts,
    pub(crate) head: RequestHead,
    pub(crate) content: Vec<u8>,
    reply: Reply,
}

impl Opened {
    /// Takes a whole request that was sealed to `key`.
    pub(crate) async fn new(request: Request<Body>, key: &ServerKey) -> Self {
        let (outer, content) = request.into_parts();
        let sealed = content.collect().await.unwrap().to_bytes().to_vec();
        let mut start = Start::new(Limits::default());
        start.push(&sealed);
        let preparsed = start.preparse(|id| (id == key.recipient().id()).then_some(key)).unwrap();
        let credential = credential();
        // The clocks agree, whatever a test does to that of the client.
        let now = u64::from_be_bytes(sealed[13..21].try_into().unwrap());
        let authenticated = preparsed.authenticate(Some(&credential), now).unwrap();
        let decision = authenticated.reservation().decide(true);
        let mut opened = authenticated.admit(decision, now).unwrap();
        opened.body.end();
        let mut content = Vec::new();
        while let Some(Record::Data(data)) = opened.body.next_record().unwrap() {
            content.extend_from_slice(&data);
        }
        Self { outer, head: opened.head, content, reply: opened.reply }
    }

    /// A whole answer: one body, or the blocks of an event stream.
    pub(crate) fn seal(self, status: u16, fields: &[(&str, &str)], pieces: &[&[u8]]) -> Sealed {
        let mut out = BytesMut::new();
        let fields = Fields::new(fields.iter().copied()).unwrap();
        match self.reply.start(status, fields, &mut out, &OsRandom).unwrap() {
            ResponseSealer::Finite(sealer) => sealer.finish(&mut out, pieces).unwrap(),
            ResponseSealer::EventStream(mut sealer) => {
                pieces.iter().for_each(|piece| sealer.write(&mut out, piece).unwrap());
                sealer.finish(&mut out).unwrap();
            }
        }
        Sealed::new(&out)
    }
}

/// An answer in its parts.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) prefix: Vec<u8>,
    /// each with its length
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Sealed {
    fn new(answer: &[u8]) -> Self {
        let (prefix, mut rest) = answer.split_at(PREFIX_LEN);
        let mut frames = Vec::new();
        while let Some(length) = rest.first_chunk::<4>() {
            let (frame, others) = rest.split_at(4 + u32::from_be_bytes(*length) as usize);
            frames.push(frame.to_vec());
            rest = others;
        }
        assert!(rest.is_empty());
        Self { prefix: prefix.to_vec(), frames }
    }

    /// Joined again.
    pub(crate) fn joined(&self) -> Vec<u8> {
        [self.prefix.clone(), self.frames.concat()].concat()
    }
}

/// The outer answer of the wire.
pub(crate) fn outer(content: Body) -> Response<Body> {
    Response::builder()
        .header("content-type", media::RESPONSE)
        .header("cache-control", "no-store, no-transform")
        .body(content)
        .unwrap()
}

pub(crate) fn whole(sealed: &Sealed) -> Response<Body> {
    outer(body::full(sealed.joined()))
}
