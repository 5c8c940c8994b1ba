//! Sealed messages made, and opened, by hand.

use crate::raw::Answer;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, uri::Scheme};
use sealwire_crypto::{
    hpke::{self, Mode, Sender},
    kem::Kem,
    random::{self, OsRandom, Scripted},
};
use sealwire_message::{
    bhttp::{RequestHead, ResponseDecoder, ResponseEvent, encode},
    chunk::Opened,
    varint,
};
use sealwire_oblivious::{
    Limits,
    client::{self, ChunkedResponse, SingleResponse},
    config::{self, KeyConfig, Selected},
    media,
};
use std::time::{Duration, SystemTime};

/// A chosen key of a gateway.
#[derive(Clone)]
pub struct Sealing {
    /// the key
    pub to: Selected,
    /// limits of who seals: far above those of any gateway here
    pub limits: Limits,
}

impl Sealing {
    /// The X25519 key among `keys`, with its first suite.
    #[must_use]
    pub fn first(keys: &[KeyConfig]) -> Self {
        Self::new(keys, Kem::X25519)
    }

    /// The key of a KEM among `keys`, with its first suite.
    #[must_use]
    pub fn new(keys: &[KeyConfig], kem: Kem) -> Self {
        let mut limits = Limits { single_request: 1 << 30, ..Limits::default() };
        limits.chunk.sent_chunk = 1 << 20;
        Self { to: config::select(keys, &[kem]).unwrap(), limits }
    }

    /// A single-shot message.
    #[must_use]
    pub fn single(&self, plaintext: &[u8]) -> (Vec<u8>, SingleResponse) {
        let (sealed, opener) = client::seal_single(&self.to, plaintext, &self.limits, &OsRandom).unwrap();
        (sealed.to_vec(), opener)
    }

    /// A chunked message whose chunks have these plaintexts, the last one final.
    #[must_use]
    pub fn chunked(&self, chunks: &[&[u8]]) -> (Vec<u8>, ChunkedResponse) {
        let mut out = BytesMut::new();
        let (mut sealer, opener) =
            client::start_chunked(&self.to, &mut out, &self.limits, &OsRandom).unwrap();
        let (last, chunks) = chunks.split_last().unwrap();
        for chunk in chunks {
            sealer.chunk(&mut out, &[chunk]).unwrap();
        }
        sealer.finish(&mut out, &[last]).unwrap();
        (out.to_vec(), opener)
    }

    /// The same without a final chunk.
    #[must_use]
    pub fn cut(&self, chunks: &[&[u8]]) -> (Vec<u8>, ChunkedResponse) {
        let mut out = BytesMut::new();
        let (mut sealer, opener) =
            client::start_chunked(&self.to, &mut out, &self.limits, &OsRandom).unwrap();
        for chunk in chunks {
            sealer.chunk(&mut out, &[chunk]).unwrap();
        }
        (out.to_vec(), opener)
    }

    /// The same message again opens two answers.
    #[must_use]
    pub fn single_twice(&self, plaintext: &[u8]) -> (Vec<u8>, SingleResponse, SingleResponse) {
        let script: [u8; 64] = random::array(&OsRandom).unwrap();
        let seal =
            || client::seal_single(&self.to, plaintext, &self.limits, &Scripted::new(&script)).unwrap();
        let ((sealed, first), (_, second)) = (seal(), seal());
        (sealed.to_vec(), first, second)
    }

    /// A chunked message that is put together chunk by chunk, right or wrong.
    #[must_use]
    pub fn by_hand(&self) -> (ByHand, ChunkedResponse) {
        let (hand, opener, _) = self.by_hand_twice();
        (hand, opener)
    }

