//! HH-107: what others made is opened, and made again with the same keys and salts.

use super::{headers, open, read_answer, vectors};
use bytes::BytesMut;
use http::{HeaderMap, HeaderValue};
use sealwire_crypto::{
    kem::{Kem, PrivateKey, PublicKey},
    random::Scripted,
};
use sealwire_hpke_http::legacy::{
    Credential, Limits, client, document, parse_document,
    server::{Preparsed, Reply, ResponseSealer, ServerKey},
};
use serde_json::Value;
use vectors::{bytes, load, text};

fn server_key(vectors: &Value) -> ServerKey {
    let private = PrivateKey::from_bytes(Kem::X25519, &bytes(vectors, "recipient_private_key")).unwrap();
    ServerKey::new(private).unwrap()
}

fn credential(vectors: &Value) -> Credential {
    Credential::new(bytes(vectors, "psk_id"), &bytes(vectors, "psk")).unwrap()
}

fn fields(vector: &Value) -> HeaderMap {
    let fields = vector["headers"].as_object().unwrap();
    let lines: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    headers(&lines)
}

fn named<'a>(vectors: &'a Value, id: &str) -> &'a Value {
    vectors["vectors"].as_array().unwrap().iter().find(|vector| text(vector, "id") == id).unwrap()
}

/// What the client of a vector's request makes, with the vector's ephemeral key and salt.
fn start(vectors: &Value, request: &Value) -> client::Started {
    let to = PublicKey::from_bytes(Kem::X25519, &bytes(vectors, "recipient_public_key")).unwrap();
    let script = [bytes(request, "skE"), bytes(request, "salt")].concat();
    let content_type = HeaderValue::from_static("application/json");
    client::start(&to, &credential(vectors), Some(&content_type), &Scripted::new(&script)).unwrap()
}

/// The right to answer a vector's request.
fn reply(vectors: &Value, request: &Value) -> Reply {
    let wire = bytes(request, "wire");
    open(&server_key(vectors), &credential(vectors), &fields(request), &Limits::default(), &[&wire])
        .unwrap()
        .1
}

// HH-80, HH-81, HH-82, HH-83, HH-84
#[test]
fn requests() {
    let Some(vectors) = load("v1.json") else { return };
    for id in ["HV-01", "HV-02"] {
        let request = named(&vectors, id);
        let wire = bytes(request, "wire");
        for len in [usize::MAX, 1, 33] {
            let slices: Vec<&[u8]> = wire.chunks(len).collect();
            let (content, _) = open(
                &server_key(&vectors),
                &credential(&vectors),
                &fields(request),
                &Limits::default(),
                &slices,
            )
            .unwrap();
            assert_eq!(content, bytes(request, "body"), "{id}");
        }
        let mut started = start(&vectors, request);
        let mut expect = fields(request);
        // What compressed the body is the caller's: ours never does (HH-103).
        expect.remove("x-hpke-encoding");
        assert_eq!(started.headers, expect, "{id}");
        let mut out = BytesMut::new();
        let chunks = request["chunks"].as_array().unwrap();
        let (last, others) = chunks.split_last().unwrap();
        for chunk in others {
            started.body.data(&mut out, &bytes(chunk, "plaintext")).unwrap();
        }
        started.body.finish(&mut out, &bytes(last, "plaintext")).unwrap();
        assert_eq!(out, wire, "{id}");
    }
}

// HH-81, HH-83, HH-85
#[test]
fn answers() {
    let Some(vectors) = load("v1.json") else { return };
    for id in ["HV-10", "HV-11", "HV-12"] {
        let response = named(&vectors, id);
        let (wire, request) = (bytes(response, "wire"), named(&vectors, text(response, "request")));
        for len in [usize::MAX, 1, 33] {
            let slices: Vec<&[u8]> = wire.chunks(len).collect();
            let answer = start(&vectors, request).answer.open(&fields(response), &Limits::default()).unwrap();
            let content = read_answer(answer, &slices).unwrap().concat();
            assert_eq!(content, bytes(response, "body"), "{id}");
        }
        let chunks = response["chunks"].as_array().unwrap();
        if chunks.iter().any(|chunk| chunk["encoding"] != 0) {
            // Ours never compresses (HH-103).
            continue;
        }
        let salt = Scripted::new(&bytes(response, "salt"));
        let (stream, ResponseSealer::Chunks(mut sealer)) =
            reply(&vectors, request).start(false, &salt).unwrap()
        else {
            panic!("chunks")
        };
        assert_eq!(Some(&stream), fields(response).get("x-hpke-stream"), "{id}");
        let mut out = BytesMut::new();
        let (last, others) = chunks.split_last().unwrap();
        for chunk in others {
            sealer.data(&mut out, &bytes(chunk, "plaintext")).unwrap();
        }
        sealer.finish(&mut out, &bytes(last, "plaintext")).unwrap();
        assert_eq!(out, wire, "{id}");
    }
}

// HH-86
#[test]
fn event_streams() {
    let Some(vectors) = load("v1.json") else { return };
    let stream = named(&vectors, "HV-20");
    let request = named(&vectors, text(stream, "request"));
    let events: Vec<&str> =
        stream["events"].as_array().unwrap().iter().map(|event| text(event, "event")).collect();
    let wire = text(stream, "wire").as_bytes();

    let salt = Scripted::new(&bytes(stream, "salt"));
    let (_, ResponseSealer::Events(mut sealer)) = reply(&vectors, request).start(true, &salt).unwrap() else {
        panic!("events")
    };
    let mut out = BytesMut::new();
    for slice in events.concat().as_bytes().chunks(3) {
        sealer.write(&mut out, slice).unwrap();
    }
    sealer.finish(&mut out).unwrap();
    assert_eq!(out, wire);

    let mut fields = fields(stream);
    fields.insert("content-type", HeaderValue::from_static("Text/Event-Stream"));
    for len in [usize::MAX, 1, 7] {
        let slices: Vec<&[u8]> = wire.chunks(len).collect();
        let answer = start(&vectors, request).answer.open(&fields, &Limits::default()).unwrap();
        assert_eq!(
            read_answer(answer, &slices).unwrap(),
            events.iter().map(|event| event.as_bytes()).collect::<Vec<_>>()
        );
    }
}

// HH-87, HH-88
#[test]
fn key_documents() {
    let Some(vectors) = load("v1.json") else { return };
    let key = server_key(&vectors);
    let ours: Value = serde_json::from_str(&document(key.public_key()).unwrap()).unwrap();
    assert_eq!(ours, vectors["discovery"]["body"]);
    let parsed = parse_document(&serde_json::to_vec(&ours).unwrap()).unwrap();
    assert_eq!(parsed.as_bytes(), bytes(&vectors, "recipient_public_key"));
}

/// HH-98: what has been seen before gets no right to answer. HH-95: the id is of the encapsulated key alone, so the same one on another path is the same (HH-96).
#[test]
fn replay_ids() {
    let Some(vectors) = load("v1.json") else { return };
    let request = named(&vectors, "HV-01");
    let claim = || {
        let preparsed = Preparsed::new(&fields(request)).unwrap();
        preparsed.claim(&server_key(&vectors), &credential(&vectors), &Limits::default()).unwrap()
    };
    let enc = bytes(request, "enc");
    let pending = claim().anonymous();
    assert_eq!(pending.replay_id(), &sealwire_crypto::digest::sha256(&[&enc]));
    assert!(pending.admit(false).is_err());
}
