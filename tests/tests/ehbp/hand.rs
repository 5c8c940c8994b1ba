//! Requests that are sealed by the crate and sent by hand, so that every byte is the test's.

use bytes::BytesMut;
use http::HeaderMap;
use sealwire_crypto::random::OsRandom;
use sealwire_ehbp::{
    Error, KEYS_PATH, Limits, ResponseNonce,
    client::{Answer, Request},
    config::KeyConfig,
    frame::Opened,
};
use sealwire_tests::{
    Stage,
    raw::{self, Raw},
};

/// The key that a gateway serves.
pub(crate) async fn key(stage: &Stage) -> KeyConfig {
    let answer = stage.get(KEYS_PATH).await;
    assert_eq!((answer.status, answer.field("content-type")), (200, "application/ohttp-keys"));
    KeyConfig::parse(&answer.content).unwrap()
}

/// A sealed request.
pub(crate) struct Sealed {
    pub(crate) field: String,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) answer: Answer,
}

/// Seals `parts`, a frame each.
pub(crate) fn seal(to: &KeyConfig, parts: &[&[u8]]) -> Sealed {
    let limits = Limits { sent_frame: 4 << 20, ..Limits::default() };
    let mut request = Request::new(to, &limits, &OsRandom).unwrap();
    let frames = parts.iter().map(|part| {
        let mut frame = BytesMut::new();
        request.content.frame(&mut frame, part).unwrap();
        frame.to_vec()
    });
    Sealed { frames: frames.collect(), field: request.enc.to_field(), answer: request.answer }
}

/// The head of a request to this gateway.
pub(crate) fn head(stage: &Stage, line: &str, fields: &[(&str, &str)]) -> String {
    let mut head = format!("{line} HTTP/1.1\r\nhost: {}\r\n", stage.address());
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

/// Sends `body` with this field to `path`, by a connection of its own.
pub(crate) async fn post(stage: &Stage, path: &str, field: &str, body: &[u8]) -> raw::Answer {
    post_with(stage, path, &[("ehbp-encapsulated-key", field)], body).await
}

/// The same with any fields.
pub(crate) async fn post_with(
    stage: &Stage,
    path: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> raw::Answer {
    let mut raw = stage.connect().await;
    let length = body.len().to_string();
    let fields = [&[("content-length", length.as_str())], fields].concat();
    raw.send(head(stage, &format!("POST {path}"), &fields)).await.send(body).await;
    raw.answer().await
}

/// Begins a request whose content comes in transfer chunks.
pub(crate) async fn begin(stage: &Stage, path: &str, field: &str) -> Raw {
    let mut raw = stage.connect().await;
    let fields = [("transfer-encoding", "chunked"), ("ehbp-encapsulated-key", field)];
    raw.send(head(stage, &format!("POST {path}"), &fields)).await;
    raw
}

/// The content of an answer that is sealed and came to its end.
pub(crate) fn open(answer: &raw::Answer, with: Answer) -> Vec<u8> {
    let (content, outcome) = open_as_far(answer, with);
    assert!(answer.complete, "the answer was cut");
    assert_eq!(outcome, Ok(()));
    content
}

/// What of an answer opens, and how it ends.
pub(crate) fn open_as_far(answer: &raw::Answer, with: Answer) -> (Vec<u8>, Result<(), Error>) {
    let mut opener = with.open(&nonce(&answer.headers), &Limits::default()).unwrap();
    opener.push(&answer.content);
    opener.end();
    let mut content = Vec::new();
    loop {
        match opener.next_frame() {
            Ok(Some(Opened::Frame(frame))) => content.extend_from_slice(&frame),
            Ok(Some(Opened::End)) => return (content, Ok(())),
            Ok(None) => unreachable!("the body has ended"),
            Err(error) => return (content, Err(error)),
        }
    }
}

pub(crate) fn nonce(headers: &HeaderMap) -> ResponseNonce {
    let mut lines = headers.get_all("ehbp-response-nonce").iter();
    let nonce = ResponseNonce::from_field(lines.next().expect("sealed").as_bytes()).unwrap();
    assert!(lines.next().is_none());
    nonce
}

/// Whether an answer is in clear.
pub(crate) fn is_clear(answer: &raw::Answer) -> bool {
    !answer.headers.contains_key("ehbp-response-nonce")
}

/// Asserts that an ordinary exchange works.
pub(crate) async fn works(stage: &Stage) {
    let sealed = seal(&key(stage).await, &[b"still"]);
    let answer = post(stage, "/echo", &sealed.field, &sealed.frames.concat()).await;
    assert_eq!((answer.status, open(&answer, sealed.answer)), (200, b"still".to_vec()));
}
