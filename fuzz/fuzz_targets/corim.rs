#![no_main]
//! Reference values in CoRIMs: CBOR.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::policy::parses_reference_values;

fuzz_target!(|input: &[u8]| {
    if !matches!(input.first(), Some(b'{' | b'[')) {
        parses_reference_values(input);
    }
});
