#![no_main]
//! Key documents.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::{KeyDocument, UnixTime};

fuzz_target!(|input: &[u8]| {
    let Ok(document) = KeyDocument::decode(input) else { return };
    assert_eq!(document.encode(), input, "one document has one encoding");
    assert!(document.validate().is_ok(), "what decodes is valid");
    let _ = document.live_keys("oblivious", UnixTime(1_795_000_000)).count();
    let _ = document.ohttp_key_list();
});
