#![no_main]
//! Lists of key configurations.

use libfuzzer_sys::fuzz_target;
use sealwire_crypto::kem::Kem;
use sealwire_oblivious::Limits;
use sealwire_oblivious::config::{encode_list, parse_list, select};

fuzz_target!(|input: &[u8]| {
    let limits = Limits::default();
    let Ok(mut configs) = parse_list(input, &limits) else { return };
    let kems = [Kem::X25519, Kem::P256, Kem::XWing];
    if let Ok(selected) = select(&configs, &kems) {
        assert!(configs.iter().any(|config| config.key_id == selected.key_id));
    }
    // What cannot be used is kept when it is read, and cannot be written.
    configs.retain(|config| !config.suites.is_empty());
    if configs.is_empty() {
        return;
    }
    let encoded = encode_list(&configs);
    let again = parse_list(&encoded, &limits).expect("our own list");
    assert_eq!(encode_list(&again), encoded);
});
