//! The signing input.

use proptest::prelude::*;
use sealwire_crypto::mac::hmac_sha256;
use sealwire_envelope::{
    Envelope, base64url, canonical,
    key::{PrivateKey, SigningKey},
};

use crate::{
    common::{cases, hex, text, vectors},
    support::typed,
};

// EN-07, EN-08, EN-09, EN-17, EN-19
#[test]
fn the_vectors_of_the_signing_input() {
    let Some(file) = vectors("canonical") else { return };
    let key = SigningKey::Private(PrivateKey::parse(text(&file["shared"], "privateKey")).unwrap());
    for case in cases(&file) {
        let id = text(case, "id");
        let canonical = canonical::envelope(&typed(&case["envelope"]));
        assert_eq!(String::from_utf8_lossy(&canonical), text(case, "canonical"), "{id}");
        assert_eq!(canonical, hex(case, "canonicalHex"), "{id}");
        assert_eq!(base64url::encode(key.sign(&canonical).unwrap()), text(case, "ed25519"), "{id}");
        let tag = hmac_sha256(text(&file["shared"], "secret").as_bytes(), &[&canonical]);
        assert_eq!(base64url::encode(tag), text(case, "hs256"), "{id}");
    }
}

// EN-17: the conformance files of the wire itself.
#[test]
fn the_official_messages() {
    let Some(file) = vectors("official/7h3_v0_1") else { return };
    for case in file["vectors"].as_array().unwrap() {
        let canonical = canonical::envelope(&typed(&case["envelope"]));
        assert_eq!(String::from_utf8_lossy(&canonical), text(case, "canonical"));
        if let Some(secret) = case["secret"].as_str() {
            let tag = hmac_sha256(secret.as_bytes(), &[&canonical]);
            assert_eq!(base64url::encode(tag), text(case, "signature"));
        }
    }
}

// EN-07: what is outside of the signature changes nothing (EN-10).
#[test]
fn the_proof_is_no_part_of_it() {
    let Some(file) = vectors("encodings") else { return };
    for case in cases(&file) {
        let envelope = typed(&case["envelope"]);
        let unsigned = Envelope { proof: None, ..envelope.clone() };
        assert_eq!(canonical::envelope(&envelope), canonical::envelope(&unsigned));
    }
}

// PF-03: with room in the buffer nothing is moved, without it one allocation is enough for text without escapes.
#[test]
fn one_buffer_and_nothing_else() {
    let envelope =
        crate::support::message(&"x".repeat(1000)).envelope("alice", 1, &crate::common::Fixed(1)).unwrap();
    let mut out = Vec::with_capacity(4096);
    let before = out.as_ptr();
    canonical::write_envelope(&envelope, &mut out);
    assert_eq!((out.as_ptr(), out.capacity()), (before, 4096));
    assert_eq!(out, canonical::envelope(&envelope));
}

proptest! {
    // EN-08: what is written is what every JSON library writes, and reads back as the same text.
    #[test]
    fn strings_are_those_of_ecmascript(text in any::<String>()) {
        let mut out = Vec::new();
        canonical::write_string(&text, &mut out);
        let reference = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(&out, reference.as_bytes());
    }

    // EN-08: at any place of a long text, since it is looked at in blocks.
    #[test]
    fn an_escape_at_any_place(before in 0_usize..100, escape in 0_u8..0x20, after in 0_usize..100) {
        let text = format!("{}{}{}", "a".repeat(before), char::from(escape), "é".repeat(after));
        let mut out = Vec::new();
        canonical::write_string(&text, &mut out);
        prop_assert_eq!(out, serde_json::to_string(&text).unwrap().into_bytes());
    }

    // EN-09
    #[test]
    fn integers_are_decimal(value in any::<u64>()) {
        let mut out = Vec::new();
        canonical::write_integer(value, &mut out);
        prop_assert_eq!(out, value.to_string().into_bytes());
    }
}
