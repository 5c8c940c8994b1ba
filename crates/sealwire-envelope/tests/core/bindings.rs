//! Webhooks.

use proptest::prelude::*;
use sealwire_envelope::{
    binding::webhook::{self, Error, Rules},
    key::{KeyRecord, PublicKey, SharedSecret, SignError, Signer, Use},
    replay::{Register, Reserved},
};

use crate::{
    common::{cases, hex, text, vectors},
    support::{NOW, alice, public, secret},
};

// EN-47, EN-48, SP-35
#[test]
fn the_vectors_of_webhooks() {
    let Some(file) = vectors("webhook") else { return };
    let shared = &file["shared"];
    for case in cases(&file) {
        let record = match text(case, "alg") {
            "HS256" => KeyRecord::secret("agent.ed", "hook", "h1", SharedSecret::new(text(shared, "secret"))),
            _ => KeyRecord::public("agent.ed", "k1", PublicKey::parse(text(shared, "publicKey")).unwrap()),
        };
        let record = record.unwrap().with_uses(Use::Webhook);
        let rules = Rules { max_age_ms: case["maxAgeMs"].as_i64().unwrap(), ..Rules::default() };
        let (now, body) = (case["now"].as_i64().unwrap(), hex(case, "bodyHex"));
        let verified =
            webhook::verify(&body, &[text(case, "sig")], &[text(case, "ts")], &record, &rules, now);
        assert_eq!(verified.is_ok(), case["safe"].as_bool().unwrap(), "{}: {verified:?}", text(case, "id"));
    }
}

fn record() -> KeyRecord {
    KeyRecord::public("alice", "k1", public(1)).unwrap().with_uses(Use::Webhook)
}

fn verify(body: &[u8], signature: &str, time: &str, now: i64) -> Result<webhook::Authentic, Error> {
    webhook::verify(body, &[signature], &[time], &record(), &Rules::default(), now)
}

// SP-35: once, for as long as it could come again.
#[test]
fn a_webhook_is_taken_once() {
    let (signature, time) = webhook::sign(b"body", &alice(), NOW).unwrap();
    let mut register = Register::new(100);
    for expected in [Reserved::Fresh, Reserved::Replay] {
        let hook = verify(b"body", &signature, &time, NOW).unwrap();
        assert_eq!(hook.remembered_until_ms, NOW + webhook::MAX_AGE_MS + 30_000);
        let got = register.reserve(&hook.replay_key, "alice", hook.remembered_until_ms, NOW);
        assert_eq!(got, Ok(expected));
    }
}

// SP-35: the switch `legacy_webhook_future`; and two of a field.
#[test]
fn webhooks_from_the_future_need_a_switch() {
    let (signature, time) = webhook::sign(b"body", &alice(), NOW + 31_000).unwrap();
    assert_eq!(verify(b"body", &signature, &time, NOW), Err(Error::Time));
    let any = Rules { any_future: true, ..Rules::default() };
    assert!(webhook::verify(b"body", &[&signature], &[&time], &record(), &any, NOW).is_ok());
    let twice = webhook::verify(b"body", &[&signature, &signature], &[&time], &record(), &any, NOW);
    assert_eq!(twice, Err(Error::Malformed));
    // Bodies are bytes, text or not.
    let (signature, time) = webhook::sign(b"\xff\0", &alice(), NOW).unwrap();
    assert!(verify(b"\xff\0", &signature, &time, NOW).is_ok());
}

// SP-17
#[test]
fn an_envelope_key_signs_no_webhook() {
    let signer = Signer::secret("alice", "hook", "h1", secret()).unwrap();
    assert_eq!(webhook::sign(b"", &signer, NOW).err(), Some(SignError::Use));
}

proptest! {
    // SP-10, SP-35
    #[test]
    fn no_field_of_a_webhook_panics(signature in any::<String>(), time in any::<String>(), now in any::<i64>()) {
        prop_assert!(verify(b"body", &signature, &time, now).is_err());
    }
}
