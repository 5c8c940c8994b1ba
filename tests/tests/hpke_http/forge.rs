//! A caller who has a key and keeps to no rule: it seals any records, after the document and not with our own writers.

use crate::support::{PSK, PSK_ID};
use sealwire_crypto::{
    aead::{Aead, TAG_LEN},
    hpke::{self, Mode, Sender, Symmetric},
    kdf::Hkdf,
    random::OsRandom,
};
use sealwire_http::hpke_http::{
    Credential, Limits,
    client::{self, Event, RequestSealer, ResponseReader, Target},
    key::{KeyRecord, Recipient},
    message::{Fields, Method, RequestHead},
};
use sealwire_tests::{
    Stage,
    raw::{Answer, Raw},
    stage::AUTHORITY,
};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const PATH: &str = sealwire_http::wire::HPKE_HTTP_PATH;
pub(crate) const MEDIA: (&str, &str) = ("content-type", "message/hpke-http-request");

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What a gateway says of its key.
pub(crate) async fn key(stage: &Stage) -> Recipient {
    let answer = stage.get(PATH).await;
    assert_eq!((answer.status, answer.field("content-type")), (200, "application/octet-stream"));
    assert_eq!(answer.field("cache-control"), "no-store");
    assert_eq!(answer.field("content-length"), answer.content.len().to_string());
    KeyRecord::parse(&answer.content).unwrap().recipient().clone()
}

/// The START of a request, behind its kind.
pub(crate) fn start(method: &str, target: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    start_for(AUTHORITY, method, target, fields)
}

pub(crate) fn start_for(authority: &str, method: &str, target: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let section: Vec<u8> = fields.iter().flat_map(|(name, value)| [vec(name), vec(value)].concat()).collect();
    [vec![1], vec(method), vec(authority), vec(target), vec(section)].concat()
}

/// `vec(x)`
pub(crate) fn vec(content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = match content.len() {
        length @ 0..64 => vec![u8::try_from(length).unwrap()],
        length => (0x4000 | u16::try_from(length).unwrap()).to_be_bytes().to_vec(),
    };
    out.extend_from_slice(content);
    out
}

/// DATA with these clear bytes.
pub(crate) fn data(content: &[u8]) -> Vec<u8> {
    [&[2, 0], content].concat()
}

pub(crate) const END: &[u8] = &[3];

/// A request that is being forged.
pub(crate) struct Forged {
    pub(crate) header: Vec<u8>,
    pub(crate) enc: Vec<u8>,
    sender: Sender,
    next: u64,
}

impl Forged {
    pub(crate) fn to(key: &Recipient) -> Self {
        Self::at(key, now(), PSK, PSK_ID)
    }

    pub(crate) fn at(key: &Recipient, issued_at: u64, psk: &str, psk_id: &str) -> Self {
        let length = |id: &[u8]| u8::try_from(id.len()).unwrap();
        let ids = [length(key.id()), length(psk_id.as_bytes())];
        let suite = [0, 0x20, 0, 1, 0, 3];
        let header =
            [b"HHRQ\x03", &ids[..], &suite, &issued_at.to_be_bytes(), key.id(), psk_id.as_bytes()].concat();
        let info = [b"message/hpke-http request\0v3\0".as_slice(), &header].concat();
        let mode = Mode::Psk { psk: psk.as_bytes(), id: psk_id.as_bytes() };
        let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::ChaCha20Poly1305 };
        let (enc, sender) = hpke::setup_sender(key.public_key(), suite, mode, &info, &OsRandom).unwrap();
        Self { header, enc, sender, next: 0 }
    }

    /// What goes before the records.
    pub(crate) fn front(&self) -> Vec<u8> {
        [&self.header[..], &self.enc].concat()
    }

    /// The next record, framed.
    pub(crate) fn record(&mut self, clear: &[u8]) -> Vec<u8> {
        let length = u32::try_from(clear.len() + TAG_LEN).unwrap().to_be_bytes();
        let aad =
            [b"hpke-http/3 request record\0", &self.header[..], &self.next.to_be_bytes(), &length].concat();
        self.next += 1;
        let mut sealed = clear.to_vec();
        let tag = self.sender.seal(&aad, &mut sealed).unwrap();
        [&length[..], &sealed, &tag].concat()
    }

    /// A whole request of these records.
    pub(crate) fn whole(mut self, records: &[Vec<u8>]) -> Vec<u8> {
        let front = self.front();
        records.iter().fold(front, |mut out, clear| {
            out.extend(self.record(clear));
            out
        })
    }
}

/// A request of our own client, whole, and what opens its answer.
pub(crate) struct Sealed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reader: ResponseReader,
}

/// Begins one: what is there so far, what seals the rest, what opens the answer.
pub(crate) fn begin(
    key: &Recipient,
    method: Method,
    target: &str,
    fields: &[(&str, &str)],
) -> (bytes::BytesMut, RequestSealer, ResponseReader) {
    let head =
        RequestHead::new(method, AUTHORITY, target, Fields::new(fields.iter().copied()).unwrap()).unwrap();
    let credential = Credential::new(PSK_ID, PSK.as_bytes()).unwrap();
    let (mut out, limits) = (bytes::BytesMut::new(), Limits::default());
    let target = Target { recipient: key, credential: &credential };
    let (sealer, reader) = client::start(target, &head, &limits, now(), &OsRandom, &mut out).unwrap();
    (out, sealer, reader)
}

pub(crate) fn seal(key: &Recipient, method: Method, target: &str, content: &[u8]) -> Sealed {
    let (mut out, mut sealer, reader) = begin(key, method, target, &[]);
    sealer.data(&mut out, content).unwrap();
    sealer.finish(&mut out).unwrap();
    Sealed { bytes: out.to_vec(), reader }
}

/// Sends sealed bytes over a connection of their own.
pub(crate) async fn send(stage: &Stage, bytes: &[u8]) -> Answer {
    let mut raw: Raw = stage.connect().await;
    raw.post(PATH, &[MEDIA], bytes).await.answer().await
}

/// Status, content and fields inside.
pub(crate) fn open(answer: &Answer, mut reader: ResponseReader) -> (u16, Vec<u8>, http::HeaderMap) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.field("content-type"), "message/hpke-http-response");
    assert_eq!(answer.field("cache-control"), "no-store, no-transform");
    reader.push(&answer.content);
    reader.end();
    let (mut head, mut content) = (None, Vec::new());
    loop {
        match reader.next_event().unwrap().expect("the answer ends with END") {
            Event::Head(found) => head = Some(found),
            Event::Data(data) => content.extend_from_slice(&data),
            Event::End => break,
        }
    }
    let head = head.unwrap();
    (head.status(), content, head.fields().to_headers())
}
