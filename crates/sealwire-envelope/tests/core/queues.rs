//! Messages in queues.

use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Reason, Rules,
    binding::queue::{self, Dialect, Error, Payload, Readers},
    encoding::Options,
    key::{KeyRecord, Keyring, PublicKey},
    validate::MAX_TTL_MS,
};

use crate::{
    common::{cases, text, vectors},
    support::{NOW, alice, keys, outcome},
};

fn rules(identity: &str) -> Rules {
    Rules::new(identity).with_max_ttl_ms(MAX_TTL_MS)
}

// EN-44, EN-45, EN-46, SP-34
#[test]
fn the_vectors_of_queues() {
    let Some(file) = vectors("queue") else { return };
    let mut ring = Keyring::new();
    let key = PublicKey::parse(text(&file["shared"], "publicKey")).unwrap();
    ring.insert(KeyRecord::public("agent.ed", "k1", key).unwrap()).unwrap();
    for case in cases(&file) {
        let id = text(case, "id");
        let dialect = match case["dialect"].as_str() {
            Some("rust") => Dialect::Rust,
            Some("py") => Dialect::Python,
            _ => Dialect::default(),
        };
        let now = case["now"].as_i64().unwrap();
        let verified = queue::verify(
            text(case, "message").as_bytes(),
            dialect,
            &rules("queue:orders"),
            &Options::default(),
            &ring,
            now,
        );
        assert_eq!(outcome(&verified), text(case, "expect"), "{id}");
        if let (Ok(verified), Some(value)) = (verified, case["valueJson"].as_str()) {
            let got = match verified.payload() {
                Payload::Json(text) => text.to_owned(),
                Payload::Text(text) => serde_json::to_string(text).unwrap(),
            };
            let value_of = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value_of(&got), value_of(value), "{id}");
        }
    }
}

fn sign(payload: Payload<'_>, readers: Readers) -> Result<String, Error> {
    queue::sign(payload, readers, "service", queue::TTL_MS, &alice(), NOW, &OsRandom)
}

fn verify(message: &str, dialect: Dialect) -> Result<queue::Verified, Reason> {
    queue::verify(message.as_bytes(), dialect, &rules("service"), &Options::default(), &keys(), NOW)
}

// SP-34: every way to write is read.
#[test]
fn what_is_written_is_read() {
    for dialect in [Dialect::Python, Dialect::TypeScript, Dialect::Rust] {
        for (payload, text) in [
            (Payload::Json(r#"{"a":[1,null,true],"b":"x"}"#), r#"{"a":[1,null,true],"b":"x"}"#),
            (Payload::Text("he said \"é\"\n"), "he said \"é\"\n"),
            (Payload::Json("\"quoted\""), "\"quoted\""),
        ] {
            for readers in [Readers::Dialect(dialect), Readers::Marked] {
                let verified = verify(&sign(payload, readers).unwrap(), dialect).unwrap();
                // A text may come out as its own JSON, and the JSON of a text as the text.
                let got = match verified.payload() {
                    Payload::Json(json) => serde_json::from_str(json).unwrap(),
                    Payload::Text(text) => serde_json::Value::from(text),
                };
                let sent = match payload {
                    Payload::Json(_) => serde_json::from_str(text).unwrap(),
                    Payload::Text(_) => serde_json::Value::from(text),
                };
                assert_eq!(got, sent);
            }
        }
    }
}

// EN-46, SP-34: what published peers would read differently is not written for all of them.
#[test]
fn portable_payloads_are_those_of_all_peers() {
    for good in [r#"{"a":1,"b":2}"#, r#"{"a":[true,false,null,{"c":"x"}],"b":-9007199254740991}"#, "{}"] {
        assert!(sign(Payload::Json(good), Readers::Portable).is_ok(), "{good}");
    }
    for bad in [
        r#"{"b":1,"a":2}"#,
        r#""hello""#,
        r#"[1]"#,
        r#"{"a":"é"}"#,
        r#"{"a":1.0}"#,
        r#"{"a":9007199254740992}"#,
        r#"{"1":1}"#,
        r#"{"a": 1}"#,
        r#"{"a":{"10":1}}"#,
        r#"{"a":-0}"#,
    ] {
        assert!(matches!(sign(Payload::Json(bad), Readers::Portable), Err(Error::NotPortable)), "{bad}");
    }
    assert!(matches!(sign(Payload::Text("x"), Readers::Portable), Err(Error::NotPortable)));
    assert!(matches!(sign(Payload::Json("{"), Readers::Marked), Err(Error::Json(_))));
}

// EN-45, SP-34, SP-39: a copy with another payload is refused before anything is remembered of the genuine one.
#[test]
fn a_tampered_copy_does_not_burn_the_nonce_of_the_message() {
    let message = sign(Payload::Json(r#"{"amount":1}"#), Readers::Portable).unwrap();
    let forged = message.replace(r#""payload":{"amount":1}"#, r#""payload":{"amount":999}"#);
    assert_ne!(message, forged);
    assert_eq!(verify(&forged, Dialect::default()).err(), Some(Reason::PayloadMismatch));
    assert!(verify(&message, Dialect::default()).is_ok());
}

// SP-34: text that looks like an object is text.
#[test]
fn text_and_object_are_not_confused() {
    let text = sign(Payload::Text(r#"{"admin":true}"#), Readers::Marked).unwrap();
    assert!(matches!(verify(&text, Dialect::default()).unwrap().payload(), Payload::Text(_)));
    let object = text.replace(r#""payload":"{\"admin\":true}""#, r#""payload":{"admin":true}"#);
    assert_ne!(text, object);
    assert_eq!(verify(&object, Dialect::default()).err(), Some(Reason::PayloadMismatch));
}
