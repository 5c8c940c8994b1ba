//! Keys: forms, strictness, fingerprints, lookup, rotation, revocation.

use proptest::prelude::*;
use sealwire_crypto::{random::OsRandom, sign::ml_dsa::Parameters};
use sealwire_envelope::{
    Algorithm, Authentic, Envelope, Reason, Rules, base64url, canonical,
    key::{
        Error, Fingerprint, KeyRecord, Keyring, PrivateKey, PublicKey, Require, Rotation, Schedule,
        SharedSecret, SignError, Signer, SigningKey, Status, Use, Uses, document::Trust,
    },
};
use serde_json::Value;

use crate::{
    common::{Fixed, cases, hex, text, vectors},
    support::{NOW, alice, decoded, ed25519, keys, message, outcome, public, rules, secret},
};

fn record(key: &Value) -> Result<KeyRecord, Error> {
    let (sender, key_id) = (text(key, "sender"), text(key, "keyId"));
    match key["secret"].as_str() {
        Some(secret) => KeyRecord::secret(sender, text(key, "recipient"), key_id, SharedSecret::new(secret)),
        None => KeyRecord::public(sender, key_id, PublicKey::parse(text(key, "publicKey"))?),
    }
}

fn verify(envelope: &Value, keys: &Keyring, now: i64) -> Result<Authentic, Reason> {
    let rules = Rules::new("svc.api").with_require(Require::Any);
    Authentic::verify(decoded(envelope)?, Use::Envelope, &rules, keys, now)
}

// EN-17, EN-18, EN-19, EN-22, EN-23, EN-25, SP-07, SP-08, SP-14
#[test]
fn the_vectors_of_signatures() {
    let Some(file) = vectors("signature") else { return };
    for case in cases(&file) {
        let mut ring = Keyring::new();
        let registered = record(&case["key"]).and_then(|record| ring.insert(record));
        let got = match registered {
            Err(_) => Reason::KeyRejected.to_string(),
            Ok(()) => outcome(&verify(&case["envelope"], &ring, NOW)),
        };
        let expected = case["reason"].as_str().unwrap_or_else(|| text(case, "expect"));
        assert_eq!(got, expected, "{}", text(case, "id"));
    }
}

// EN-17, EN-20, EN-21, SP-14
#[test]
fn the_vectors_of_ml_dsa() {
    let Some(file) = vectors("mldsa") else { return };
    for case in cases(&file) {
        let key = &file["shared"]["keys"][text(case, "alg")];
        let mut ring = Keyring::new();
        ring.insert(
            KeyRecord::public("agent.ed", "pq1", PublicKey::parse(text(key, "publicKey")).unwrap()).unwrap(),
        )
        .unwrap();
        let expected = case["reason"].as_str().unwrap_or_else(|| text(case, "expect"));
        assert_eq!(outcome(&verify(&case["envelope"], &ring, NOW)), expected, "{}", text(case, "id"));
        // Ours, the other way.
        let private = PrivateKey::parse(text(key, "secretKey")).unwrap();
        assert_eq!(private.public_key().unwrap().to_text(), text(key, "publicKey"));
        assert_eq!(private.to_text().unwrap().as_str(), text(key, "secretKey"));
        let seeded = PrivateKey::from_seed(private.algorithm(), &hex(key, "seedHex")).unwrap();
        assert_eq!(seeded.to_text().unwrap().as_str(), text(key, "secretKey"));
        let signature = SigningKey::Private(private).sign(b"ours").unwrap();
        assert!(PublicKey::parse(text(key, "publicKey")).unwrap().verifies(b"ours", signature.as_ref()));
    }
}

