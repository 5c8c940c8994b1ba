//! The frozen vectors, both ways (TU-80).

use crate::{
    Dropped, Error, Id, Limits, VerifierData, binding,
    connection::{Client, Connection, Received, Server, Side},
    envelope::{self, HEADROOM},
    handshake::{ClientKx, ServerKx},
    message::{
        Close, Connect, Content, Event, Frame, FromClient, FromServer, Happened, Message, Request, Response,
    },
    server::{ExpectClientKx, Offer, Step},
};
use bytes::Bytes;
use sealwire_attest::Endorsements;
use sealwire_crypto::{
    nacl::{SealedBoxKey, SecretBoxKey},
    random::OsRandom,
};
use serde_json::Value;
use std::{env, fs, path::PathBuf, sync::Arc};

fn load(name: &str) -> Option<Value> {
    let shared = env::var_os("SEALWIRE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("vectors/tunnel").join(name);
    match fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(error) => {
            assert_ne!(env::var("CI").as_deref(), Ok("true"), "{}: {error}", path.display());
            println!("skipped: no {}", path.display());
            None
        }
    }
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().unwrap()).unwrap()
}

fn array<const N: usize>(case: &Value, field: &str) -> [u8; N] {
    bytes(case, field).try_into().unwrap()
}

fn secret(case: &Value) -> SecretBoxKey {
    SecretBoxKey::new(&array(case, "symmetric_key"))
}

fn text(case: &Value, field: &str) -> String {
    case[field].as_str().unwrap().to_owned()
}

fn headers(case: &Value) -> Vec<(String, String)> {
    let headers = case["headers"].as_object().unwrap();
    headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn content(value: &Value) -> Option<Content> {
    match value {
        Value::String(text) => Some(Content::Text(text.as_str().into())),
        Value::Object(_) => Some(Content::Bytes(bytes(value, "$bytes").into())),
        _ => None,
    }
}

/// A message as the vectors describe it, apart from any CBOR.
enum Described {
    Client(FromClient),
    Server(FromServer),
}

fn described(message: &Value) -> Described {
    let request = || Id::parse(message["requestId"].as_str().unwrap()).unwrap();
    let socket = || Id::parse(message["connectionId"].as_str().unwrap()).unwrap();
    let code = || message["code"].as_u64().map(|code| u16::try_from(code).unwrap());
    match message["type"].as_str().unwrap() {
        "http_request" => Described::Client(FromClient::Request(Request {
            id: request(),
            method: text(message, "method"),
            url: text(message, "url"),
            headers: headers(message),
            body: content(&message["body"]),
        })),
        "http_response" => Described::Server(FromServer::Response(Response {
            id: request(),
            status: u16::try_from(message["status"].as_u64().unwrap()).unwrap(),
            status_text: text(message, "statusText"),
            headers: headers(message),
            body: content(&message["body"]),
            error: message["error"].as_str().map(str::to_owned),
        })),
        "ws_connect" => Described::Client(FromClient::Connect(Connect {
            id: socket(),
            url: text(message, "url"),
            protocols: message["protocols"]
                .as_array()
                .map(|list| list.iter().map(|name| name.as_str().unwrap().to_owned()).collect())
                .unwrap_or_default(),
        })),
        "ws_event" => Described::Server(FromServer::Event(Event {
            id: socket(),
            happened: match message["eventType"].as_str().unwrap() {
                "open" => Happened::Open,
                "close" => Happened::Close { code: code(), reason: text(message, "reason") },
                _ => Happened::Error(text(message, "error")),
            },
        })),
        "ws_message" => Described::Client(FromClient::Frame(Frame {
            id: socket(),
            data: content(&message["data"]).unwrap(),
        })),
        "ws_close" => Described::Client(FromClient::Close(Close {
            id: socket(),
            code: code(),
            reason: text(message, "reason"),
        })),
        other => panic!("{other}"),
    }
}

/// A connection under the key of the vectors.
fn connection<S: Side>(case: &Value) -> Connection<S> {
    Connection::new(secret(case), &Limits::default(), 0, &OsRandom).unwrap()
}

fn both_ways<M: Message + PartialEq + std::fmt::Debug>(
    message: &M,
    case: &Value,
    handshake: &Value,
    opened: Received<M>,
) {
    assert_eq!(hex::encode(message.encode()), text(case, "plaintext_cbor"));
    assert_eq!(M::decode(&bytes(case, "plaintext_cbor").into()).as_ref(), Ok(message));
    let sealed =
        envelope::seal(&secret(handshake), &array(handshake, "nonce"), message.encode_behind(HEADROOM))
            .unwrap();
    assert_eq!(hex::encode(&sealed), text(case, "enc_envelope"));
    let Received::Message(opened) = opened else { panic!("dropped") };
    assert_eq!(&opened, message);
}

// TU-03, TU-04, TU-06, TU-13, TU-15, TU-80
#[test]
fn messages_are_written_and_read() {
    let Some(vectors) = load("messages.json") else { return };
    let handshake = &vectors["handshake"];
    let cases = vectors["messages"].as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let envelope = Bytes::from(bytes(case, "enc_envelope"));
        match described(&case["message"]) {
            Described::Client(message) => {
                let opened = connection::<Server>(handshake).open(envelope, 0).unwrap();
                both_ways(&message, case, handshake, opened);
            }
            Described::Server(message) => {
                let opened = connection::<Client>(handshake).open(envelope, 0).unwrap();
                both_ways(&message, case, handshake, opened);
            }
        }
    }
}

