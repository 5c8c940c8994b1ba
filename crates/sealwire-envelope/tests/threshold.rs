//! Threshold envelopes: vectors both ways, and who must not be able to sign for others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{cases, text, vectors};
use proptest::prelude::*;
use sealwire_crypto::{
    bls::{self, Scalar},
    random::OsRandom,
};
use sealwire_envelope::{
    Authentic, Checked, Envelope, Message, Proof, Reason, Rules, ThresholdSignature, base64url, canonical,
    encoding::json,
    shamir,
    threshold::{ALGORITHM, Aggregator, Group, GroupError, Partial, PartialError, Participant, SecretKey},
};
use serde_json::Value;

const NOW: i64 = 1_712_500_000_000;

fn verify(group: &Group, envelope: Envelope, identity: &str) -> Result<Authentic, Reason> {
    group.authenticate(Checked::new(envelope, &Rules::new(identity), NOW)?)
}

fn configured(file: &Value) -> Group {
    let members = file["shared"]["participants"].as_array().unwrap().iter().map(|member| {
        Participant::register(text(member, "signerId"), text(member, "publicKey"), text(member, "pop"))
            .unwrap()
    });
    let m = file["shared"]["config"]["m"].as_u64().unwrap();
    Group::new("council", usize::try_from(m).unwrap(), members.collect()).unwrap()
}

fn secret(file: &Value, signer_id: &str) -> SecretKey {
    let members = file["shared"]["participants"].as_array().unwrap();
    let member = members.iter().find(|member| member["signerId"] == signer_id).unwrap();
    SecretKey::from_text(text(member, "privateKey")).unwrap()
}

fn decode(value: &Value) -> Result<Envelope, Reason> {
    json::decode(value.to_string().as_bytes(), &Default::default()).map_err(|_| Reason::MalformedEnvelope)
}

// EN-66, EN-67, EN-68, SP-46, SP-47, SP-48, SP-49
#[test]
fn the_vectors_verify_as_expected() {
    let Some(file) = vectors("threshold") else { return };
    let group = configured(&file);
    let three = cases(&file).iter().find(|case| case["id"] == "3-of-5").unwrap();
    let canonical = canonical::envelope(&decode(&three["envelope"]).unwrap());
    assert_eq!(String::from_utf8(canonical.clone()).unwrap(), text(&file["shared"], "canonical"));
    let hash = sealwire_crypto::digest::sha256(&[&canonical]);
    for case in cases(&file) {
        let (id, expect) = (text(case, "id"), text(case, "expect"));
        let accepted = match text(case, "kind") {
            "envelope" => {
                let outcome =
                    decode(&case["envelope"]).and_then(|envelope| verify(&group, envelope, "svc.api"));
                let reason = outcome.map_or_else(|reason| reason.to_string(), |_| "accept".to_owned());
                assert_eq!(reason, expect, "{id}");
                continue;
            }
            "registration" => {
                let member = &case["participant"];
                let pop = member["pop"].as_str().unwrap_or_default();
                Participant::register(text(member, "signerId"), text(member, "publicKey"), pop).is_ok()
            }
            "partial" => Partial::from_json(case["partial"].to_string().as_bytes())
                .is_ok_and(|partial| group.verify_partial(&partial, &hash).is_ok()),
            kind => panic!("unknown kind {kind}"),
        };
        assert_eq!(accepted, expect == "accept", "{id}");
    }
}

// EN-66, EN-67, EN-68, SP-48
#[test]
fn the_vectors_are_signed_byte_for_byte() {
    let Some(file) = vectors("threshold") else { return };
    let group = configured(&file);
    for member in file["shared"]["participants"].as_array().unwrap() {
        let key = SecretKey::from_text(text(member, "privateKey")).unwrap();
        assert_eq!(key.to_text().as_str(), text(member, "privateKey"));
        assert_eq!(key.public_key_text(), text(member, "publicKey"));
        assert_eq!(key.possession_text(), text(member, "pop"));
    }
    for case in cases(&file).iter().filter(|case| case["kind"] == "envelope" && case["expect"] == "accept") {
        let genuine = decode(&case["envelope"]).unwrap();
        let mut aggregator = Aggregator::new(&group, genuine.clone());
        for signer_id in &genuine.threshold().unwrap().signer_ids {
            aggregator.add(&secret(&file, signer_id).sign(signer_id, &genuine)).unwrap();
        }
        assert_eq!(aggregator.finish().unwrap(), genuine, "{}", text(case, "id"));
    }
}