// SP-15, SP-16, SP-17, SP-19, SP-20, EN-06, EN-95
#[test]
fn the_vectors_of_lookups() {
    let Some(file) = vectors("keys") else { return };
    let ring = |any_key_id: bool| {
        let mut ring = Keyring::new();
        for entry in file["shared"]["records"].as_array().unwrap() {
            let uses: Uses = entry["use"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| Use::from_name(one.as_str().unwrap()).unwrap())
                .collect();
            let status = match text(entry, "status") {
                "active" => Status::Active,
                "verify-only" => Status::VerifyOnly,
                other => {
                    assert_eq!(other, Status::Revoked.name());
                    Status::Revoked
                }
            };
            let (from, to) = (entry["notBeforeMs"].as_i64().unwrap(), entry["notAfterMs"].as_i64().unwrap());
            ring.insert(record(entry).unwrap().with_uses(uses).with_status(status).with_window(from, to))
                .unwrap();
        }
        if any_key_id {
            ring.allow_any_key_id("agent.ed");
        }
        ring
    };
    for case in cases(&file) {
        let id = text(case, "id");
        if let Some(fp) = case["fp"].as_str() {
            let got = match case["secret"].as_str() {
                Some(secret) => Fingerprint::of_secret(secret.as_bytes()),
                None => Fingerprint::of_public(text(case, "alg"), &hex(case, "rawHex")),
            };
            assert_eq!(got.as_str(), fp, "{id}");
            continue;
        }
        let ring = ring(case["anyKeyId"].as_bool().unwrap());
        let verified = verify(&case["envelope"], &ring, case["now"].as_i64().unwrap());
        assert_eq!(outcome(&verified), text(case, "expect"), "{id}");
        if let (Ok(verified), Some(key_id)) = (verified, case["verifiedBy"].as_str()) {
            let record = ring.find("agent.ed", verified.fingerprint()).unwrap();
            assert_eq!(record.key_id(), key_id, "{id}");
        }
    }
}

// EN-18, EN-20: every form reads back as the same key.
#[test]
fn forms_of_keys() {
    for algorithm in [
        Algorithm::Ed25519,
        Algorithm::MlDsa(Parameters::MlDsa44),
        Algorithm::MlDsa(Parameters::MlDsa65),
        Algorithm::MlDsa(Parameters::MlDsa87),
    ] {
        let private = PrivateKey::generate(algorithm, &OsRandom).unwrap();
        let public = private.public_key().unwrap();
        for form in [public.to_text(), public.to_pem(), public.to_jwk(), format!(" {}\n", public.to_text())] {
            let read = PublicKey::parse(&form).unwrap();
            assert_eq!((read.algorithm(), read.as_raw()), (algorithm, public.as_raw()), "{form}");
        }
        let mut forms = vec![private.to_text().unwrap()];
        if algorithm == Algorithm::Ed25519 {
            forms.extend([private.to_pem().unwrap(), private.to_jwk().unwrap()]);
            assert_eq!((private.to_text().unwrap().len(), public.to_text().len()), (64, 59));
        }
        for form in forms {
            let read = PrivateKey::parse(&form).unwrap().public_key().unwrap();
            assert_eq!(read.as_raw(), public.as_raw());
        }
        // A key is no key of another kind.
        assert!(
            PrivateKey::parse(&public.to_text()).is_err()
                && PublicKey::parse(&private.to_text().unwrap()).is_err()
        );
    }
    for junk in [
        "",
        "{",
        "-----BEGIN PUBLIC KEY-----",
        "AAAA",
        "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"\"}",
        "====",
        "é",
    ] {
        assert!(PublicKey::parse(junk).is_err() && PrivateKey::parse(junk).is_err(), "{junk}");
    }
}

