//! What a client demands of a server before there is a key (TU-36, TU-37, TU-83), and what a server demands of a client
//! (TU-05, TU-23).

use crate::shared::{ByHand, DIGEST, NOW, POLICY, TEE, appraise, appraise_at, code, offer, pair, policy};
use sealwire_attest::UnixTime;
use sealwire_crypto::{
    nacl::{self, SealedBoxKey},
    random::OsRandom,
};
use sealwire_tunnel::{
    Dropped, Error, Limits, VerifierData,
    binding::{self, Bindings},
    client::Presented,
    server::{ExpectClientKx, Step},
};

const KEY_ALONE: Bindings = Bindings { verifier_data: true, key_alone: true };

fn key() -> [u8; 32] {
    *SealedBoxKey::generate(&OsRandom).unwrap().public()
}

/// As Intel Trust Authority signs them.
fn signed(iat: &str) -> VerifierData {
    VerifierData { val: b"nonce".to_vec(), iat: iat.as_bytes().to_vec(), signature: Some(vec![9; 64]) }
}

fn bound(data: &VerifierData, key: &[u8; 32]) -> ByHand {
    ByHand::quoted(key, &binding::with_verifier_data(data, key), Some(data.clone()))
}

// TU-16, TU-36: a gateway's own message is accepted, and says whose configuration it is.
#[test]
fn a_gateway_is_accepted() {
    let trusted = appraise(&offer(&Limits::default()).message(), &POLICY, Bindings::default()).unwrap();
    assert!(trusted.claims().claims().development);
    assert_eq!(trusted.verifier_data().unwrap().config_digest(), Some(DIGEST));
    assert_eq!(trusted.verifier_data().unwrap().issued_at(), Some(*NOW));
}

// TU-83: a quote whose signature does not verify.
#[test]
fn a_quote_that_is_not_genuine_is_refused() {
    let data = signed("2026-01-01T00:00:00Z");
    let mut server = bound(&data, &key());
    server.quote[0x90] ^= 1;
    assert_eq!(code(appraise(&server.encode(), &POLICY, Bindings::default())), "signature");
    server.quote.truncate(100);
    assert_eq!(code(appraise(&server.encode(), &POLICY, Bindings::default())), "length");
}

// TU-16, TU-83: a genuine quote that covers another key, another val or another iat.
#[test]
fn a_wrong_binding_is_refused() {
    let (data, mine, other) = (signed("2026-01-01T00:00:00Z"), key(), key());
    let genuine = bound(&data, &mine);
    let cases = [
        ByHand { public: other.to_vec(), ..genuine.clone() },
        ByHand {
            verifier_data: Some(VerifierData { val: b"other".to_vec(), ..data.clone() }),
            ..genuine.clone()
        },
        ByHand {
            verifier_data: Some(VerifierData { iat: b"2026-01-02T00:00:00Z".to_vec(), ..data.clone() }),
            ..genuine
        },
        // A quote that covers the key alone is no quote of this binding, nor the other way round.
        ByHand::quoted(&mine, &binding::of_key(&mine), Some(data.clone())),
        ByHand::quoted(&mine, &binding::with_verifier_data(&data, &mine), None),
    ];
    for server in cases {
        assert_eq!(code(appraise(&server.encode(), &POLICY, KEY_ALONE)), "binding");
    }
}

// TU-37, TU-83: without verifier_data only where another binding is named. There is none that takes anything.
#[test]
fn missing_verifier_data_are_refused() {
    let key = key();
    let server = ByHand::quoted(&key, &binding::of_key(&key), None).encode();
    assert_eq!(code(appraise(&server, &POLICY, Bindings::default())), "binding-not-accepted");
    assert!(appraise(&server, &POLICY, KEY_ALONE).is_ok());
    let nobody = Bindings { verifier_data: false, key_alone: false };
    assert_eq!(code(appraise(&server, &POLICY, nobody)), "binding-not-accepted");
    let with_data = bound(&signed("2026-01-01T00:00:00Z"), &key).encode();
    let key_only = Bindings { verifier_data: false, key_alone: true };
    assert_eq!(code(appraise(&with_data, &POLICY, key_only)), "binding-not-accepted");
}

// TU-03: the form of before teekit is refused, whatever bindings are taken.
#[test]
fn the_old_form_is_refused() {
    let key = key();
    let mut server = ByHand::quoted(&key, &binding::of_key(&key), None);
    server.has_runtime_data = false;
    assert_eq!(Presented::read(&server.encode()).err(), Some(Error::OldForm));
}

