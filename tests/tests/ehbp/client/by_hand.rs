//! A server of EHBP whose answers a test makes and alters.

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{Request, Response, request::Parts};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_client::pinned::Key;
use sealwire_crypto::{
    kem::{Kem, PrivateKey},
    random::OsRandom,
};
use sealwire_http::{
    Body, BoxError, body,
    ehbp::{
        EncapsulatedKey, Limits,
        frame::Opened as Frames,
        server::{ExpectFrame, Progress, Reply, ServerKey},
    },
};
use std::io;

pub(crate) fn key(seed: u8) -> ServerKey {
    ServerKey::new(PrivateKey::from_bytes(Kem::X25519, &[seed; 32]).unwrap()).unwrap()
}

/// The key as its user names it.
pub(crate) fn pinned(key: &ServerKey) -> Key {
    Key { id: Bytes::new(), public_key: key.config().public_key().as_bytes().try_into().unwrap() }
}

/// A request that has been opened.
pub(crate) struct Opened {
    pub(crate) outer: Parts,
    pub(crate) content: Vec<u8>,
    reply: Reply,
}

impl Opened {
    /// Takes a whole request; `None` where it is sealed to another key.
    pub(crate) async fn new(request: Request<Body>, key: &ServerKey) -> Option<Self> {
        let (outer, content) = request.into_parts();
        let sealed = content.collect().await.unwrap().to_bytes();
        let enc = EncapsulatedKey::from_field(outer.headers["ehbp-encapsulated-key"].as_bytes()).unwrap();
        let Progress::Frame(first) = ExpectFrame::new(enc, Limits::default()).push(&sealed).unwrap() else {
            panic!("no frame");
        };
        let mut begun = first.open(key).ok()?;
        begun.request.end();
        let mut content = Vec::new();
        while let Some(Frames::Frame(data)) = begun.request.next_frame().unwrap() {
            content.extend_from_slice(&data);
        }
        Some(Self { outer, content, reply: begun.answer })
    }

    /// An answer in its parts, a frame each.
    pub(crate) fn seal(self, pieces: &[&[u8]]) -> Sealed {
        let (nonce, mut sealer) = self.reply.begin(&OsRandom).unwrap();
        let frames = pieces.iter().map(|piece| {
            let mut frame = BytesMut::new();
            sealer.frame(&mut frame, piece).unwrap();
            frame.to_vec()
        });
        Sealed { nonce: nonce.to_field(), frames: frames.collect() }
    }
}

/// An answer in its parts.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) nonce: String,
    /// each with its length
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Sealed {
    /// As an answer of this media type, which ends or breaks off.
    pub(crate) fn answer(&self, media_type: &str, breaks_off: bool) -> Response<Body> {
        Response::builder()
            .header("content-type", media_type)
            .header("ehbp-response-nonce", &self.nonce)
            .body(slices(&self.frames, breaks_off))
            .unwrap()
    }
}

/// A content that comes in these slices, and then breaks off or ends.
pub(crate) fn slices(parts: &[Vec<u8>], breaks_off: bool) -> Body {
    let parts: Vec<_> = parts.iter().map(|part| Ok(Frame::data(Bytes::copy_from_slice(part)))).collect();
    let end = breaks_off.then(|| Err(BoxError::from(io::Error::from(io::ErrorKind::ConnectionReset))));
    body::boxed(StreamBody::new(stream::iter(parts.into_iter().chain(end))))
}