// SP-18
#[test]
fn secrets_are_long_and_hold_in_one_direction() {
    assert_eq!(
        KeyRecord::secret("a", "b", "k", SharedSecret::new(&"x".repeat(31))).err(),
        Some(Error::ShortSecret)
    );
    let generated = SharedSecret::generate(&OsRandom).unwrap();
    assert_eq!(base64url::decode_array::<32>(&*generated).map(drop), Ok(()));
    let jwk = format!("{{\"kty\":\"oct\",\"k\":\"{}\"}}", base64url::encode(generated.as_bytes()));
    assert_eq!(
        SharedSecret::from_jwk(&jwk).unwrap().fingerprint(),
        SharedSecret::new(&generated).fingerprint()
    );
    let signer = Signer::secret("alice", "service", "h1", secret()).unwrap();
    let mut ring = Keyring::new();
    ring.insert(KeyRecord::secret("alice", "service", "h1", secret()).unwrap()).unwrap();
    let envelope = message("x").signed(&signer, Use::Envelope, NOW, &OsRandom).unwrap();
    let any = rules().with_require(Require::Hmac);
    assert!(Authentic::verify(envelope.clone(), Use::Envelope, &any, &ring, NOW).is_ok());
    // Refused where Ed25519 is required.
    let strict = Authentic::verify(envelope, Use::Envelope, &rules(), &ring, NOW);
    assert_eq!(strict.err(), Some(Reason::AlgNotAllowed));
    // Not signed for anybody else, and not verified for anybody else.
    let to_other = sealwire_envelope::Message { recipient: Some("other"), ..message("x") };
    assert_eq!(to_other.signed(&signer, Use::Envelope, NOW, &OsRandom).err(), Some(SignError::Recipient));
    let mut back = Keyring::new();
    back.insert(KeyRecord::secret("alice", "elsewhere", "h1", secret()).unwrap()).unwrap();
    let envelope = message("x").signed(&signer, Use::Envelope, NOW, &OsRandom).unwrap();
    let refused = Authentic::verify(envelope, Use::Envelope, &any, &back, NOW);
    assert_eq!(refused.err(), Some(Reason::UnknownSender));
}

// SP-20: what was revoked stays so, under any name.
#[test]
fn a_revoked_key_never_comes_back() {
    let mut ring = keys();
    let envelope = message("x").signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap();
    let verify =
        |ring: &Keyring| Authentic::verify(envelope.clone(), Use::Envelope, &rules(), ring, NOW).err();
    assert_eq!(verify(&ring), None);
    ring.revocations_mut().import("alice", ["k1"]);
    assert_eq!(verify(&ring), Some(Reason::UnknownSender));
    ring.revocations_mut().revoke(public(1).fingerprint());
    let again = KeyRecord::public("alice", "another-name", public(1)).unwrap();
    assert_eq!(ring.insert(again).err(), Some(Error::Revoked));
    let elsewhere = KeyRecord::public("bob", "k1", public(1)).unwrap();
    assert_eq!(ring.insert(elsewhere).err(), Some(Error::Revoked));
    // By sender.
    let mut ring = keys();
    ring.revocations_mut().import("alice", ["alice"]);
    assert_eq!(verify(&ring), Some(Reason::UnknownSender));
    assert!(ring.knows("service") && !ring.knows("nobody"));
}

// SP-15: one name, one key.
#[test]
fn a_name_does_not_change_its_key_silently() {
    let mut ring = keys();
    assert_eq!(ring.insert(KeyRecord::public("alice", "k1", public(9)).unwrap()).err(), Some(Error::Taken));
    ring.remove("alice", "k1");
    assert!(ring.insert(KeyRecord::public("alice", "k1", public(9)).unwrap()).is_ok());
}

// SP-23: no secret is printed. The types that hold one have no `Debug`, which this would not compile with otherwise.
#[test]
fn errors_tell_nothing_of_keys() {
    trait HasNoDebug {
        const PRINTS: bool = false;
    }
    impl<T> HasNoDebug for T {}
    struct Probe<T>(std::marker::PhantomData<T>);
    #[allow(dead_code)]
    impl<T: std::fmt::Debug> Probe<T> {
        const PRINTS: bool = true;
    }
    const { assert!(!Probe::<PrivateKey>::PRINTS && !Probe::<SharedSecret>::PRINTS) };
    const { assert!(!Probe::<Signer>::PRINTS && Probe::<Error>::PRINTS) };
}

// SP-24
#[test]
fn fresh_names_are_random() {
    let envelope = message("x").envelope("alice", NOW, &Fixed(0xab)).unwrap();
    assert_eq!(envelope.header.message_id, format!("msg-{NOW}-abababababababab"));
    assert_eq!(base64url::decode(&envelope.header.nonce).unwrap(), [0xab; 16]);
    let (a, b) = (
        message("x").envelope("alice", NOW, &OsRandom).unwrap(),
        message("x").envelope("alice", NOW, &OsRandom).unwrap(),
    );
    assert_ne!((a.header.message_id, a.header.nonce), (b.header.message_id, b.header.nonce));
}

