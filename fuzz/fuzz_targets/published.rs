#![no_main]
//! What `/.well-known/sealwire` serves.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::key_document::Published;

fuzz_target!(|input: &[u8]| {
    let Ok(published) = Published::decode(input) else { return };
    assert_eq!(published.encode(), input, "one value has one encoding");
    let _ = published.to_json_for_people();
});
