//! Sealed bodies: vectors of both versions and both ways, and what must not open.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{cases, hex, record, signer, text, vectors};
use proptest::prelude::*;
use sealwire_crypto::{
    kem::{Kem, PrivateKey as KemKey},
    random::{OsRandom, Scripted},
    x25519,
};
use sealwire_envelope::{
    Algorithm, Authentic, Body, Envelope, Message, Reason, Rules, base64url,
    encoding::json,
    key::{KeyRecord, Keyring, PrivateKey, Signer, Use},
    seal::{Attribution, CAPABILITY, Opened, RecipientKey, SealError, SealTo, legacy, open, seal},
};
use serde_json::Value;

const NOW: i64 = 1_712_500_000_000;

fn decode(value: &Value) -> Envelope {
    json::decode(value.to_string().as_bytes(), &Default::default()).unwrap()
}

fn body(value: &Value) -> Body {
    Body {
        intent: text(value, "intent").to_owned(),
        content: text(value, "content").to_owned(),
        capability: value["capability"].as_str().map(str::to_owned),
        correlation_id: value["correlationId"].as_str().map(str::to_owned),
    }
}

fn verified(file: &Value, case: &Value, key_ids: [&str; 2]) -> Result<Authentic, Reason> {
    let mut keys = Keyring::new();
    for (name, key_id) in ["agent.ed", "agent.mallory"].into_iter().zip(key_ids) {
        keys.insert(record(name, key_id, &file["shared"]["keys"][name], Use::Envelope)).unwrap();
    }
    Authentic::verify(decode(&case["sealed"]), Use::Envelope, &Rules::new("agent.bob"), &keys, NOW)
}

// SP-59, SP-60, SP-61, SP-62
#[test]
fn the_vectors_open_as_expected() {
    let Some(file) = vectors("seal-v2") else { return };
    let own = base64url::decode(text(&file["shared"]["recipientX25519"], "privateKey")).unwrap();
    let keys =
        [RecipientKey { key: KemKey::from_bytes(Kem::X25519, &own).unwrap(), key_id: "x1".to_owned() }];
    for case in cases(&file) {
        let id = text(case, "id");
        let opened = verified(&file, case, ["k1", "m1"]).and_then(|authentic| open(&authentic, &keys));
        match text(case, "expect") {
            "open" => {
                let opened = opened.unwrap_or_else(|reason| panic!("{id}: {reason}"));
                assert_eq!(opened.body, body(&case["inner"]), "{id}");
                assert_eq!((opened.sender.as_str(), opened.attribution), ("agent.ed", Attribution::Strong));
            }
            reason => assert_eq!(opened.unwrap_err().to_string(), reason, "{id}"),
        }
    }
}

// SP-59, SP-60, SP-61
#[test]
fn the_vectors_are_sealed_byte_for_byte() {
    let Some(file) = vectors("seal-v2") else { return };
    let shared = &file["shared"];
    let by = signer("agent.ed", "k1", &shared["keys"]["agent.ed"], Use::Envelope);
    let own = base64url::decode(text(&shared["recipientX25519"], "privateKey")).unwrap();
    let own = KemKey::from_bytes(Kem::X25519, &own).unwrap();
    let ephemeral = base64url::decode(text(shared, "ephemeralPrivate")).unwrap();
    for case in cases(&file).iter().filter(|case| case["expect"] == "open") {
        let genuine = decode(&case["sealed"]);
        let to = SealTo { key: own.public_key(), key_id: "x1" };
        let random = Scripted::new(&ephemeral);
        let sealed = seal(&by, genuine.header.clone(), &body(&case["inner"]), &to, &random).unwrap();
        assert_eq!(base64url::decode(&sealed.body.content).unwrap(), hex(case, "payloadHex"));
        assert_eq!(sealed, genuine);
    }
}

// EN-71, EN-72, EN-73, SP-62
#[test]
fn the_legacy_vectors_open_as_expected_and_are_flagged() {
    let Some(file) = vectors("seal-v1") else { return };
    let own = base64url::decode(text(&file["shared"]["recipientX25519"], "privateKey")).unwrap();
    let own = x25519::PrivateKey::from_bytes(&own).unwrap();
    for case in cases(&file) {
        let id = text(case, "id");
        let opened = verified(&file, case, ["local-ed25519-key", "m1"])
            .and_then(|authentic| legacy::open(&authentic, &own));
        match text(case, "expect") {
            "reject" => assert!(opened.is_err(), "{id}"),
            "open-weak" => {
                let opened = opened.unwrap();
                assert_eq!(
                    (opened.sender.as_str(), opened.attribution),
                    ("agent.mallory", Attribution::Weak)
                );
            }
            _ => {
                let opened = opened.unwrap_or_else(|reason| panic!("{id}: {reason}"));
                let inner: Value = serde_json::from_str(text(case, "plaintext")).unwrap();
                assert_eq!((opened.body, opened.attribution), (body(&inner), Attribution::Weak), "{id}");
            }
        }
    }
}