#[test]
fn a_signer_signs_in_its_own_name_and_what_readers_take() {
    let envelope = message("x").envelope("bob", NOW, &OsRandom).unwrap();
    assert_eq!(alice().sign_envelope(Use::Envelope, &mut envelope.clone()), Err(SignError::Sender));
    let mut wrong: Envelope = message("x").envelope("alice", NOW, &OsRandom).unwrap();
    wrong.header.ttl_ms = -1;
    assert_eq!(alice().sign_envelope(Use::Envelope, &mut wrong), Err(SignError::Invalid));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // SP-19, EN-94: at each instant every message that has not expired verifies at every verifier whose copy of the
    // document is no older than its lifetime.
    #[test]
    fn rotation_leaves_no_gap(
        ttl in 1_000_i64..300_000,
        cache in 0_i64..120_000,
        more in 0_i64..60_000,
        signed_after in 0_i64..2_000_000,
        seen_after in 0.0_f64..1.0,
        copied_before in 0.0_f64..1.0,
    ) {
        let schedule = Schedule { max_age_ms: 600_000, overlap_ms: ttl + 30_000 + cache + more, cache_ms: cache, max_ttl_ms: ttl };
        let mut rotation = Rotation::new("alice", Use::Envelope, schedule).unwrap();
        let (signed_at, end) = (NOW + signed_after, NOW + signed_after + ttl);
        let seen_at = signed_at + ((ttl as f64) * seen_after) as i64;
        let copied_at = seen_at - ((cache as f64) * copied_before) as i64;
        let (mut envelope, mut copy) = (None, None);
        // The rotation is looked at every ten seconds, and at the moments that count.
        let mut times: Vec<_> = (NOW..=end).step_by(10_000).chain([signed_at, copied_at.max(NOW), seen_at]).collect();
        times.sort_unstable();
        for now in times {
            if rotation.is_due(now) {
                rotation.rotate(Algorithm::Ed25519, now, &OsRandom).unwrap();
            }
            rotation.forget_expired(now);
            if now == signed_at && envelope.is_none() {
                let made = sealwire_envelope::Message { ttl_ms: ttl, ..message("x") };
                envelope = Some(made.signed(rotation.signer(now).unwrap(), Use::Envelope, now, &OsRandom).unwrap());
            }
            if now == copied_at.max(NOW) && copy.is_none() {
                copy = Some(rotation.document(now));
            }
        }
        let mut ring = Keyring::new();
        for entry in &copy.unwrap().keys {
            ring.insert(entry.record().unwrap()).unwrap();
        }
        let verified = Authentic::verify(envelope.unwrap(), Use::Envelope, &rules(), &ring, seen_at);
        prop_assert_eq!(verified.err(), None);
    }

    // SP-10
    #[test]
    fn no_text_makes_reading_keys_panic(text in any::<String>()) {
        let _ = (PublicKey::parse(&text), PrivateKey::parse(&text), SharedSecret::from_jwk(&text));
    }
}

// SP-19
#[test]
fn an_overlap_that_is_too_short_is_refused() {
    let schedule = Schedule { max_age_ms: 1, overlap_ms: 359_999, cache_ms: 30_000, max_ttl_ms: 300_000 };
    assert!(Rotation::new("a", Use::Envelope, schedule).is_err());
    assert!(Rotation::new("a", Use::Envelope, Schedule { overlap_ms: 360_000, ..schedule }).is_ok());
}

// SP-21: the key that signs documents signs nothing else, and the other way round.
#[test]
fn a_document_is_signed_by_a_key_for_documents() {
    let document = sealwire_envelope::key::document::KeyDocument { updated_ms: Some(NOW), keys: Vec::new() };
    let host = Signer::private("host", "d1", ed25519(7)).unwrap();
    assert_eq!(document.to_signed_json(&host).err(), Some(SignError::Use));
    let signed = document.to_signed_json(&host.with_uses(Use::Discovery)).unwrap();
    let record = KeyRecord::public("host", "d1", public(7)).unwrap();
    let read = |record: &KeyRecord| {
        sealwire_envelope::key::document::KeyDocument::read(signed.as_bytes(), Trust::Signed(record), NOW)
            .is_ok()
    };
    assert!(!read(&record.clone()) && read(&record.with_uses(Use::Discovery)));
    assert_eq!(canonical::digest(b"").len(), 43);
}