// TU-37: what a verifier has signed has an age, and the policy bounds it.
#[test]
fn the_age_of_signed_data_is_bounded() {
    let key = key();
    let policy = policy("any-operator = true\nmax-age = \"1h\"");
    let at = |seconds: u64| UnixTime(NOW.0 - seconds).to_string();
    let judged = |iat: &str| {
        let server = bound(&signed(iat), &key);
        appraise(&server.encode(), &policy, Bindings::default()).err().map(|denial| denial.reasons[0].code)
    };
    assert_eq!(judged(&at(3600)), None);
    assert_eq!(judged(&at(3601)), Some("evidence-age"));
    assert_eq!(judged(&UnixTime(NOW.0 + 60).to_string()), None);
    assert_eq!(judged(&UnixTime(NOW.0 + 61).to_string()), Some("evidence-age"));
    assert_eq!(judged("some day"), Some("evidence-age"));
    // Anybody can leave the signature out, so that it is the same without.
    for (iat, expected) in
        [(at(60), None), (at(3601), Some("evidence-age")), (String::new(), Some("evidence-age"))]
    {
        let unsigned = VerifierData { signature: None, ..signed(&iat) };
        let judged = appraise(&bound(&unsigned, &key).encode(), &policy, Bindings::default());
        assert_eq!(judged.err().map(|denial| denial.reasons[0].code), expected, "{iat}");
    }
    // A gateway's are under the quote as well, and bounded without a signature.
    let ours = offer(&Limits::default()).message();
    let later = UnixTime(NOW.0 + 3601);
    assert_eq!(code(appraise_at(&ours, &policy, Bindings::default(), later)), "evidence-age");
}

// TU-37, TU-44: SHA-512(val | iat | key) is the same wherever val ends. An old quote of a gateway gets no younger by that.
#[test]
fn a_moved_border_hides_no_age() {
    let key = key();
    let policy = policy("any-operator = true\nmax-age = \"1h\"");
    let old = VerifierData::of_gateway(&DIGEST, UnixTime(NOW.0 - 7200), &OsRandom).unwrap();
    assert_eq!(code(appraise(&bound(&old, &key).encode(), &policy, Bindings::default())), "evidence-age");
    let joined = [&old.val[..], &old.iat].concat();
    for at in (0..=joined.len()).filter(|at| *at != old.val.len()) {
        let (val, iat) = joined.split_at(at);
        let moved = VerifierData { val: val.to_vec(), iat: iat.to_vec(), signature: None };
        let same = binding::with_verifier_data(&moved, &key) == binding::with_verifier_data(&old, &key);
        assert!(same, "an old quote still fits");
        let judged = appraise(&bound(&moved, &key).encode(), &policy, Bindings::default());
        assert_eq!(code(judged), "binding", "{at}");
    }
}

// AT-44: a policy that pins a configuration is met by its digest under the quote, and by nothing else on this wire.
#[test]
fn the_operator_is_not_anybody() {
    let pinned =
        |digest: &[u8; 48]| policy(&format!("config-digests = [\"sha384:{}\"]", hex::encode(digest)));
    let ours = offer(&Limits::default()).message();
    assert!(appraise(&ours, &pinned(&DIGEST), Bindings::default()).is_ok());
    assert_eq!(code(appraise(&ours, &pinned(&[1; 48]), Bindings::default())), "operator");
    let key = key();
    let foreign = bound(&signed(&NOW.to_string()), &key).encode();
    assert_eq!(code(appraise(&foreign, &pinned(&DIGEST), Bindings::default())), "operator");
}

// SE-08, TU-44: a policy that wants evidence for each handshake has none on this wire.
#[test]
fn fresh_evidence_is_not_to_be_had() {
    let policy = policy("any-operator = true\nfresh-evidence = true");
    let ours = offer(&Limits::default()).message();
    assert_eq!(code(appraise(&ours, &policy, Bindings::default())), "fresh-evidence");
}

// TU-83: measurement outside of the policy.
#[test]
fn another_measurement_is_refused() {
    let text = format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\nmeasurement = [\"{}\"]\n\
         host-data = {{ any = \"test\" }}\nminimum-tcb = {{ any = \"test\" }}\ncrl = \"if-available\"\n\
         roots = [\"sha256:{}\"]\n",
        "00".repeat(48),
        hex::encode(TEE.root_fingerprint())
    );
    let policy = sealwire_attest::Policy::from_toml(&text).unwrap();
    let ours = offer(&Limits::default()).message();
    assert_eq!(code(appraise(&ours, &policy, Bindings::default())), "measurement-not-listed");
}

// TU-83: a key of another length, or of low order, though a quote covers it.
#[test]
fn wrong_keys_are_refused() {
    for len in [0, 31, 33] {
        let server = ByHand { public: vec![9; len], ..bound(&signed("x"), &key()) };
        assert_eq!(Presented::read(&server.encode()).err(), Some(Error::PublicKey), "{len}");
    }
    let low = [0; 32];
    let server = ByHand::quoted(&low, &binding::of_key(&low), None).encode();
    let trusted = appraise(&server, &POLICY, KEY_ALONE).unwrap();
    assert_eq!(trusted.agree(&Limits::default(), 0, &OsRandom).err(), Some(Error::LowOrder));
}

// TU-83: a second server_kx ends the connection.
#[test]
fn a_second_server_kx_is_refused() {
    let (mut client, _) = pair(&Limits::default());
    let again = offer(&Limits::default()).message();
    assert_eq!(client.open(again, 0).err(), Some(Error::SecondServerKx));
}

