//! Published and own vectors, byte for byte (EH-41).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{bytes, empty_frame, first, load, receive, rest, server_key, slices, text};
use sealwire_crypto::{
    aead::{Aead, Key},
    random::Scripted,
};
use sealwire_ehbp::{
    EncapsulatedKey, Error, Limits, ResponseNonce, client, config::KeyConfig, recovery::RecoveryToken,
};
use serde_json::{Value, json};

fn token(vector: &Value) -> RecoveryToken {
    RecoveryToken::from_json(&vector.to_string()).unwrap()
}

fn nonce(vector: &Value, field: &str) -> ResponseNonce {
    ResponseNonce::from_field(text(vector, field).as_bytes()).unwrap()
}

// EH-04, EH-41: the schedule, by a frame that is sealed with the published key and nonce.
#[test]
fn the_published_schedule() {
    let Some(vector) = load("derive.json") else { return };
    let key = Key::new(Aead::Aes256Gcm, &bytes(&vector, "derivedKey")).unwrap();
    let base: [u8; 12] = bytes(&vector, "derivedNonceBase").try_into().unwrap();
    let mut body = Vec::new();
    for (index, content) in [&b"zero"[..], b"one"].into_iter().enumerate() {
        let mut nonce = base;
        nonce[11] ^= index as u8;
        let mut frame = content.to_vec();
        let tag = key.seal(nonce, b"", &mut frame).unwrap();
        frame.extend_from_slice(&tag);
        body.extend_from_slice(&(frame.len() as u32).to_be_bytes());
        body.extend_from_slice(&frame);
    }
    let answer = token(&vector).into_answer();
    let mut opener = answer.open(&nonce(&vector, "responseNonce"), &Limits::default()).unwrap();
    assert_eq!(rest(&mut opener, vec![body]), (b"zeroone".to_vec(), Ok(())));
}

// EH-04, EH-08, EH-41
#[test]
fn the_published_answer() {
    let Some(vector) = load("response-decryption.json") else { return };
    let body = bytes(&vector, "encryptedResponse");
    for size in [body.len(), 1, 5] {
        let answer = token(&vector).into_answer();
        let mut opener = answer.open(&nonce(&vector, "responseNonce"), &Limits::default()).unwrap();
        assert_eq!(rest(&mut opener, slices(&body, size)), (bytes(&vector, "plaintext"), Ok(())));
    }
}

// EH-08, EH-41
#[test]
fn the_published_token() {
    let Some(vector) = load("session-recovery-token.json") else { return };
    let token = token(&vector);
    assert_eq!(token.encapsulated_key().to_field(), text(&vector, "requestEnc"));
    assert_eq!(serde_json::from_str::<Value>(&token.to_json()).unwrap(), vector);
}

/// The content of each request frame, and of each frame of the answer, by the vector's rule.
fn frames(vector: &Value) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (request, response) = (bytes(vector, "request"), bytes(vector, "response"));
    match text(vector, "id") {
        "EX-01" => (vec![request], vec![response]),
        "EX-02" => {
            let (front, back) = request.split_at(3);
            let (middle, last) = back.split_at(100);
            let (one, two) = response.split_at(9);
            (
                vec![front.to_vec(), Vec::new(), middle.to_vec(), last.to_vec()],
                vec![one.to_vec(), Vec::new(), two.to_vec()],
            )
        }
        id => panic!("no frames for {id}"),
    }
}

