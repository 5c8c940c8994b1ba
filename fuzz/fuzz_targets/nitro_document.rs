#![no_main]
//! Attestation documents of AWS Nitro Enclaves, up to the root, which no document of a fuzzer ends in.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::{Check, Endorsements, Evidence, Kind, UnixTime, Verifier, verify::Expected};
use std::sync::LazyLock;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::new(&[]));

fuzz_target!(|input: &[u8]| {
    let evidence = Evidence { kind: Kind::Nitro, bytes: input.to_vec() };
    let at = UnixTime(1_800_000_000);
    let error = VERIFIER
        .verify(&evidence, &Endorsements::default(), Expected::Unbound, at)
        .expect_err("nobody has AWS's key");
    // What is of the format fails at its chain, and what is not is not taken for it.
    if let Ok(detected) = Evidence::detect(input, Some(Kind::Nitro))
        && detected.bytes == input
    {
        assert!(error.check() <= Check::Validity);
    } else {
        assert_eq!(error.check(), Check::Format);
    }
});
