//! Crate `protocol-7h3` 0.6.1.

use std::collections::HashMap;

use protocol_7h3 as peer;
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Envelope,
    binding::{
        http::{Binding, ENVELOPE_FIELD, verify_request},
        queue::{self, Dialect, Payload, Readers},
        webhook,
    },
    canonical,
    encoding::{Options, compact, json},
    key::{
        KeyRecord, SharedSecret, Use,
        document::{KeyDocument, KeyEntry, RevocationList, Trust},
    },
    validate::validate,
};
use serde_json::Value;

use crate::{
    PORTABLE, SECRET, TEXT, bound_request, keys, now, private_text, public, request, rules, secret_signer,
    signed_by, signer, unbound, verify,
};

fn theirs(envelope: &Envelope) -> peer::ProtocolEnvelope {
    serde_json::from_str(&json::encode(envelope)).unwrap()
}

// EN-07, EN-08, EN-17, EN-117
#[test]
fn signatures_hold_on_both_sides() {
    for content in ["", "plain", TEXT] {
        let ours = signed_by(&signer(), content);
        assert_eq!(peer::canonicalize_envelope(&theirs(&ours)).as_bytes(), canonical::envelope(&ours));
        assert_eq!(peer::verify_envelope_ed25519(&theirs(&ours), &public().to_text()), Ok(true));
        let signed = peer::sign_envelope_ed25519(&theirs(&ours), &private_text(), "k1").unwrap();
        assert!(verify(&serde_json::to_string(&signed).unwrap()).is_ok());
        assert_eq!(signed, theirs(&ours));
        let ours = signed_by(&secret_signer(), content);
        assert!(peer::verify_envelope_hmac(&theirs(&ours), SECRET));
        let signed = peer::sign_envelope_hmac(&theirs(&ours), SECRET, "h1");
        assert!(verify(&serde_json::to_string(&signed).unwrap()).is_ok());
    }
}

// EN-27, EN-117
#[test]
fn compact_texts_are_read_on_both_sides() {
    let ours = signed_by(&signer(), TEXT);
    assert_eq!(peer::decode_envelope(&compact::encode(&ours).unwrap()).unwrap(), theirs(&ours));
    let text = peer::encode_envelope_compact(&theirs(&ours));
    assert_eq!(compact::decode(text.as_bytes(), &Options::default()).unwrap(), ours);
}

// EN-12, EN-117
#[test]
fn diagnostics_are_the_same() {
    let now = now();
    let mut envelope = signed_by(&signer(), "x");
    for (version, nonce, ttl, timestamp, content) in [
        ("7h3/0.1", "n", 60_000, now, "x"),
        ("7h3/0.1", " ", 0, now - 1, ""),
        ("", "", 86_400_001, now + 30_001, " "),
        ("7h3/0.2", "n", -5, now - 100_000, "x"),
    ] {
        (envelope.header.version, envelope.header.nonce) = (version.to_owned(), nonce.to_owned());
        (envelope.header.ttl_ms, envelope.header.timestamp_ms) = (ttl, timestamp);
        envelope.body.content = content.to_owned();
        let ours: Vec<_> = validate(&envelope, Some(now)).map(|diagnostic| diagnostic.to_string()).collect();
        let theirs = peer::validate_envelope(&theirs(&envelope), Some(now));
        assert_eq!(ours, theirs.into_iter().map(|one| one.message).collect::<Vec<_>>());
    }
}

// EN-34, EN-36, EN-41, EN-117, SP-26, SP-30
#[test]
fn header_fields_are_taken_on_both_sides() {
    let registry = HashMap::from([("agent.a".to_owned(), public().to_text())]);
    let registry = peer::http::StaticKeyRegistry::new(registry);
    for ours in [json::encode_ascii(&signed_by(&signer(), TEXT)), bound_request()] {
        let headers = HashMap::from([(ENVELOPE_FIELD.to_owned(), ours)]);
        assert!(peer::http::verify_http_envelope(&headers, &registry, None, true).is_ok());
    }
    let input = peer::http::EnvelopeInput {
        sender: "agent.a".to_owned(),
        recipient: Some("agent.b".to_owned()),
        ttl_ms: 60_000,
        body: theirs(&signed_by(&signer(), TEXT)).body,
        key_id: "k1".to_owned(),
    };
    let (name, value) = peer::http::sign_http_request(&input, &private_text(), None).unwrap();
    let lines = [(name.as_str(), value.as_bytes())];
    let verified = verify_request(&request(&lines), &unbound(), &keys(), now()).unwrap();
    assert_eq!((verified.binding, verified.authentic.sender()), (Binding::None, "agent.a"));
}