// TU-14, TU-80: the same messages in the shortest forms, which other CBOR libraries write.
#[test]
fn shortest_forms_are_read() {
    let Some(vectors) = load("messages.json") else { return };
    let cases = vectors["shortest_form_messages"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let cbor = Bytes::from(bytes(case, "plaintext_cbor"));
        match described(&case["message"]) {
            Described::Client(message) => assert_eq!(FromClient::decode(&cbor), Ok(message)),
            Described::Server(message) => assert_eq!(FromServer::decode(&cbor), Ok(message)),
        }
    }
}

// TU-03, TU-04, TU-16, TU-80
#[test]
fn the_handshake_is_that_of_the_peer() {
    let Some(vectors) = load("messages.json") else { return };
    let handshake = &vectors["handshake"];
    let server_kx = bytes(handshake, "server_kx");
    let read = ServerKx::decode(&server_kx).unwrap();
    assert_eq!(read.encode(), server_kx);
    assert_eq!(read.public, array(handshake, "x25519_public"));
    assert_eq!(read.endorsements, Endorsements::default());
    let data: VerifierData = read.verifier_data.clone().unwrap();
    assert_eq!(data.signature.as_deref(), Some(&[9; 4][..]));
    assert_eq!(
        binding::with_verifier_data(&data, &read.public),
        array(handshake, "expected_report_data_sha512")
    );

    let client_kx = bytes(handshake, "client_kx");
    let read = ClientKx::decode(&client_kx).unwrap().unwrap();
    assert_eq!(read.encode(), client_kx);
    assert_eq!(read.sealed.to_vec(), bytes(handshake, "sealed_key"));
    let key = SealedBoxKey::from_bytes(&array(handshake, "x25519_private")).unwrap();
    assert_eq!(key.public(), &array(handshake, "x25519_public"));
    assert_eq!(key.open(&read.sealed).unwrap().to_vec(), bytes(handshake, "symmetric_key"));
}

