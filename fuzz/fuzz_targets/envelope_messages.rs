#![no_main]
//! What comes with envelopes: header fields, messages of queues, webhooks, and targets of requests.

use libfuzzer_sys::fuzz_target;
use sealwire_envelope::{
    Algorithm, Rules,
    binding::{
        http::{Content, ENVELOPE_FIELD, Request, Route, verify_request},
        queue::{self, Dialect},
        webhook,
    },
    encoding::Options,
    key::{KeyRecord, Keyring, PrivateKey, Use},
    path,
};

const NOW: i64 = 1_712_500_000_000;

fuzz_target!(|input: &[u8]| {
    let key = PrivateKey::from_seed(Algorithm::Ed25519, &[7; 32]).unwrap().public_key().unwrap();
    let record = KeyRecord::public("agent.ed", "k1", key).unwrap();
    let mut keys = Keyring::new();
    keys.insert(record.clone()).unwrap();
    let request = Request {
        method: "POST",
        scheme: "https",
        authority: "api.example.com",
        target: "/v1/pay",
        fields: &[(ENVELOPE_FIELD, input)],
        content: Content::of(b""),
    };
    // Nobody has the key, so nothing is taken.
    assert!(verify_request(&request, &Route::new("svc.api"), &keys, NOW).is_err());
    let (rules, options) = (Rules::new("svc.api"), Options::default());
    assert!(queue::verify(input, Dialect::default(), &rules, &options, &keys, NOW).is_err());
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (signature, time) = text.split_once('\n').unwrap_or((text, "1712500000000"));
    let record = record.with_uses(Use::Webhook);
    let hook = webhook::verify(b"body", &[signature], &[time], &record, &webhook::Rules::default(), NOW);
    assert!(hook.is_err());
    if let Ok(path) = path::check(text) {
        assert!(path.starts_with('/') && text.starts_with(path));
    }
});
