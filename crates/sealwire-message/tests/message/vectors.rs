//! Every case of the shared Binary HTTP file, and the responses of the chunked one.

use crate::{
    seen::{Control, Drain, Lines, Seen, decode, lines, map},
    shared,
};
use bytes::BytesMut;
use sealwire_crypto::aead::{Aead, Key, Sequence};
use sealwire_message::{
    bhttp::{Error, Limits},
    chunk::{self, Opened, Opener, Sealer},
};
use serde_json::Value;

fn expected_lines(value: &Value) -> Lines {
    let given: Lines = value
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line[0].as_str().unwrap().to_owned(), line[1].as_str().unwrap().as_bytes().to_vec()))
        .collect();
    lines(&map(&given))
}

fn expected(message: &Value) -> Seen {
    let text = |key: &str| message[key].as_str().unwrap().to_owned();
    let control = match message["kind"].as_str().unwrap() {
        "request" => Control::Request {
            method: text("method"),
            scheme: text("scheme"),
            authority: text("authority"),
            path: text("path"),
        },
        _ => Control::Response(message["status"].as_u64().unwrap().try_into().unwrap()),
    };
    let informational = message["informational"].as_array().into_iter().flatten();
    Seen {
        informational: informational
            .map(|one| (one["status"].as_u64().unwrap().try_into().unwrap(), expected_lines(&one["headers"])))
            .collect(),
        control,
        headers: expected_lines(&message["headers"]),
        content: shared::hex_of(&message["content"]),
        trailers: expected_lines(&message["trailers"]),
    }
}

/// The exact error of each refused case.
fn error_of(id: &str) -> Error {
    match id {
        "BH-30" | "BH-56" => Error::Framing,
        "BH-31" | "BH-33" | "BH-34" | "BH-35" | "BH-37" | "BH-55" => Error::Truncated,
        "BH-32" => Error::Padding,
        "BH-39" => Error::SectionLength,
        "BH-40" => Error::EmptyName,
        "BH-41" => Error::Name,
        "BH-43" | "BH-45" => Error::Value,
        "BH-47" => Error::ControlField,
        "BH-49" | "BH-50" => Error::PseudoField,
        "BH-51" => Error::Status,
        "BH-53" => Error::NoFinalResponse,
        "BH-54" => Error::ControlDataTooLong,
        "BH-58" => Error::ContentLength,
        "BH-59" => Error::Expect,
        "BH-60" => Error::Connect,
        "BH-61" => Error::Method,
        "BH-63" => Error::UserInfo,
        "BH-64" => Error::Host,
        other => panic!("{other}: a case without a known error"),
    }
}

/// Whether a refused case is meant for the response decoder.
fn is_request(case: &Value, bytes: &[u8]) -> bool {
    match case["message"]["kind"].as_str() {
        Some(kind) => kind == "request",
        None => case["role"] == "gateway" || !matches!(bytes.first(), Some(1 | 3)),
    }
}

// OB-30, OB-31, OB-32, OB-37, OB-120 to OB-130, OB-155, OB-157, OB-158
#[test]
fn every_binary_http_case() {
    let Some(file) = shared::vectors("oblivious/bhttp.json") else { return };
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 38);
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let bytes = shared::hex_of(&case["bytes"]);
        let request = is_request(case, &bytes);
        let due = match case["expect"].as_str().unwrap() {
            "accept" => Ok(expected(&case["message"])),
            _ => Err(error_of(id)),
        };
        for drain in [Drain::Eagerly, Drain::AtEnd] {
            for size in [1, 2, 3, 7, bytes.len().max(1)] {
                let seen = decode(request, bytes.chunks(size), drain, Limits::default());
                assert_eq!(seen, due, "{id} in slices of {size}, {drain:?}");
            }
        }
    }
}

fn sequence(vector: &Value) -> Sequence {
    let aead = Aead::from_id(vector["aead_id"].as_u64().unwrap().try_into().unwrap()).unwrap();
    let nonce = shared::hex_of(&vector["aead_nonce"]).try_into().unwrap();
    Sequence::new(Key::new(aead, &shared::hex_of(&vector["aead_key"])).unwrap(), nonce)
}

// OB-20 to OB-25: the responses, whose key is given; requests need HPKE and are run where that is used.
#[test]
fn every_chunked_response() {
    let Some(file) = shared::vectors("oblivious/chunked.json") else { return };
    let mut reproduced = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        let nonce = shared::hex_of(&vector["response_nonce"]);
        let message = shared::hex_of(&vector["encapsulated_response"]);
        let body = message.strip_prefix(nonce.as_slice()).unwrap();
        let mut opened_in = Vec::new();
        for size in [1, 5, 1000, body.len()] {
            let mut opener = Opener::new(sequence(vector), chunk::Limits::default());
            let mut chunks = Vec::new();
            let mut last = None;
            let mut take = |opener: &mut Opener<Sequence>| {
                while let Some(opened) = opener.next_chunk().unwrap() {
                    assert!(last.is_none());
                    match opened {
                        Opened::Chunk(plaintext) => chunks.push(plaintext.to_vec()),
                        Opened::Final(plaintext) => last = Some(plaintext.to_vec()),
                    }
                }
            };
            for slice in body.chunks(size) {
                opener.push(slice);
                take(&mut opener);
            }
            opener.end();
            take(&mut opener);
            chunks.push(last.unwrap());
            opened_in.push(chunks);
        }
        assert!(opened_in.windows(2).all(|pair| pair[0] == pair[1]), "{id}");
        let chunks = &opened_in[0];

        let lengths: Vec<u64> = match vector["response_chunk_lengths"].as_array() {
            Some(lengths) => lengths.iter().map(|len| len.as_u64().unwrap()).collect(),
            None => {
                let due = vector["response_chunks"].as_array().unwrap();
                for (chunk, due) in chunks.iter().zip(due) {
                    assert_eq!(*chunk, shared::hex_of(&due["plaintext"]), "{id}");
                }
                due.iter().map(|chunk| chunk["plaintext"].as_str().unwrap().len() as u64 / 2).collect()
            }
        };
        assert_eq!(chunks.iter().map(|chunk| chunk.len() as u64).collect::<Vec<_>>(), lengths, "{id}");

        // What is sealed again is the same bytes.
        let mut sealer = Sealer::new(sequence(vector), chunk::Limits::default());
        let mut out = BytesMut::new();
        let (last, chunks) = chunks.split_last().unwrap();
        for chunk in chunks {
            sealer.chunk(&mut out, &[chunk]).unwrap();
        }
        sealer.finish(&mut out, &[last]).unwrap();
        assert_eq!(out, body, "{id}");
        reproduced += 1;
    }
    assert!(reproduced >= 5);
}
