//! Messages that a gateway must refuse, at the stage and after the plaintext that they say.
//! (The client's cases start from an exported secret and are tested inside the crate.)
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    receive_chunked, receive_single, slices, suite,
    vectors::{bytes, load, number, text},
};
use sealwire_crypto::{
    aead::Aead,
    hpke::Symmetric,
    kdf::Hkdf,
    kem::{Kem, PrivateKey},
};
use sealwire_message::chunk::Error as ChunkError;
use sealwire_oblivious::{Error, Limits, gateway::GatewayKey, media};
use serde_json::Value;

fn keys(file: &Value) -> Vec<GatewayKey> {
    let keys = file["server"]["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| {
            let kem = Kem::from_id(number(key, "kem_id")).unwrap();
            let suites: Vec<Symmetric> = key["suites"]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| {
                    assert_eq!(Hkdf::from_id(pair[0].as_u64().unwrap() as u16), Some(Hkdf::Sha256));
                    suite(Aead::from_id(pair[1].as_u64().unwrap() as u16).unwrap())
                })
                .collect();
            let private = PrivateKey::from_bytes(kem, &bytes(key, "skR")).unwrap();
            GatewayKey::new(number(key, "key_id") as u8, private, &suites)
        })
        .collect()
}

/// The exact refusal of each case.
fn expected(id: &str) -> Error {
    match id {
        "ON-01" => Error::UnknownKey,                                       // OB-101
        "ON-02" => Error::KemMismatch,                                      // OB-102
        "ON-03" => Error::SuiteNotOffered,                                  // OB-103
        "ON-05" | "ON-06" | "ON-08" => Error::TooShort,                     // OB-100
        "ON-09" | "ON-10" | "ON-11" | "ON-13" | "ON-16" => Error::Open,     // OB-104, OB-105, OB-106
        "ON-15" => Error::Chunk(ChunkError::ChunkTooShort),                 // OB-106
        "ON-21" | "ON-30" | "ON-31" => Error::Chunk(ChunkError::Truncated), // OB-108, OB-112, OB-113
        "ON-33" => Error::Chunk(ChunkError::Truncated),                     // OB-113
        "ON-23" | "ON-24" => Error::Chunk(ChunkError::Open),                // OB-109
        "ON-25" | "ON-27" | "ON-35" => Error::Chunk(ChunkError::Open),      // OB-110
        "ON-28" => Error::Chunk(ChunkError::EmptyChunk),                    // OB-111, OB-154
        "ON-32" => Error::Chunk(ChunkError::ChunkTooLong),                  // OB-112, OB-155
        _ => panic!("no expectation for {id}"),
    }
}

#[test]
fn gateway() {
    let Some(file) = load("negative.json") else { return };
    let keys = keys(&file);
    let limits = Limits::default();
    let mut seen = 0;
    for case in file["cases"].as_array().unwrap() {
        if text(case, "role") != "server" {
            continue;
        }
        seen += 1;
        let id = text(case, "id");
        let body = bytes(case, "message");
        let accept = text(case, "expect") == "accept";
        if text(case, "content_type") == media::REQUEST {
            let outcome = receive_single(&keys, &body, &limits);
            if accept {
                assert_eq!(outcome.ok().unwrap().plaintext, bytes(case, "plaintext"), "{id}");
                continue;
            }
            check(id, text(case, "stage"), outcome.err().unwrap());
            continue;
        }
        for size in [body.len(), 1, 3] {
            let (received, _) = receive_chunked(&keys, slices(&body, size), &limits);
            if accept {
                assert_eq!(received.outcome, Ok(()), "{id}");
                assert_eq!(received.plaintext(), bytes(case, "plaintext"), "{id}");
                continue;
            }
            let released =
                case.get("authenticated_before_error").map(|_| bytes(case, "authenticated_before_error"));
            assert_eq!(received.plaintext(), released.unwrap_or_default(), "{id}");
            check(id, text(case, "stage"), received.outcome.unwrap_err());
        }
    }
    assert!(seen > 20);
}

fn check(id: &str, stage: &str, error: Error) {
    assert_eq!(error, expected(id), "{id}");
    match stage {
        "header" => assert!(
            matches!(
                error,
                Error::TooShort | Error::UnknownKey | Error::KemMismatch | Error::SuiteNotOffered
            ),
            "{id}"
        ),
        // Either form: nothing has authenticated, and the peer learns no more than that (OB-105, OB-106, OB-164).
        "decrypt" => assert!(error.is_key_error(), "{id}"),
        "chunk" => assert!(matches!(error, Error::Chunk(_)), "{id}"),
        _ => panic!("{id}: stage {stage}"),
    }
}