// EN-71, EN-72: the order of members inside is free, and ours is the canonical one, so the ciphertexts differ from the
// vectors'; keys, nonces and the rest of the payload do not.
#[test]
fn the_legacy_vectors_are_sealed_with_the_same_keys() {
    let Some(file) = vectors("seal-v1") else { return };
    let shared = &file["shared"];
    let by = signer("agent.ed", "local-ed25519-key", &shared["keys"]["agent.ed"], Use::Envelope);
    let to = base64url::decode_array(text(&shared["recipientX25519"], "publicKey")).unwrap();
    let own = base64url::decode(text(&shared["recipientX25519"], "privateKey")).unwrap();
    let own = x25519::PrivateKey::from_bytes(&own).unwrap();
    for case in cases(&file).iter().filter(|case| case["expect"] == "open") {
        let genuine = decode(&case["sealed"]);
        let inner = body(&serde_json::from_str(text(case, "plaintext")).unwrap());
        let script = [
            base64url::decode(text(shared, "ephemeralPrivate")).unwrap(),
            base64url::decode(text(&case["payload"], "nonce")).unwrap(),
        ];
        let random = Scripted::new(&script.concat());
        let sealed = legacy::seal(&by, genuine.header.clone(), &inner, &to, &random).unwrap();
        let payload = |envelope: &Envelope| -> Value {
            serde_json::from_slice(&base64url::decode(&envelope.body.content).unwrap()).unwrap()
        };
        let (ours, theirs) = (payload(&sealed), payload(&genuine));
        assert_eq!(
            (&ours["ephemeralPublic"], &ours["nonce"]),
            (&theirs["ephemeralPublic"], &theirs["nonce"])
        );
        assert_eq!(text(&ours, "ciphertext").len(), text(&theirs, "ciphertext").len());
        assert_eq!(sealed.body.correlation_id, genuine.body.correlation_id);
        let again =
            serde_json::json!({ "sealed": serde_json::from_str::<Value>(&json::encode(&sealed)).unwrap() });
        let authentic = verified(&file, &again, ["local-ed25519-key", "m1"]).unwrap();
        assert_eq!(legacy::open(&authentic, &own).unwrap().body, inner);
    }
}

fn key(fill: u8) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[fill; 32]).unwrap()
}

fn by(name: &str, fill: u8) -> Signer {
    Signer::private(name, "k1", key(fill)).unwrap()
}

fn authentic(envelope: &Envelope, recipient: &str) -> Result<Authentic, Reason> {
    let mut keys = Keyring::new();
    for (name, fill) in [("ed", 1), ("mallory", 2)] {
        keys.insert(KeyRecord::public(name, "k1", key(fill).public_key().unwrap()).unwrap()).unwrap();
    }
    Authentic::verify(envelope.clone(), Use::Envelope, &Rules::new(recipient), &keys, NOW)
}

fn own(kem: Kem) -> RecipientKey {
    RecipientKey { key: KemKey::from_bytes(kem, &[7; 32]).unwrap(), key_id: "x1".to_owned() }
}

fn inner(content: &str) -> Body {
    Body {
        intent: "TASK".to_owned(),
        content: content.to_owned(),
        capability: Some("label".to_owned()),
        correlation_id: None,
    }
}

fn sealed(kem: Kem, content: &str) -> Envelope {
    let message = Message {
        recipient: Some("bob"),
        intent: "",
        content: "",
        capability: None,
        correlation_id: None,
        ttl_ms: 60_000,
    };
    let header = message.envelope("ed", NOW, &OsRandom).unwrap().header;
    let own = own(kem);
    let to = SealTo { key: own.key.public_key(), key_id: "x1" };
    seal(&by("ed", 1), header, &inner(content), &to, &OsRandom).unwrap()
}

fn opened(envelope: &Envelope) -> Result<Opened, Reason> {
    open(&authentic(envelope, "bob")?, &[own(Kem::X25519), own(Kem::XWing)])
}

// SP-61
#[test]
fn a_re_signed_sealed_body_does_not_open() {
    let genuine = sealed(Kem::X25519, "secret");
    assert_eq!(opened(&genuine).unwrap().body.content, "secret");
    let mut stolen = genuine.clone();
    stolen.header.sender = "mallory".to_owned();
    by("mallory", 2).sign_envelope(Use::Envelope, &mut stolen).unwrap();
    assert_eq!(opened(&stolen), Err(Reason::DecryptFailed));
}

