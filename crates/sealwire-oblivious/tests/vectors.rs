//! Known exchanges: bytes that others made are opened, and made again where the ephemeral key is known.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{
    Fixed, receive_answer, receive_chunked, receive_single, slices, suite,
    vectors::{bytes, load, number, text},
};
use sealwire_crypto::{
    aead::Aead,
    kem::{Kem, PrivateKey},
};
use sealwire_oblivious::{
    Limits,
    client::{seal_single, start_chunked},
    config::{encode_list, parse_list, select},
    gateway::GatewayKey,
};
use serde_json::Value;

fn key(vector: &Value) -> GatewayKey {
    let kem = Kem::from_id(number(vector, "kem_id")).unwrap();
    let aead = Aead::from_id(number(vector, "aead_id")).unwrap();
    let private = PrivateKey::from_bytes(kem, &bytes(vector, "skR")).unwrap();
    let key_id = u8::try_from(number(vector, "key_id")).unwrap();
    let key = GatewayKey::new(key_id, private, &[suite(aead)]);

    // The published config; it may offer more than the pair of this exchange.
    let config = bytes(vector, "key_config");
    let mut list = u16::try_from(config.len()).unwrap().to_be_bytes().to_vec();
    list.extend_from_slice(&config);
    let parsed = parse_list(&list, &Limits::default()).unwrap();
    assert_eq!(encode_list(&parsed), list);
    assert_eq!(parsed[0].key_id, key_id);
    assert_eq!(parsed[0].public_key.as_bytes(), key.config().public_key.as_bytes());
    assert!(parsed[0].suites.contains(&suite(aead)));
    key
}

fn single(vector: &Value) {
    let id = text(vector, "id");
    let limits = Limits::default();
    let key = key(vector);
    let selected = select(std::slice::from_ref(key.config()), &[key.config().public_key.kem()]).unwrap();
    let (request, response) = (bytes(vector, "request"), bytes(vector, "response"));
    let sealed = bytes(vector, "encapsulated_request");

    let opened = receive_single(&[key], &sealed, &limits).unwrap();
    assert_eq!(opened.plaintext, request, "{id}");
    let mut answer = opened.reply.buffer(response.len());
    answer.extend_from_slice(&response);
    let answer = opened.reply.seal(answer, &Fixed::new(&bytes(vector, "response_nonce"))).unwrap();
    assert_eq!(answer, bytes(vector, "encapsulated_response"), "{id}");

    if vector.get("skE").is_some() {
        let random = Fixed::new(&bytes(vector, "skE"));
        let (made, expect) = seal_single(&selected, &request, &limits, &random).unwrap();
        assert_eq!(made, sealed, "{id}");
        assert_eq!(expect.open(answer).unwrap(), response, "{id}");
    }
}

/// The plaintexts of a vector's chunks, given or by its rule.
fn chunks(vector: &Value, side: &str) -> Vec<Vec<u8>> {
    if let Some(chunks) = vector[format!("{side}_chunks")].as_array() {
        return chunks.iter().map(|chunk| bytes(chunk, "plaintext")).collect();
    }
    match text(vector, "id") {
        "OC-04" => vec![(0..16384).map(|i| i as u8).collect(), b"tail".to_vec()],
        "OC-05" if side == "request" => (0..300).map(|i| vec![i as u8]).collect(),
        "OC-05" => (0..300).map(|i| vec![(7 * i) as u8]).collect(),
        id => panic!("no chunks for {id}"),
    }
}

fn chunked(vector: &Value) {
    let id = text(vector, "id");
    let limits = Limits::default();
    let keys = [key(vector)];
    let config = keys[0].config();
    let selected = select(std::slice::from_ref(config), &[config.public_key.kem()]).unwrap();
    let (request, response) = (chunks(vector, "request"), chunks(vector, "response"));
    let sealed = bytes(vector, "encapsulated_request");
    let sealed_response = bytes(vector, "encapsulated_response");

    for size in [sealed.len(), 1, 7] {
        let (received, reply) = receive_chunked(&keys, slices(&sealed, size), &limits);
        assert_eq!(received.outcome, Ok(()), "{id}");
        assert_eq!(received.chunks, request, "{id}");

        let mut out = BytesMut::new();
        let (reply, _) = reply.unwrap();
        let random = Fixed::new(&bytes(vector, "response_nonce"));
        let mut sealer = reply.start(&mut out, &random).unwrap();
        let (last, others) = response.split_last().unwrap();
        for chunk in others {
            sealer.chunk(&mut out, &[chunk]).unwrap();
        }
        sealer.finish(&mut out, &[last]).unwrap();
        assert_eq!(out, sealed_response, "{id}");
    }

    if vector.get("skE").is_some() {
        for size in [sealed_response.len(), 1, 7] {
            let mut out = BytesMut::new();
            let random = Fixed::new(&bytes(vector, "skE"));
            let (mut sealer, expect) = start_chunked(&selected, &mut out, &limits, &random).unwrap();
            let (last, others) = request.split_last().unwrap();
            for chunk in others {
                sealer.chunk(&mut out, &[chunk]).unwrap();
            }
            sealer.finish(&mut out, &[last]).unwrap();
            assert_eq!(out, sealed, "{id}");

            let received = receive_answer(expect, slices(&sealed_response, size));
            assert_eq!(received.outcome, Ok(()), "{id}");
            assert_eq!(received.chunks, response, "{id}");
        }
    }
}

/// OB-01, OB-165: the published single-shot exchange and those with 32-byte response nonces (OB-150).
#[test]
fn single_shot() {
    let Some(file) = load("single.json") else { return };
    let vectors = file["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    vectors.iter().for_each(single);
}

/// OB-01, OB-21: whole and byte by byte (OB-156), with a counter beyond 255 and a four-byte length.
#[test]
fn chunked_messages() {
    let Some(file) = load("chunked.json") else { return };
    let vectors = file["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    vectors.iter().for_each(chunked);
}

/// OB-01, OB-02: X-Wing and P-256.
#[test]
fn other_kems() {
    let Some(file) = load("kem.json") else { return };
    let vectors = file["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        if hex::decode(text(vector, "info")).unwrap().starts_with(b"message/bhttp chunked") {
            chunked(vector);
        } else {
            single(vector);
        }
    }
}