    /// The same with what opens a second answer to it.
    #[must_use]
    pub fn by_hand_twice(&self) -> (ByHand, ChunkedResponse, ChunkedResponse) {
        // The same randomness gives the same context again: one to seal with as the test likes, and others that know
        // how to open answers.
        let script: [u8; 64] = random::array(&OsRandom).unwrap();
        let start = || {
            let mut start = BytesMut::new();
            let random = Scripted::new(&script);
            let (_, opener) = client::start_chunked(&self.to, &mut start, &self.limits, &random).unwrap();
            (start, opener)
        };
        let ((start, first), (_, second)) = (start(), start());
        let info = [b"message/bhttp chunked request\0".as_slice(), &start[..7]].concat();
        let Selected { public_key, suite, .. } = &self.to;
        let (enc, sender) =
            hpke::setup_sender(public_key, *suite, Mode::Base, &info, &Scripted::new(&script)).unwrap();
        assert_eq!(&start[7..], enc);
        (ByHand { out: start.to_vec(), sender }, first, second)
    }
}

/// A chunked message in the making.
pub struct ByHand {
    /// what there is of it
    pub out: Vec<u8>,
    sender: Sender,
}

impl ByHand {
    /// The next ciphertext, tag included, under any additional data.
    pub fn seal(&mut self, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = plaintext.to_vec();
        let tag = self.sender.seal(aad, &mut sealed).unwrap();
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Appends a length.
    pub fn length(&mut self, len: u64) {
        let mut prefix = BytesMut::new();
        varint::put(&mut prefix, len);
        self.out.extend_from_slice(&prefix);
    }

    /// Appends a chunk that is not the last.
    pub fn chunk(&mut self, aad: &[u8], plaintext: &[u8]) {
        let sealed = self.seal(aad, plaintext);
        self.length(sealed.len() as u64);
        self.out.extend_from_slice(&sealed);
    }

    /// Appends a final chunk.
    pub fn last(&mut self, aad: &[u8], plaintext: &[u8]) {
        let sealed = self.seal(aad, plaintext);
        self.length(0);
        self.out.extend_from_slice(&sealed);
    }
}

/// A request head with a Date of now.
#[must_use]
pub fn head(method: &str, path: &str) -> RequestHead {
    let mut headers = HeaderMap::new();
    headers.insert("date", date(SystemTime::now()));
    RequestHead {
        method: method.parse().unwrap(),
        scheme: Scheme::HTTPS,
        authority: Some(crate::stage::AUTHORITY.parse().unwrap()),
        path: path.parse().unwrap(),
        headers,
    }
}

/// A Date.
#[must_use]
pub fn date(at: SystemTime) -> HeaderValue {
    HeaderValue::try_from(httpdate::fmt_http_date(at)).unwrap()
}

/// Now, `seconds` later.
#[must_use]
pub fn later(seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    if seconds < 0 { now - by } else { now + by }
}

/// Binary HTTP of a request, in one piece.
#[must_use]
pub fn plaintext(head: &RequestHead, content: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode::request_head(&mut out, head);
    if !content.is_empty() {
        encode::content_prefix(&mut out, content.len());
        out.extend_from_slice(content);
    }
    encode::end(&mut out, None);
    out.to_vec()
}

/// What a sealed answer holds.
#[derive(Debug, Default)]
pub struct Inner {
    /// statuses of informational responses
    pub informational: Vec<u16>,
    /// its status
    pub status: u16,
    /// its fields
    pub headers: HeaderMap,
    /// its content, as far as it came
    pub content: Vec<u8>,
    /// its trailers
    pub trailers: HeaderMap,
    /// whether it came to its end
    pub complete: bool,
}

impl Inner {
    /// The content as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.content.clone()).unwrap()
    }

    /// Takes what the decoder has.
    pub fn take(&mut self, decoder: &mut ResponseDecoder) {
        while let Some(event) = decoder.next_event().unwrap() {
            match event {
                ResponseEvent::Informational(head) => self.informational.push(head.status.as_u16()),
                ResponseEvent::Head(head) => {
                    (self.status, self.headers) = (head.status.as_u16(), head.headers);
                }
                ResponseEvent::Data(data) => self.content.extend_from_slice(&data),
                ResponseEvent::Trailers(trailers) => self.trailers = trailers,
                ResponseEvent::End => self.complete = true,
            }
        }
    }
}