// SP-61: the sealed body goes with its header, and with no other.
#[test]
fn a_sealed_body_does_not_open_under_another_header() {
    let genuine = sealed(Kem::X25519, "secret");
    let moves: [&dyn Fn(&mut Envelope); 4] = [
        &|envelope| envelope.header.message_id = "another".to_owned(),
        &|envelope| envelope.header.timestamp_ms -= 1,
        &|envelope| envelope.header.ttl_ms += 1,
        &|envelope| envelope.header.nonce = "another".to_owned(),
    ];
    for change in moves {
        let mut moved = genuine.clone();
        change(&mut moved);
        by("ed", 1).sign_envelope(Use::Envelope, &mut moved).unwrap();
        assert_eq!(opened(&moved), Err(Reason::DecryptFailed));
    }
    let mut forwarded = genuine;
    forwarded.header.recipient = Some("carol".to_owned());
    by("ed", 1).sign_envelope(Use::Envelope, &mut forwarded).unwrap();
    let authentic = authentic(&forwarded, "carol").unwrap();
    assert_eq!(open(&authentic, &[own(Kem::X25519)]), Err(Reason::DecryptFailed));
}

// SP-62: a key that is not ours is no other failure than a wrong tag.
#[test]
fn all_failures_of_decryption_look_alike() {
    let genuine = sealed(Kem::X25519, "secret");
    let authentic = authentic(&genuine, "bob").unwrap();
    let named = RecipientKey { key_id: "x2".to_owned(), ..own(Kem::X25519) };
    let other =
        RecipientKey { key: KemKey::from_bytes(Kem::X25519, &[8; 32]).unwrap(), key_id: "x1".to_owned() };
    for keys in [&[][..], &[named], &[other], &[own(Kem::XWing)]] {
        assert_eq!(open(&authentic, keys), Err(Reason::DecryptFailed));
    }
}

// SP-59
#[test]
fn bodies_are_sealed_to_hybrid_keys_as_well() {
    assert_eq!(opened(&sealed(Kem::XWing, "secret")).unwrap().body, inner("secret"));
    let p256 = RecipientKey { key: KemKey::generate(Kem::P256, &OsRandom).unwrap(), key_id: "x1".to_owned() };
    let header = sealed(Kem::X25519, "").header;
    let to = SealTo { key: p256.key.public_key(), key_id: "x1" };
    assert_eq!(seal(&by("ed", 1), header, &inner(""), &to, &OsRandom), Err(SealError::Key));
}

// SP-61
#[test]
fn nothing_is_sealed_without_a_recipient_or_to_a_key_without_a_name() {
    let own = own(Kem::X25519);
    let mut header = sealed(Kem::X25519, "").header;
    for key_id in ["", "a b", &"x".repeat(256)] {
        let to = SealTo { key: own.key.public_key(), key_id };
        assert_eq!(seal(&by("ed", 1), header.clone(), &inner(""), &to, &OsRandom), Err(SealError::Key));
    }
    header.recipient = None;
    let to = SealTo { key: own.key.public_key(), key_id: "x1" };
    assert_eq!(seal(&by("ed", 1), header, &inner(""), &to, &OsRandom), Err(SealError::RecipientMissing));
}

// SP-62: the two versions do not open each other's envelopes.
#[test]
fn version_1_opens_only_where_it_is_asked_for() {
    let genuine = sealed(Kem::X25519, "secret");
    let authentic = authentic(&genuine, "bob").unwrap();
    let key = x25519::PrivateKey::from_bytes(&[7; 32]).unwrap();
    assert_eq!(legacy::open(&authentic, &key), Err(Reason::MalformedEnvelope));
    let to = key.public_key().unwrap();
    let old = legacy::seal(&by("ed", 1), genuine.header.clone(), &inner("secret"), &to, &OsRandom).unwrap();
    assert_eq!(opened(&old), Err(Reason::MalformedEnvelope));
    assert_ne!(old.body.capability.as_deref(), Some(CAPABILITY));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    // SP-60
    #[test]
    fn bodies_survive_sealing(content in "\\PC{0,60}") {
        prop_assert_eq!(opened(&sealed(Kem::X25519, &content)).unwrap().body, inner(&content));
    }

    // SP-10, SP-60
    #[test]
    fn no_payload_opens_or_panics(payload in prop::collection::vec(any::<u8>(), 0..120), front in 0usize..60) {
        let mut envelope = sealed(Kem::X25519, "secret");
        let genuine = base64url::decode(&envelope.body.content).unwrap();
        let bytes = [&genuine[..front], &payload].concat();
        prop_assume!(bytes != genuine);
        envelope.body.content = base64url::encode(bytes);
        by("ed", 1).sign_envelope(Use::Envelope, &mut envelope).unwrap();
        let refused = opened(&envelope).unwrap_err();
        prop_assert!(matches!(refused, Reason::MalformedEnvelope | Reason::DecryptFailed));
    }
}
