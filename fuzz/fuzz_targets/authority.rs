#![no_main]
//! Authorities and their normal form.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::key_document::authority::normalise;

fuzz_target!(|input: &str| {
    for port in [80, 443] {
        if let Ok(normal) = normalise(input, port) {
            assert_eq!(normalise(&normal, port).as_ref(), Ok(&normal), "a normal form is its own");
            assert!(!normal.contains('@') && !normal.contains(char::is_uppercase));
        }
    }
});
