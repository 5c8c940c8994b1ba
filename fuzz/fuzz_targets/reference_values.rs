#![no_main]
//! Reference values of Trustee: JSON.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::policy::parses_reference_values;

fuzz_target!(|input: &str| {
    if input.trim_start().starts_with(['{', '[']) {
        parses_reference_values(input.as_bytes());
    }
});