// TU-06, TU-80: an exchange that the peer's own code made.
#[test]
fn the_recorded_exchange_is_read() {
    let Some(vectors) = load("recorded.json") else { return };
    let frames = vectors["frames"].as_array().unwrap();
    let envelope = |frame: usize| Bytes::from(bytes(&frames[frame], "envelope"));
    let plain = |frame: usize| text(&frames[frame], "plaintext_cbor");
    let Ok(Received::Message(request)) = connection::<Server>(&vectors).open(envelope(0), 0) else {
        panic!("the request is dropped")
    };
    assert_eq!(hex::encode(request.encode()), plain(0));
    let FromClient::Request(request) = request else { panic!("{request:?}") };
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "/count"));
    let Ok(Received::Message(answer)) = connection::<Client>(&vectors).open(envelope(1), 0) else {
        panic!("the answer is dropped")
    };
    assert_eq!(hex::encode(answer.encode()), plain(1));
}

/// The server's side of the vectors, before and after the handshake.
fn offer(handshake: &Value) -> Arc<Offer> {
    let key = SealedBoxKey::from_bytes(&array(handshake, "x25519_private")).unwrap();
    Arc::new(Offer::of(key, Bytes::new(), &Limits::default()))
}

// TU-05, TU-14, TU-23, TU-80, TU-82: each is dropped; a sealed key of another length closes the connection besides.
#[test]
fn negative_cases_are_dropped() {
    let (Some(vectors), Some(negative)) = (load("messages.json"), load("negative.json")) else { return };
    let handshake = &vectors["handshake"];
    let cases = negative["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let (id, data) = (text(case, "id"), bytes(case, "data"));
        let found = match case["state"].as_str().unwrap() {
            "before client_kx" => {
                let expect = ExpectClientKx::new(offer(handshake));
                match expect.receive(&data, &Limits::default(), 0, &OsRandom) {
                    Ok(Step::Dropped(_, dropped)) => Ok(dropped),
                    Ok(Step::Established(_)) => panic!("{id} is taken"),
                    Err(error) => Err(error),
                }
            }
            _ => match connection::<Server>(handshake).open(data.into(), 0) {
                Ok(Received::Dropped(dropped)) => Ok(dropped),
                Ok(Received::Message(message)) => panic!("{id} is taken: {message:?}"),
                Err(error) => Err(error),
            },
        };
        let expected = match id.as_str() {
            "TN-01" => Ok(Dropped::Sealed),
            "TN-02" => Ok(Dropped::Form),
            "TN-04" => Ok(Dropped::NotSealed),
            "TN-05" => Ok(Dropped::BeforeKey),
            "TN-06" => Ok(Dropped::SecondClientKx),
            "TN-08" => Err(Error::SealedKey),
            "TN-09" => Ok(Dropped::Malformed(crate::cbor::Error::Malformed)),
            "TN-11" => Ok(Dropped::Malformed(crate::cbor::Error::Indefinite)),
            "TN-12" => Ok(Dropped::Malformed(crate::cbor::Error::Malformed)),
            other => panic!("{other}"),
        };
        assert_eq!(found, expected, "{id}");
    }
}

// TU-24, TU-40 (TS-01): an envelope that comes twice is opened once.
#[test]
fn a_repeated_envelope_is_dropped() {
    let Some(vectors) = load("messages.json") else { return };
    let mut server = connection::<Server>(&vectors["handshake"]);
    let envelope = Bytes::from(bytes(&vectors["messages"][0], "enc_envelope"));
    assert!(matches!(server.open(envelope.clone(), 0), Ok(Received::Message(_))));
    assert!(matches!(server.open(envelope, 0), Ok(Received::Dropped(Dropped::Repeated))));
}

// A nonce that repeats is dropped before anything is decrypted, and one whose box does not open is not remembered.
#[test]
fn only_what_opens_is_remembered() {
    let Some(vectors) = load("messages.json") else { return };
    let mut server = connection::<Server>(&vectors["handshake"]);
    let envelope = bytes(&vectors["messages"][0], "enc_envelope");
    let mut altered = envelope.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(matches!(server.open(altered.into(), 0), Ok(Received::Dropped(Dropped::Sealed))));
    assert!(matches!(server.open(envelope.into(), 0), Ok(Received::Message(_))));
}