// TU-03: fields that do not decode.
#[test]
fn malformed_server_messages_are_refused() {
    assert!(matches!(Presented::read(b""), Err(Error::ServerKx(Dropped::Malformed(_)))));
    assert!(matches!(Presented::read(&[0xa0]), Err(Error::ServerKx(Dropped::Type))));
    let (client_kx, _) = appraise(&offer(&Limits::default()).message(), &POLICY, Bindings::default())
        .unwrap()
        .agree(&Limits::default(), 0, &OsRandom)
        .unwrap();
    assert!(matches!(Presented::read(&client_kx), Err(Error::ServerKx(Dropped::Type))));
    let good = bound(&signed("x"), &key()).encode();
    for (from, to, error) in [
        ("\u{65}quote", "\u{65}quotf", Error::Field("quote")),
        ("x25519PublicKey", "x25519PublicKez", Error::PublicKey),
    ] {
        let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bad = good.to_vec();
        bad[at..at + to.len()].copy_from_slice(to.as_bytes());
        assert_eq!(Presented::read(&bad).err(), Some(error));
    }
}

/// What a server makes of a client's key message.
fn received(sealed: &[u8]) -> Result<Step, Error> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut e = minicbor::Encoder::new(Vec::new());
    e.map(2).unwrap().str("type").unwrap().str("client_kx").unwrap();
    e.str("sealedSymmetricKey").unwrap().str(&STANDARD.encode(sealed)).unwrap();
    let expect = ExpectClientKx::new(offer(&Limits::default()));
    expect.receive(&e.into_writer(), &Limits::default(), 0, &OsRandom)
}

// TU-23, TU-47: a sealed key that is not 80 bytes, or does not open, closes the connection; it is not stored.
#[test]
fn a_wrong_sealed_key_closes_the_connection() {
    for len in [0, 16, 53, 79, 80, 81, 200] {
        assert_eq!(received(&vec![9; len]).err(), Some(Error::SealedKey), "{len}");
    }
}

// TU-47: of another length inside.
#[test]
fn a_key_of_another_length_is_refused() {
    let limits = Limits::default();
    let offer = offer(&limits);
    let public = *Presented::read(&offer.message()).unwrap().public_key();
    for len in [0, 5, 31, 33] {
        let sealed = nacl::seal(&public, &vec![1; len], &OsRandom).unwrap();
        let mut e = minicbor::Encoder::new(Vec::new());
        use base64::{Engine, engine::general_purpose::STANDARD};
        e.map(2).unwrap().str("type").unwrap().str("client_kx").unwrap();
        e.str("sealedSymmetricKey").unwrap().str(&STANDARD.encode(sealed)).unwrap();
        let step = ExpectClientKx::new(offer.clone()).receive(&e.into_writer(), &limits, 0, &OsRandom);
        assert_eq!(step.err(), Some(Error::SealedKey), "{len}");
    }
}

// TU-05: what comes before client_kx is dropped, and the first one still counts.
#[test]
fn what_comes_before_the_key_is_dropped() {
    let limits = Limits::default();
    let offer = offer(&limits);
    let trusted = appraise(&offer.message(), &POLICY, Bindings::default()).unwrap();
    let (client_kx, _) = trusted.agree(&limits, 0, &OsRandom).unwrap();
    let mut expect = ExpectClientKx::new(offer.clone());
    for message in [&b"\xff"[..], &[0xa0], &offer.message()] {
        expect = match expect.receive(message, &limits, 0, &OsRandom) {
            Ok(Step::Dropped(expect, _)) => expect,
            _ => panic!("not dropped"),
        };
    }
    let Ok(Step::Established(mut server)) = expect.receive(&client_kx, &limits, 0, &OsRandom) else {
        panic!("not established")
    };
    let again = server.open(client_kx, 0).unwrap();
    assert!(matches!(again, sealwire_tunnel::connection::Received::Dropped(Dropped::SecondClientKx)));
}

// TU-40: whoever has recorded a whole connection cannot play it to the same key again, on another connection.
#[test]
fn a_recorded_connection_is_not_carried_out_again() {
    let limits = Limits { handshakes: 2, ..Limits::default() };
    let offer = offer(&limits);
    let kx = || {
        let trusted = appraise(&offer.message(), &POLICY, Bindings::default()).unwrap();
        trusted.agree(&limits, 0, &OsRandom).unwrap().0
    };
    let receive = |message: &[u8]| ExpectClientKx::new(offer.clone()).receive(message, &limits, 0, &OsRandom);
    let (first, second, third) = (kx(), kx(), kx());
    assert!(matches!(receive(&first), Ok(Step::Established(_))));
    assert!(!offer.is_worn());
    assert_eq!(receive(&first).err(), Some(Error::UsedSealedKey));
    assert!(matches!(receive(&second), Ok(Step::Established(_))));
    // The register is full: another key has to take over. Nothing is forgotten meanwhile.
    assert!(offer.is_worn());
    assert_eq!(receive(&third).err(), Some(Error::UsedUp));
    assert_eq!(receive(&first).err(), Some(Error::UsedUp));
}
