#![no_main]
//! Sealed bodies of both versions, below a genuine signature (SP-10, SP-60).

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealwire_crypto::{
    kem::{Kem, PrivateKey as KemKey},
    x25519,
};
use sealwire_envelope::{
    Algorithm, Authentic, Message, Reason, Rules, base64url,
    key::{KeyRecord, Keyring, PrivateKey, Signer, Use},
    seal::{self, Attribution, RecipientKey, legacy},
};
use sealwire_fuzz::Fixed;

const NOW: i64 = 1_712_500_000_000;

struct Ends {
    signer: Signer,
    keys: Keyring,
    own: [RecipientKey; 1],
    old: x25519::PrivateKey,
}

static ENDS: LazyLock<Ends> = LazyLock::new(|| {
    let key = || PrivateKey::from_seed(Algorithm::Ed25519, &[1; 32]).expect("a seed");
    let mut keys = Keyring::new();
    let record = KeyRecord::public("ed", "k1", key().public_key().expect("a key")).expect("names");
    keys.insert(record).expect("the only one");
    Ends {
        signer: Signer::private("ed", "k1", key()).expect("names"),
        keys,
        own: [RecipientKey {
            key: KemKey::from_bytes(Kem::X25519, &[7; 32]).expect("a scalar"),
            key_id: "x1".to_owned(),
        }],
        old: x25519::PrivateKey::from_bytes(&[7; 32]).expect("a scalar"),
    }
});

fuzz_target!(|input: &[u8]| {
    let ends = &*ENDS;
    for capability in [seal::CAPABILITY, legacy::CAPABILITY] {
        let message = Message {
            recipient: Some("bob"),
            intent: seal::INTENT,
            content: &base64url::encode(input),
            capability: Some(capability),
            correlation_id: None,
            ttl_ms: 60_000,
        };
        let envelope = message.signed(&ends.signer, Use::Envelope, NOW, &Fixed).expect("it is signed");
        let rules = Rules::new("bob");
        let authentic =
            Authentic::verify(envelope, Use::Envelope, &rules, &ends.keys, NOW).expect("it is genuine");
        match seal::open(&authentic, &ends.own) {
            // The seed: everything here follows from the same bytes.
            Ok(opened) => {
                assert_eq!((opened.body.content.as_str(), opened.attribution), ("x", Attribution::Strong))
            }
            Err(reason) => assert!(matches!(reason, Reason::MalformedEnvelope | Reason::DecryptFailed)),
        }
        let _ = legacy::open(&authentic, &ends.old);
    }
});
