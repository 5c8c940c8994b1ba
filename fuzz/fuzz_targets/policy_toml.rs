#![no_main]
//! Appraisal policies.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::Policy;

fuzz_target!(|input: &str| {
    match Policy::from_toml(input) {
        Ok(policy) => {
            // AT-07: development evidence is accepted by root, and a policy that names one accepts nothing else.
            assert_eq!(policy.is_development(), !policy.development_roots().is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