fn key(fill: u8) -> SecretKey {
    SecretKey::from(bls::SecretKey::from_bytes(&[fill; 32]).unwrap())
}

fn member(name: &str, key: &SecretKey) -> Participant {
    Participant::register(name, &key.public_key_text(), &key.possession_text()).unwrap()
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn group(m: usize) -> Group {
    let members = NAMES.iter().zip(1..).map(|(name, fill)| member(name, &key(fill)));
    Group::new("council", m, members.collect()).unwrap()
}

fn message(content: &str) -> Envelope {
    Message {
        recipient: Some("svc"),
        intent: "TASK",
        content,
        capability: None,
        correlation_id: None,
        ttl_ms: 60_000,
    }
    .envelope("council", NOW, &OsRandom)
    .unwrap()
}

fn signed_by(group: &Group, signers: &[u8], envelope: Envelope) -> Envelope {
    let mut aggregator = Aggregator::new(group, envelope.clone());
    for fill in signers {
        aggregator.add(&key(*fill).sign(NAMES[usize::from(*fill) - 1], &envelope)).unwrap();
    }
    aggregator.finish().unwrap()
}

/// An envelope with a proof of the attacker's making.
fn forged(
    envelope: &Envelope,
    signer_ids: &[&str],
    signatures: &[&bls::Signature],
    keys: &[&bls::PublicKey],
) -> Envelope {
    let sum = bls::PublicKey::sum(keys).unwrap().to_bytes();
    let proof = Proof::Threshold(ThresholdSignature {
        alg: ALGORITHM.to_owned(),
        key_id: base64url::encode(&sum[..16]),
        value: base64url::encode(bls::Signature::sum(signatures).unwrap().to_bytes()),
        signer_ids: signer_ids.iter().map(|id| (*id).to_owned()).collect(),
        m: 3,
        n: 4,
    });
    Envelope { proof: Some(proof), ..envelope.clone() }
}

// SP-46, EN-69
#[test]
fn one_signer_counted_three_times_is_refused() {
    let group = group(3);
    let envelope = message("pay mallory");
    let partial = key(1).sign("a", &envelope);
    let one = bls::Signature::from_bytes(&partial.signature).unwrap();
    let public = key(1).as_bls().public_key();
    let thrice = forged(&envelope, &["a", "a", "a"], &[&one; 3], &[&public; 3]);
    assert_eq!(verify(&group, thrice, "svc"), Err(Reason::InvalidSignature));
    // Neither does the aggregator count anyone twice.
    let mut aggregator = Aggregator::new(&group, envelope);
    aggregator.add(&partial).unwrap();
    assert_eq!(aggregator.add(&partial), Err(PartialError::Twice("a".to_owned())));
    assert_eq!(aggregator.finish(), Err(PartialError::TooFew { have: 1, need: 3 }));
}

// SP-48: the key of the third signer minus the keys of the first two. Its holder signs for all three alone, wherever it is
// registered; nobody can prove to hold it.
#[test]
fn a_rogue_bls_key_cannot_join() {
    let own = key(9);
    let others = Scalar::from_bytes(key(1).as_bls().to_bytes().as_slice())
        .unwrap()
        .add(&Scalar::from_bytes(key(2).as_bls().to_bytes().as_slice()).unwrap());
    // The attacker knows the point alone; the scalar is computed here to make it.
    let difference = Scalar::from_bytes(own.as_bls().to_bytes().as_slice()).unwrap().sub(&others);
    let rogue = bls::SecretKey::from_bytes(difference.to_bytes().as_slice()).unwrap().public_key();
    let envelope = message("pay mallory");
    let own_signature = bls::Signature::from_bytes(&own.sign("c", &envelope).signature).unwrap();
    // With the rogue key in the group this would verify: the sum is the attacker's own key.
    let sum =
        bls::PublicKey::sum(&[&key(1).as_bls().public_key(), &key(2).as_bls().public_key(), &rogue]).unwrap();
    assert_eq!(sum, own.as_bls().public_key());
    let hash = sealwire_crypto::digest::sha256(&[&canonical::envelope(&envelope)]);
    assert_eq!(sum.verify(&hash, &own_signature), Ok(()));
    // But there is no proof for it: not the attacker's, not another's, and not a signature as a message.
    let rogue_text = base64url::encode(rogue.to_bytes());
    let as_message = base64url::encode(own.as_bls().sign(&rogue.to_bytes()).to_bytes());
    for pop in [own.possession_text(), key(1).possession_text(), as_message, String::new()] {
        assert_eq!(Participant::register("c", &rogue_text, &pop), Err(Reason::ParticipantRejected));
    }
}

// SP-46
#[test]
fn fewer_than_m_and_strangers_are_refused() {
    let group = group(3);
    let envelope = message("x");
    let parts: Vec<_> = [1, 2, 9]
        .map(|fill| (key(fill).as_bls().public_key(), key(fill).sign("", &envelope).signature))
        .into_iter()
        .map(|(public, signature)| (public, bls::Signature::from_bytes(&signature).unwrap()))
        .collect();
    let (keys, signatures): (Vec<_>, Vec<_>) = parts.iter().map(|(key, signature)| (key, signature)).unzip();
    let two = forged(&envelope, &["a", "b"], &signatures[..2], &keys[..2]);
    assert_eq!(verify(&group, two, "svc"), Err(Reason::InvalidSignature));
    let stranger = forged(&envelope, &["a", "b", "e"], &signatures, &keys);
    assert_eq!(verify(&group, stranger, "svc"), Err(Reason::InvalidSignature));
    let claimed = forged(&envelope, &["a", "b", "c"], &signatures, &keys);
    assert_eq!(verify(&group, claimed, "svc"), Err(Reason::InvalidSignature));
    let mut aggregator = Aggregator::new(&group, envelope.clone());
    let part = key(9).sign("e", &envelope);
    assert_eq!(aggregator.add(&part), Err(PartialError::Unknown("e".to_owned())));
}

// SP-46: the wire does not say how many are enough.
#[test]
fn the_wire_does_not_choose_the_threshold() {
    let group = group(3);
    let genuine = signed_by(&group, &[1, 2, 3], message("x"));
    assert!(verify(&group, genuine.clone(), "svc").is_ok());
    let changes: [&dyn Fn(&mut ThresholdSignature); 4] = [
        &|proof| proof.m = 1,
        &|proof| proof.n = 3,
        &|proof| proof.key_id = base64url::encode([0; 16]),
        &|proof| proof.signer_ids.reverse(),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut changed = genuine.clone();
        let Some(Proof::Threshold(proof)) = &mut changed.proof else { panic!() };
        change(proof);
        let outcome = verify(&group, changed, "svc").err();
        // The order of names says nothing.
        assert_eq!(outcome, (at < 3).then_some(Reason::InvalidSignature));
    }
}

// SP-49: one bad signer is named, and spoils nothing.
#[test]
fn a_bad_part_is_named_and_not_added() {
    let group = group(2);
    let envelope = message("x");
    let mut aggregator = Aggregator::new(&group, envelope.clone());
    let wrong_key = key(2).sign("a", &envelope);
    assert_eq!(aggregator.add(&wrong_key), Err(PartialError::Signature("a".to_owned())));
    let other_envelope = key(2).sign("b", &message("y"));
    assert_eq!(aggregator.add(&other_envelope), Err(PartialError::OtherEnvelope("b".to_owned())));
    aggregator.add(&key(1).sign("a", &envelope)).unwrap();
    assert!(!aggregator.is_enough());
    aggregator.add(&key(3).sign("c", &envelope)).unwrap();
    assert!(verify(&group, aggregator.finish().unwrap(), "svc").is_ok());
}

// SP-47
#[test]
fn members_are_distinct() {
    let twice =
        |name: &str, fill| Group::new("council", 1, vec![member("a", &key(1)), member(name, &key(fill))]);
    assert_eq!(twice("a", 2).err(), Some(GroupError::SameName));
    assert_eq!(twice("b", 1).err(), Some(GroupError::SameKey));
    assert_eq!(Group::new("council", 0, vec![member("a", &key(1))]).err(), Some(GroupError::Threshold));
    assert_eq!(Group::new("council", 2, vec![member("a", &key(1))]).err(), Some(GroupError::Threshold));
}

// SP-47: two members whose keys cancel out would sign everything with nothing.
#[test]
fn keys_that_cancel_out_do_not_sign() {
    let minus = Scalar::from_u8(0).sub(&Scalar::from_bytes(key(1).as_bls().to_bytes().as_slice()).unwrap());
    let minus = SecretKey::from(bls::SecretKey::from_bytes(minus.to_bytes().as_slice()).unwrap());
    let group = Group::new("council", 2, vec![member("a", &key(1)), member("b", &minus)]).unwrap();
    let envelope = message("x");
    let mut aggregator = Aggregator::new(&group, envelope.clone());
    aggregator.add(&key(1).sign("a", &envelope)).unwrap();
    aggregator.add(&minus.sign("b", &envelope)).unwrap();
    assert_eq!(aggregator.finish(), Err(PartialError::Cancel));
    let proof = Proof::Threshold(ThresholdSignature {
        alg: ALGORITHM.to_owned(),
        key_id: base64url::encode([0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        value: base64url::encode([&[0xc0][..], &[0; 95]].concat()),
        signer_ids: vec!["a".to_owned(), "b".to_owned()],
        m: 2,
        n: 2,
    });
    let identity = Envelope { proof: Some(proof), ..envelope };
    assert_eq!(verify(&group, identity, "svc"), Err(Reason::InvalidSignature));
}

// SP-50
#[test]
fn a_threshold_envelope_is_checked_like_every_other() {
    let group = group(2);
    let genuine = signed_by(&group, &[1, 2], message("x"));
    assert_eq!(verify(&group, genuine.clone(), "other"), Err(Reason::RecipientMismatch));
    let late = Checked::new(genuine.clone(), &Rules::new("svc"), NOW + 60_001);
    assert_eq!(late, Err(Reason::TtlExpired));
    let mut changed = genuine.clone();
    changed.body.content = "y".to_owned();
    assert_eq!(verify(&group, changed, "svc"), Err(Reason::InvalidSignature));
    let mut elsewhere = genuine.clone();
    elsewhere.header.sender = "cabinet".to_owned();
    assert_eq!(verify(&group, elsewhere, "svc"), Err(Reason::UnknownSender));
    let unsigned = Envelope { proof: None, ..genuine.clone() };
    assert_eq!(verify(&group, unsigned, "svc"), Err(Reason::MalformedEnvelope));
    let authentic = verify(&group, genuine, "svc").unwrap();
    assert_eq!((authentic.sender(), authentic.alg_and_key_id().0), ("council", ALGORITHM));
}

// EN-70, SP-51: a key that was split signs like before.
#[test]
fn a_split_key_signs_again() {
    let shares = shamir::split(key(1).as_bls(), 2, 3, &OsRandom).unwrap();
    let again = shamir::combine(&shares[1..], 2, &key(1).as_bls().public_key()).unwrap();
    let envelope = message("x");
    assert_eq!(SecretKey::from(again).sign("a", &envelope), key(1).sign("a", &envelope));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    // SP-46
    #[test]
    fn any_m_members_sign(m in 1usize..4, turn in 0usize..4, more in 0usize..2) {
        let group = group(m);
        let mut fills = [1, 2, 3, 4];
        fills.rotate_left(turn);
        let signed = signed_by(&group, &fills[..(m + more).min(4)], message("x"));
        prop_assert!(verify(&group, signed, "svc").is_ok());
    }

    // SP-10
    #[test]
    fn no_part_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), signature in prop::collection::vec(any::<u8>(), 96)) {
        let _ = Partial::from_json(&bytes);
        let mut envelope = signed_by(&group(2), &[1, 2], message("x"));
        if let Some(Proof::Threshold(proof)) = &mut envelope.proof {
            proof.value = base64url::encode(signature);
        }
        prop_assert_eq!(verify(&group(2), envelope, "svc"), Err(Reason::InvalidSignature));
    }
}