// EN-44, EN-46, EN-117, SP-34
#[test]
fn queue_messages_are_taken_on_both_sides() {
    let sign = |payload, readers| {
        queue::sign(payload, readers, "agent.b", queue::TTL_MS, &signer(), now(), &OsRandom).unwrap()
    };
    let take = |message: &str, dialect| {
        queue::verify(message.as_bytes(), dialect, &rules(), &Options::default(), &keys(), now())
    };
    for payload in PORTABLE {
        let sent: Value = serde_json::from_str(payload).unwrap();
        let ours = sign(Payload::Json(payload), Readers::Portable);
        let (got, _) = peer::queue::verify_queue_message(&ours, &public().to_text()).unwrap();
        assert_eq!(got, sent);
        let theirs =
            peer::queue::sign_queue_message(&sent, &private_text(), "k1", "agent.a", Some("agent.b"), None);
        let verified = take(&theirs.unwrap(), Dialect::Rust).unwrap();
        let Payload::Json(content) = verified.payload() else { panic!() };
        assert_eq!(serde_json::from_str::<Value>(content).unwrap(), sent);
    }
    // A string is quoted there, and taken by its own dialect alone.
    let theirs =
        peer::queue::sign_queue_message(&"hello", &private_text(), "k1", "agent.a", Some("agent.b"), None)
            .unwrap();
    assert!(take(&theirs, Dialect::Rust).is_ok() && take(&theirs, Dialect::TypeScript).is_err());
    let ours = sign(Payload::Text("hello"), Readers::Dialect(Dialect::Rust));
    assert!(peer::queue::verify_queue_message(&ours, &public().to_text()).is_ok());
}

// EN-47, EN-48, EN-117, SP-35
#[test]
fn webhooks_are_taken_on_both_sides() {
    let body = "{\"event\":\"é\"}";
    let take = |record: &KeyRecord, (signature, time): (String, String)| {
        let rules = webhook::Rules::default();
        webhook::verify(body.as_bytes(), &[&signature], &[&time], record, &rules, now()).is_ok()
    };
    let record = KeyRecord::public("agent.a", "k1", public()).unwrap().with_uses(Use::Webhook);
    assert!(take(&record, peer::webhook::sign_webhook(body, &private_text()).unwrap()));
    let (signature, time) = webhook::sign(body.as_bytes(), &signer(), now()).unwrap();
    assert!(peer::webhook::verify_webhook(body, &signature, &time, &public().to_text(), None).unwrap());
    let record = KeyRecord::secret("agent.a", "agent.b", "h1", SharedSecret::new(SECRET)).unwrap();
    let record = record.with_uses(Use::Webhook);
    assert!(take(&record, peer::webhook::sign_webhook_hmac(body, SECRET).unwrap()));
    let (signature, time) = webhook::sign(body.as_bytes(), &secret_signer(), now()).unwrap();
    assert!(peer::webhook::verify_webhook_hmac(body, &signature, &time, SECRET, None).unwrap());
}

// EN-90, EN-92, EN-117
#[test]
fn documents_are_read_on_both_sides() {
    let ours = KeyDocument { updated_ms: Some(now()), keys: vec![KeyEntry::new("k1", public(), now())] };
    let theirs = peer::keys::WellKnownKeysDocument::from_json(&ours.to_json()).unwrap();
    assert_eq!(theirs.get_active_key("k1").unwrap().public_key, public().to_text());
    let read = KeyDocument::read(theirs.to_json().unwrap().as_bytes(), Trust::Pinned, now()).unwrap();
    assert_eq!(read.to_json(), ours.to_json());
    let registry = peer::keys::RevocationRegistry::new();
    registry.revoke("k1", Some("lost"));
    let list = RevocationList::read(registry.get_list().to_string().as_bytes()).unwrap();
    assert_eq!(list.revoked.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["k1"]);
}
