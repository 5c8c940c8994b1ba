//! What attackers do to envelopes, one test for each of the weaknesses of the plain protocol (section 33).

use sealwire_crypto::{mac::hmac_sha256, random::OsRandom};
use sealwire_envelope::{
    Authentic, Checked, Envelope, Proof, Reason, Rules, Signature, base64url,
    binding::http::{Binding, Content, Field, Request, Route},
    canonical,
    encoding::{Options, json},
    key::{KeyRecord, Keyring, Require, Use},
    replay::{Register, Reserved},
};

use crate::{
    requests::{sign, take, take_at},
    support::{NOW, alice, keys, message, public, rules},
};

const BODY: &[u8] = b"{\"amount\":1}";
const FIELDS: [Field<'static>; 1] = [("content-type", b"application/json")];

fn pay() -> Request<'static> {
    Request {
        method: "POST",
        scheme: "https",
        authority: "service.example",
        target: "/pay?to=bob",
        fields: &FIELDS,
        content: Content::of(BODY),
    }
}

fn envelope() -> Envelope {
    message("x").signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap()
}

fn verify(envelope: Envelope) -> Result<Authentic, Reason> {
    Authentic::verify(envelope, Use::Envelope, &rules(), &keys(), NOW)
}

fn signature(envelope: &mut Envelope) -> &mut Signature {
    match &mut envelope.proof {
        Some(Proof::Signature(signature)) => signature,
        _ => panic!(),
    }
}

// SP-27, SP-29
#[test]
fn body_swapped_under_a_signed_request() {
    let value = sign(&pay());
    assert!(take(&pay(), &value).is_ok());
    let swapped = Request { content: Content::of(b"{\"amount\":9}"), ..pay() };
    assert_eq!(take(&swapped, &value), Err(Reason::BindingMismatch));
}

// SP-27, SP-29
#[test]
fn method_or_target_changed_under_a_signed_request() {
    let value = sign(&pay());
    for changed in [
        Request { method: "PUT", ..pay() },
        Request { method: "post", ..pay() },
        Request { target: "/pay?to=mallory", ..pay() },
        Request { target: "/pay", ..pay() },
        Request { authority: "other.example", ..pay() },
        Request { scheme: "http", authority: "service.example:443", ..pay() },
    ] {
        assert_eq!(take(&changed, &value), Err(Reason::BindingMismatch));
    }
}

