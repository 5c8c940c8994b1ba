//! Known messages: what others made is opened or refused, and made again where the ephemeral key is known (HH-74).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{
    read, receive, slices,
    vectors::{bytes, load, text},
};
use sealwire_crypto::{
    kem::{Kem, PrivateKey},
    random::{OsRandom, Scripted},
};
use sealwire_hpke_http::{
    Compression, Credential, Limits,
    client::{self, ResponseReader, Target},
    key::{KeyRecord, Recipient},
    message::{Fields, Method, RequestHead},
    server::{Reply, ResponseSealer, ServerKey},
};
use serde_json::Value;

fn server_key(vectors: &Value) -> ServerKey {
    let private = PrivateKey::from_bytes(Kem::X25519, &bytes(vectors, "recipient_private_key")).unwrap();
    let key = ServerKey::new(bytes(vectors, "recipient_key_id"), private, &OsRandom).unwrap();
    assert_eq!(key.recipient().public_key().as_bytes(), bytes(vectors, "recipient_public_key"));
    key
}

fn credential(vectors: &Value) -> Credential {
    Credential::new(bytes(vectors, "psk_id"), &bytes(vectors, "psk")).unwrap()
}

fn lines(value: &Value) -> Fields {
    let lines = value["headers"].as_array().unwrap();
    Fields::new(lines.iter().map(|line| (line[0].as_str().unwrap(), line[1].as_str().unwrap()))).unwrap()
}

fn head(value: &Value) -> RequestHead {
    let method = Method::from_bytes(text(value, "method").as_bytes()).unwrap();
    RequestHead::new(method, text(value, "authority"), text(value, "path"), lines(value)).unwrap()
}

/// Seals a request in these parts from the script of its ephemeral key.
fn seal(
    vectors: &Value,
    message: &Value,
    head: &RequestHead,
    parts: &[&[u8]],
    compression: Compression,
) -> (BytesMut, ResponseReader) {
    let (recipient, credential) = (server_key(vectors).recipient().clone(), credential(vectors));
    let target = Target { recipient: &recipient, credential: &credential };
    let random = Scripted::new(&bytes(message, "ephemeral_private_key"));
    let issued_at = message["issued_at_unix_s"].as_u64().unwrap();
    let mut out = BytesMut::new();
    let (sealer, reader) =
        client::start(target, head, &Limits::default(), issued_at, &random, &mut out).unwrap();
    let mut sealer = sealer.compressed(compression);
    for part in parts {
        sealer.data(&mut out, part).unwrap();
    }
    sealer.finish(&mut out).unwrap();
    (out, reader)
}

fn reply(vectors: &Value) -> Reply {
    let envelope = bytes(vectors, "request_envelope");
    receive(
        &server_key(vectors),
        Some(&credential(vectors)),
        Limits::default(),
        vectors["issued_at_unix_s"].as_u64().unwrap(),
        &[&envelope],
    )
    .unwrap()
    .reply
}

// HH-74
#[test]
fn the_published_exchange() {
    let Some(vectors) = load("protocol-v3.json") else { return };
    let request = &vectors["request"];
    let content = bytes(request, "body");
    let (sealed, reader) =
        seal(&vectors, &vectors, &head(request), &[&content[..8], &content[8..]], Compression::Off);
    assert_eq!(sealed, bytes(&vectors, "request_envelope"));

    let response = &vectors["response"];
    let mut answer = BytesMut::new();
    let nonce = Scripted::new(&bytes(&vectors, "response_nonce"));
    let ResponseSealer::Finite(sealer) =
        reply(&vectors).start(201, lines(response), &mut answer, &nonce).unwrap()
    else {
        panic!("finite")
    };
    sealer.finish(&mut answer, &[bytes(response, "body")]).unwrap();
    assert_eq!(answer, bytes(&vectors, "response_envelope"));
    let (found, pieces) = read(reader, &slices(&answer, &[1])).unwrap();
    assert_eq!((found.status(), found.fields()), (201, &lines(response)));
    assert_eq!(pieces, [bytes(response, "body")]);
}