// EH-01 to EH-04, EH-08, EH-26, EH-41
#[test]
fn exchanges() {
    let Some(file) = load("exchange.json") else { return };
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let id = text(vector, "id");
        let limits = Limits::default();
        let key = server_key(&bytes(vector, "skR"));
        assert_eq!(key.config().encode(), bytes(vector, "key_config"), "{id}");
        let config = KeyConfig::parse(&bytes(vector, "key_config")).unwrap();
        let (request, response) = frames(vector);

        let random = Scripted::new(&bytes(vector, "skE"));
        let client::Request { enc, mut content, answer } =
            client::Request::new(&config, &limits, &random).unwrap();
        assert_eq!(enc.to_field(), text(&vector["header"], "Ehbp-Encapsulated-Key"), "{id}");
        let mut body = BytesMut::new();
        for part in &request {
            if part.is_empty() { empty_frame(&mut body) } else { content.frame(&mut body, part).unwrap() }
        }
        assert_eq!(body, bytes(vector, "request_body"), "{id}");
        let token: Value = serde_json::from_str(&answer.token().to_json()).unwrap();
        assert_eq!(token, vector["session_recovery_token"], "{id}");

        let (frame, left) = first(enc, &body, body.len(), limits).unwrap();
        let mut begun = frame.open(&key).unwrap();
        assert_eq!(rest(&mut begun.request, left), (bytes(vector, "request"), Ok(())), "{id}");
        for size in [1, 7] {
            let whole = receive(&key, enc.to_field().as_bytes(), &body, size, limits);
            assert_eq!(whole, (bytes(vector, "request"), Ok(())), "{id}");
        }

        let (nonce, mut sealer) =
            begun.answer.begin(&Scripted::new(&bytes(vector, "response_nonce"))).unwrap();
        assert_eq!(nonce.to_field(), text(&vector["response_header"], "Ehbp-Response-Nonce"), "{id}");
        let mut sealed = BytesMut::new();
        for part in &response {
            if part.is_empty() { empty_frame(&mut sealed) } else { sealer.frame(&mut sealed, part).unwrap() }
        }
        assert_eq!(sealed, bytes(vector, "response_body"), "{id}");
        let mut opener = answer.open(&nonce, &limits).unwrap();
        assert_eq!(rest(&mut opener, slices(&sealed, 3)), (bytes(vector, "response"), Ok(())), "{id}");
    }
}

/// The exact refusal of each case.
fn expected(id: &str) -> Result<(), Error> {
    match id {
        "EJ-00" | "EJ-13" => Ok(()),
        "EJ-01" | "EJ-02" | "EJ-04" => Err(Error::EncapsulatedKey),
        "EJ-05" | "EJ-06" => Err(Error::Truncated),
        "EJ-08" => Err(Error::FrameTooLong),
        "EJ-09" | "EJ-11" => Err(Error::Open),
        _ => panic!("no expectation for {id}"),
    }
}

// EH-05, EH-25, EH-41, EH-43
#[test]
fn negative() {
    let Some(file) = load("negative.json") else { return };
    let key = server_key(&bytes(&file, "server_skR"));
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let id = text(case, "id");
        let body = bytes(case, "body");
        let released = if expected(id).is_ok() { "plaintext" } else { "authenticated_before_error" };
        for size in [body.len(), 1, 6] {
            let found = receive(&key, text(case, "header").as_bytes(), &body, size, Limits::default());
            assert_eq!(found, (bytes(case, released), expected(id)), "{id} in slices of {size}");
        }
    }
}

// EH-08, EH-43
#[test]
fn other_tokens_and_fields_are_refused() {
    let (secret, enc) = ("a1".repeat(32), "0f".repeat(32));
    let with = |secret: &str, enc: &str| json!({"exportedSecret": secret, "requestEnc": enc}).to_string();
    assert!(RecoveryToken::from_json(&with(&secret, &enc)).is_ok());
    let (upper, short) = (secret.to_uppercase(), &secret[2..]);
    for text in [
        with(&upper, &enc),
        with(short, &enc),
        with(&secret, short),
        with(&secret, &format!("{enc}00")),
        json!({"exportedSecret": secret}).to_string(),
        format!("{} x", with(&secret, &enc)),
        String::new(),
    ] {
        assert_eq!(RecoveryToken::from_json(&text).err(), Some(Error::Token), "{text}");
    }
    for value in ["", "0", &upper, short, &format!("{secret}0"), &format!(" {secret}"), &format!("{secret},")]
    {
        assert_eq!(EncapsulatedKey::from_field(value.as_bytes()), Err(Error::EncapsulatedKey), "{value}");
        assert_eq!(ResponseNonce::from_field(value.as_bytes()), Err(Error::ResponseNonce), "{value}");
    }
}
