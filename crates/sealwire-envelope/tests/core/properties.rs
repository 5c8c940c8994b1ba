//! What holds for every envelope, and for every input.

use proptest::prelude::*;
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Authentic, Body, Envelope, Header,
    binding::queue::{self, Dialect},
    encoding::{self, Options, batch, binary, cbor, compact, json},
    json::{DOCUMENT_DEPTH, Numbers, stable},
    key::{KeyRecord, Require, Signer, Use},
};

use crate::support::{NOW, alice, keys, message, rules, secret};

fn name() -> impl Strategy<Value = String> {
    "[!-~]{1,40}"
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let header = (name(), 0_i64..1 << 53, 0_i64..1 << 32, name(), prop::option::of(name()), name());
    let text = || any::<String>().prop_filter("says something", |text| !text.is_empty());
    let intents = prop::sample::select(vec!["PING", "PONG", "CAPS", "TASK", "RESULT", "ERROR"]);
    let body = (intents, any::<String>(), prop::option::of(text()), prop::option::of(text()));
    (header, body).prop_map(|(header, body)| Envelope {
        header: Header {
            version: "7h3/0.1".to_owned(),
            message_id: header.0,
            timestamp_ms: header.1,
            ttl_ms: header.2,
            sender: header.3,
            recipient: header.4,
            nonce: header.5,
        },
        body: Body { intent: body.0.to_owned(), content: body.1, capability: body.2, correlation_id: body.3 },
        proof: None,
    })
}

/// Bytes that are nearly an envelope in one of the forms.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    (envelope(), 0_usize..4, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(
        |(envelope, form, at, byte, cut)| {
            let mut bytes = match form {
                0 => json::encode(&envelope).into_bytes(),
                1 => compact::encode(&envelope).unwrap().into_bytes(),
                2 => binary::encode(&envelope).unwrap(),
                _ => cbor::encode(&envelope).unwrap(),
            };
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
            bytes
        },
    )
}

proptest! {
    // EN-26, SP-11: all forms carry the same envelope, and what they carry is signed alike.
    #[test]
    fn every_form_carries_the_same(envelope in envelope()) {
        let options = Options::default();
        prop_assert_eq!(&json::decode(json::encode(&envelope).as_bytes(), &options).unwrap(), &envelope);
        prop_assert_eq!(&json::decode(json::encode_ascii(&envelope).as_bytes(), &options).unwrap(), &envelope);
        prop_assert_eq!(&compact::decode_either(compact::encode(&envelope).unwrap().as_bytes(), &options).unwrap(), &envelope);
        prop_assert_eq!(&binary::decode(&binary::encode(&envelope).unwrap(), &options).unwrap(), &envelope);
        prop_assert_eq!(&cbor::decode(&cbor::encode(&envelope).unwrap(), &options).unwrap(), &envelope);
    }

    // SP-10, SP-11: no bytes make a decoder panic; what one takes, the encoder gives back.
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop_oneof![nearly(), any::<Vec<u8>>()]) {
        let options = Options { sealed: true, ..Options::default() };
        let _ = (encoding::decode(&bytes, &options), batch::decode(&bytes, &options), json::decode(&bytes, &options));
        if let Ok(envelope) = cbor::decode(&bytes, &options) {
            prop_assert_eq!(&cbor::encode(&envelope).unwrap(), &bytes);
        }
        if let Ok(envelope) = binary::decode(&bytes, &options) {
            prop_assert_eq!(&binary::encode(&envelope).unwrap(), &bytes);
        }
        let _ = queue::verify(&bytes, Dialect::Rust, &rules(), &options, &keys(), NOW);
        let _ = stable(&bytes, DOCUMENT_DEPTH, Numbers::Exact, None);
    }

    // SP-03: what we call JSON every reader calls JSON, and reads the same.
    #[test]
    fn strict_json_is_json(bytes in nearly()) {
        if let Ok(text) = stable(&bytes, DOCUMENT_DEPTH, Numbers::Exact, None) {
            // Unlike a value, a raw one may have numbers that no machine has.
            type Members = std::collections::BTreeMap<String, Box<serde_json::value::RawValue>>;
            let members = |json: &[u8]| serde_json::from_slice::<Members>(json).ok().map(|members| members.len());
            for json in [&text, &bytes] {
                prop_assert!(serde_json::from_slice::<Box<serde_json::value::RawValue>>(json).is_ok());
            }
            prop_assert_eq!(members(&text), members(&bytes));
        }
    }

    // EN-114: a stable text is stable, and the order of members does not matter.
    #[test]
    fn stable_text_is_stable(members in prop::collection::btree_map(any::<String>(), 0_u64..1 << 53, 0..20), seed in any::<u64>()) {
        let mut shuffled: Vec<_> = members.iter().collect();
        shuffled.sort_by_key(|(name, _)| std::hash::BuildHasher::hash_one(&std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default(), (seed, name)));
        let write = |members: &[(&String, &u64)]| {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", serde_json::to_string(name).unwrap())).collect();
            format!("{{{}}}", members.join(","))
        };
        let once = stable(write(&shuffled).as_bytes(), DOCUMENT_DEPTH, Numbers::Integers, None).unwrap();
        let other = stable(write(&members.iter().collect::<Vec<_>>()).as_bytes(), DOCUMENT_DEPTH, Numbers::Integers, None).unwrap();
        prop_assert_eq!(&once, &other);
        prop_assert_eq!(stable(&once, DOCUMENT_DEPTH, Numbers::Integers, None).unwrap(), once);
    }

    // SP-34: numbers are compared by value, exactly.
    #[test]
    fn numbers_are_equal_by_value(digits in 1_u64..1_000_000, exponent in 0_usize..12) {
        let text = |number: String| stable(number.as_bytes(), 1, Numbers::Exact, None).unwrap();
        let plain = text(format!("{digits}{}", "0".repeat(exponent)));
        prop_assert_eq!(&plain, &text(format!("{digits}e{exponent}")));
        prop_assert_eq!(&plain, &text(format!("{digits}{}.000", "0".repeat(exponent))));
        prop_assert_eq!(&plain, &text(format!("0.{digits}E+{}", exponent + digits.to_string().len())));
        prop_assert_ne!(&plain, &text(format!("{digits}{}.000000000000000001", "0".repeat(exponent))));
        prop_assert_ne!(&plain, &text(format!("-{digits}{}", "0".repeat(exponent))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // EN-17: what is signed verifies, and nothing else does.
    #[test]
    fn a_signature_is_over_everything(content in any::<String>(), flip in any::<prop::sample::Index>(), hmac in any::<bool>()) {
        let mut ring = keys();
        ring.insert(KeyRecord::secret("alice", "service", "h1", secret()).unwrap()).unwrap();
        let signer = if hmac { Signer::secret("alice", "service", "h1", secret()).unwrap() } else { alice() };
        let rules = rules().with_require(Require::Any);
        let envelope = message(&content).signed(&signer, Use::Envelope, NOW, &OsRandom).unwrap();
        let verify = |envelope: Envelope| Authentic::verify(envelope, Use::Envelope, &rules, &ring, NOW);
        prop_assert!(verify(envelope.clone()).is_ok());
        // One character of any encoding.
        let mut bytes = json::encode(&envelope).into_bytes();
        let at = flip.index(bytes.len());
        bytes[at] ^= 1;
        if let Ok(changed) = json::decode(&bytes, &Options::default()) {
            prop_assert!(changed == envelope || verify(changed).is_err());
        }
    }
}