/// Opens a single-shot answer, whose outside must be what OB-40 says.
#[must_use]
pub fn open_single(answer: &Answer, opener: SingleResponse) -> Inner {
    check_outside(answer, media::RESPONSE);
    let plaintext = opener.open(BytesMut::from(answer.content.as_slice())).unwrap();
    inner(&[plaintext], true)
}

/// Opens a chunked answer as far as it goes; its outside must be what OB-40 and OB-45 say.
#[must_use]
pub fn open_chunked(answer: &Answer, mut opener: ChunkedResponse) -> Inner {
    check_outside(answer, media::CHUNKED_RESPONSE);
    assert_eq!(answer.field("incremental"), "?1");
    opener.push(&answer.content).unwrap();
    if answer.complete {
        opener.end();
    }
    let mut plaintext = Vec::new();
    loop {
        match opener.next_chunk().unwrap() {
            Some(Opened::Chunk(chunk)) => plaintext.push(chunk),
            Some(Opened::Final(chunk)) => {
                plaintext.push(chunk);
                return inner(&plaintext, true);
            }
            None => return inner(&plaintext, false),
        }
    }
}

fn check_outside(answer: &Answer, media_type: &str) {
    let outside = (answer.status, answer.field("content-type"), answer.field("cache-control"));
    assert_eq!(outside, (200, media_type, "no-store"), "{}", answer.text());
    // OB-40, OB-161: nothing else that could depend on the inside.
    let known = [
        "content-type",
        "cache-control",
        "content-length",
        "transfer-encoding",
        "incremental",
        "date",
        "connection",
    ];
    let other: Vec<_> = answer.headers.keys().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(other.is_empty(), "{other:?}");
}

fn inner(plaintext: &[Bytes], ended: bool) -> Inner {
    let mut decoder = ResponseDecoder::new(Limits::default().bhttp);
    let mut inner = Inner::default();
    for slice in plaintext {
        decoder.push(slice.clone());
        inner.take(&mut decoder);
    }
    if ended {
        decoder.end();
        inner.take(&mut decoder);
    }
    inner
}

/// Opens the answer to either form.
pub enum Opener {
    /// single-shot
    Single(SingleResponse),
    /// chunked
    Chunked(ChunkedResponse),
}

impl Opener {
    /// Opens an answer of the form of the request (OB-20).
    #[must_use]
    pub fn open(self, answer: &Answer) -> Inner {
        match self {
            Self::Single(opener) => open_single(answer, opener),
            Self::Chunked(opener) => open_chunked(answer, opener),
        }
    }
}

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// one piece
    Single,
    /// chunks
    Chunked,
}

impl Form {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Single, Self::Chunked];

    /// Media type of a request.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Single => media::REQUEST,
            Self::Chunked => media::CHUNKED_REQUEST,
        }
    }

    /// The wire's name in metrics.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Single => "oblivious-single",
            Self::Chunked => "oblivious-chunked",
        }
    }

    /// Seals a whole request, in one chunk where it fits one that every receiver takes (OB-22).
    #[must_use]
    pub fn seal(self, sealing: &Sealing, plaintext: &[u8]) -> (Vec<u8>, Opener) {
        match self {
            Self::Single => {
                let (sealed, opener) = sealing.single(plaintext);
                (sealed, Opener::Single(opener))
            }
            Self::Chunked => {
                let chunks: Vec<&[u8]> = plaintext.chunks(16_384).collect();
                let chunks = if chunks.is_empty() { &[&b""[..]] } else { &chunks[..] };
                let (sealed, opener) = sealing.chunked(chunks);
                (sealed, Opener::Chunked(opener))
            }
        }
    }
}