// SP-28
#[test]
fn a_covered_field_changed_added_or_removed() {
    let value = sign(&pay());
    let other: [Field<'_>; 1] = [("content-type", b"text/html")];
    assert_eq!(take(&Request { fields: &other, ..pay() }, &value), Err(Reason::BindingMismatch));
    assert_eq!(take(&Request { fields: &[], ..pay() }, &value), Err(Reason::BindingMismatch));
    let stolen: [Field<'_>; 2] = [FIELDS[0], ("authorization", b"Bearer stolen")];
    assert_eq!(take(&Request { fields: &stolen, ..pay() }, &value), Err(Reason::BindingIncomplete));
    let doubled: [Field<'_>; 2] = [FIELDS[0], FIELDS[0]];
    assert_eq!(take(&Request { fields: &doubled, ..pay() }, &value), Err(Reason::BindingMismatch));
}

// SP-26, SP-30: who signs foreign text as content has signed no request.
#[test]
fn foreign_text_signed_as_content_is_no_request() {
    let bound = json::decode(sign(&pay()).as_bytes(), &Options::default()).unwrap();
    let foreign = message(&bound.body.content).signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap();
    let value = json::encode_ascii(&foreign);
    assert_eq!(take(&pay(), &value), Err(Reason::BindingMissing));
    // On a route that has the switch the application is told.
    let mut unbound = Route::new("service");
    unbound.unbound = true;
    assert_eq!(take_at(&pay(), &value, &unbound), Ok(Binding::None));
}

// SP-25, EN-16
#[test]
fn an_envelope_for_another_recipient() {
    let elsewhere = sealwire_envelope::Message { recipient: Some("elsewhere"), ..message("x") };
    let elsewhere = elsewhere.signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap();
    assert_eq!(verify(elsewhere.clone()).err(), Some(Reason::RecipientMismatch));
    let nobody = sealwire_envelope::Message { recipient: None, ..message("x") };
    let nobody = nobody.signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap();
    assert_eq!(verify(nobody.clone()).err(), Some(Reason::RecipientMissing));
    // The switch takes the latter, and never the former.
    let lax = Rules { recipient_optional: true, ..rules() };
    assert!(Authentic::verify(nobody, Use::Envelope, &lax, &keys(), NOW).is_ok());
    let refused = Authentic::verify(elsewhere, Use::Envelope, &lax, &keys(), NOW);
    assert_eq!(refused.err(), Some(Reason::RecipientMismatch));
}

// SP-14, SP-15, SP-27, EN-10
#[test]
fn key_id_swapped_for_another_key_of_the_sender() {
    let mut ring = keys();
    ring.insert(KeyRecord::public("alice", "k2", public(1)).unwrap()).unwrap();
    let mut bound = json::decode(sign(&pay()).as_bytes(), &Options::default()).unwrap();
    signature(&mut bound).key_id = "k2".to_owned();
    // The signature holds, since the key is the same; the statement names the other.
    let route = Route::new("service");
    let authentic = Authentic::verify(bound, Use::Envelope, &route.rules, &ring, NOW).unwrap();
    let refused = sealwire_envelope::binding::http::bind_request(&authentic, &pay(), &route);
    assert_eq!(refused, Err(Reason::BindingMismatch));
}

// SP-14, SP-18, EN-23, EN-24
#[test]
fn a_public_key_used_as_hmac_secret() {
    let mut forged = envelope();
    let tag = hmac_sha256(public(1).to_text().as_bytes(), &[&canonical::envelope(&forged)]);
    *signature(&mut forged) =
        Signature { alg: "HS256".to_owned(), key_id: "k1".to_owned(), value: base64url::encode(tag) };
    for require in [Require::Ed25519, Require::Hmac, Require::Any] {
        let rules = rules().with_require(require);
        let refused = Authentic::verify(forged.clone(), Use::Envelope, &rules, &keys(), NOW);
        assert_eq!(refused.err(), Some(Reason::AlgNotAllowed));
    }
}

// SP-15: nobody learns from a refusal whose keys we have.
#[test]
fn an_unknown_sender_and_an_unknown_key_look_alike() {
    let mut unknown_key = envelope();
    signature(&mut unknown_key).key_id = "k9".to_owned();
    let mut unknown_sender = envelope();
    unknown_sender.header.sender = "mallory".to_owned();
    assert_eq!(verify(unknown_key).err(), verify(unknown_sender).err());
}

// SP-38, EN-81: no moment at which an envelope is taken again.
#[test]
fn replay_in_the_skew_window() {
    let mut register = Register::new(100);
    // Signed by a clock that is 30 s ahead; we look at every second until nobody takes it any more.
    let ahead = message("x").signed(&alice(), Use::Envelope, NOW + 30_000, &OsRandom).unwrap();
    let mut taken = 0;
    for now in (NOW..NOW + 130_000).step_by(1_000) {
        let Ok(authentic) = Authentic::verify(ahead.clone(), Use::Envelope, &rules(), &keys(), now) else {
            continue;
        };
        let until = authentic.remembered_until_ms();
        let reserved = register.reserve(&authentic.replay_key(), authentic.sender(), until, now);
        taken += usize::from(reserved == Ok(Reserved::Fresh));
    }
    assert_eq!(taken, 1);
}

// SP-37: two senders may use one nonce, and one cannot block the other by it.
#[test]
fn a_nonce_of_another_sender_blocks_nobody() {
    let (a, b) = (envelope(), message("x").envelope("service", NOW, &OsRandom).unwrap());
    let key = |sender: &str| sealwire_envelope::replay::Key::of_message(sender, "m", "n");
    let mut register = Register::new(100);
    for sender in [&a.header.sender, &b.header.sender] {
        assert_eq!(register.reserve(&key(sender), sender, NOW + 1, NOW), Ok(Reserved::Fresh));
    }
    // And names that run into each other are two.
    let glued = sealwire_envelope::replay::Key::of_message("ab", "c", "n");
    assert_ne!(glued, sealwire_envelope::replay::Key::of_message("a", "bc", "n"));
}

// SP-39: what fails has reserved nothing, since it never gets that far: only an `Authentic` has a replay key.
#[test]
fn a_forged_copy_burns_no_nonce() {
    let mut forged = envelope();
    forged.body.content = "y".to_owned();
    assert_eq!(verify(forged).err(), Some(Reason::InvalidSignature));
}

// SP-09, SP-39: what is wrong before the signature is told before it, and costs no cryptography.
#[test]
fn the_order_of_the_checks() {
    let everything_wrong = |fix: usize| {
        let mut envelope = envelope();
        envelope.header.recipient = (fix > 3).then(|| if fix > 4 { "service" } else { "other" }.to_owned());
        envelope.header.ttl_ms = if fix > 2 { 60_000 } else { 300_001 };
        envelope.header.version = if fix > 1 { "7h3/0.1" } else { "7h3/0.2" }.to_owned();
        envelope.header.nonce = if fix > 0 { "n" } else { "a b" }.to_owned();
        verify(envelope).err()
    };
    let reasons = [
        Reason::MalformedEnvelope,
        Reason::ValidationError,
        Reason::TtlTooLong,
        Reason::RecipientMissing,
        Reason::RecipientMismatch,
        Reason::InvalidSignature,
    ];
    for (fix, reason) in reasons.into_iter().enumerate() {
        assert_eq!(everything_wrong(fix), Some(reason));
    }
}

// SP-04, EN-03, EN-04: what legacy readers ignore would be unsigned text beside signed text.
#[test]
fn an_unsigned_member_beside_signed_ones() {
    let text = json::encode(&envelope());
    for (from, to) in [
        ("\"body\":{", "\"body\":{\"admin\":true,"),
        ("{\"header\"", "{\"x\":1,\"header\""),
        ("\"sender\":\"alice\"", "\"sender\":\"alice\",\"sender\":\"root\""),
        ("\"sender\":\"alice\"", "\"sender\":\"alice\",\"SENDER\":\"root\""),
        ("\"recipient\":\"service\"", "\"recipient\":null"),
        ("\"recipient\":\"service\"", "\"recipient\":\"\""),
        ("\"ttlMs\":60000", "\"ttlMs\":60000.9"),
        ("\"ttlMs\":60000", "\"ttlMs\":6e4"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(json::decode(changed.as_bytes(), &Options::default()).is_err(), "{to}");
    }
}

// SP-07, EN-22: one text for a signature, so that nobody makes a second message of one.
#[test]
fn a_signature_has_one_spelling() {
    let value = envelope().signature().unwrap().value.clone();
    for changed in
        [format!("{value}=="), format!("{value}\n"), value.replacen(&value[..1], "+", 1), format!(" {value}")]
    {
        let mut copy = envelope();
        signature(&mut copy).value = changed;
        assert_eq!(verify(copy).err(), Some(Reason::MalformedEnvelope));
    }
}

// SP-01: a relaxation is a switch, and nothing on the wire is one.
#[test]
fn the_safe_profile_is_what_one_gets() {
    let route = Route::new("service");
    assert!(!route.unbound && !route.rules.recipient_optional && !route.options.sealed);
    assert_eq!(route.rules.require, Require::Ed25519);
    assert_eq!(route.rules.max_ttl_ms, 300_000);
    assert_eq!(Rules::new("x").with_max_ttl_ms(i64::MAX).max_ttl_ms, 86_400_000);
    // SP-02: a keyring without keys takes nobody.
    let refused = Checked::new(envelope(), &rules(), NOW).unwrap();
    let refused = refused.authenticate(Use::Envelope, &rules(), &Keyring::new(), NOW);
    assert_eq!(refused.err(), Some(Reason::UnknownSender));
}