// HH-22, HH-74
#[test]
fn the_published_event_stream() {
    let Some(vectors) = load("protocol-v3.json") else { return };
    let response = &vectors["sse_response"];
    let blocks: Vec<Vec<u8>> = response["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| hex::decode(block.as_str().unwrap()).unwrap())
        .collect();
    let mut answer = BytesMut::new();
    let nonce = Scripted::new(&bytes(&vectors, "sse_response_nonce"));
    let ResponseSealer::EventStream(mut sealer) =
        reply(&vectors).start(200, lines(response), &mut answer, &nonce).unwrap()
    else {
        panic!("an event stream")
    };
    sealer.block(&mut answer, &blocks[0]).unwrap();
    sealer.write(&mut answer, &blocks[1]).unwrap();
    sealer.finish(&mut answer).unwrap();
    assert_eq!(answer, bytes(&vectors, "sse_response_envelope"));
    let request = &vectors["request"];
    let (_, reader) = seal(&vectors, &vectors, &head(request), &[&bytes(request, "body")], Compression::Off);
    assert_eq!(read(reader, &slices(&answer, &[5])).unwrap().1, blocks);
}

// HH-32, HH-33: the frame that the published writer makes is opened; ours, which need not be the same, gives the same.
#[test]
fn the_published_compressed_request() {
    let Some(vectors) = load("protocol-v3.json") else { return };
    let message = &vectors["compressed_request"];
    let size = usize::try_from(message["clear_body_size"].as_u64().unwrap()).unwrap();
    let content = vec![u8::try_from(message["clear_body_byte"].as_u64().unwrap()).unwrap(); size];
    let (sealed, _) = seal(&vectors, message, &head(&message["head"]), &[&content], Compression::Zstd);
    assert!(sealed.len() < 400);
    let now = message["issued_at_unix_s"].as_u64().unwrap();
    for envelope in [bytes(message, "envelope"), sealed.to_vec()] {
        let received = receive(
            &server_key(&vectors),
            Some(&credential(&vectors)),
            Limits::default(),
            now,
            &slices(&envelope, &[7]),
        );
        assert_eq!(received.unwrap().content, content);
    }
}

// HH-72, HH-74
#[test]
fn requests() {
    let Some(vectors) = load("v3-requests.json") else { return };
    let (key, credential) = (server_key(&vectors), credential(&vectors));
    for case in vectors["cases"].as_array().unwrap() {
        let (id, envelope) = (text(case, "id"), bytes(case, "envelope"));
        let now = case["now"].as_u64().unwrap();
        for lengths in [&[usize::MAX][..], &[1], &[3, 64, 1000]] {
            let received =
                receive(&key, Some(&credential), Limits::default(), now, &slices(&envelope, lengths));
            let code = received.as_ref().err().map(|error| error.code());
            assert_eq!(code, case["code"].as_str(), "{id} {}", text(case, "name"));
            if let Ok(received) = received {
                assert_eq!(received.head.authority(), text(&vectors, "expected_authority"), "{id}");
            }
        }
    }
}

// HH-07, HH-74
#[test]
fn key_records() {
    let Some(vectors) = load("key-discovery-v2.json") else { return };
    for (record, use_for) in [("record", "use_for_s"), ("long_record", "long_use_for_s")] {
        let parsed = KeyRecord::parse(&bytes(&vectors, record)).unwrap();
        assert_eq!(u64::from(parsed.use_for()), vectors[use_for].as_u64().unwrap());
        assert_eq!(parsed.recipient().id(), &bytes(&vectors, "key_id"));
        let recipient = Recipient::new(bytes(&vectors, "key_id"), &bytes(&vectors, "public_key")).unwrap();
        let made = KeyRecord::new(recipient, parsed.use_for()).unwrap();
        assert_eq!(made.encode(), bytes(&vectors, record));
    }
}
