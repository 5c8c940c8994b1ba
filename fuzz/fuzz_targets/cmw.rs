#![no_main]
//! Conceptual message wrappers.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::cmw;

fuzz_target!(|input: &[u8]| {
    if let Ok(evidence) = cmw::decode(input) {
        assert_eq!(cmw::encode(&evidence), input, "one value has one encoding");
    }
});
