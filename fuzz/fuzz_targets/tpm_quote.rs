#![no_main]
//! Quotes of TPMs: their form, and the structures inside.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::tpm::{Public, Quote, name_of};
use sealwire_attest::{Endorsements, Evidence, Kind, Trust, UnixTime, Verifier, verify::Expected};

fuzz_target!(|input: &[u8]| {
    if let Ok(quote) = Quote::parse(input) {
        assert_eq!(quote.encode(), input);
    }
    assert_eq!(Public::parse(input).is_ok(), name_of(input).is_ok());
    for kind in [None, Some(Kind::Tpm)] {
        if let Ok(evidence) = Evidence::detect(input, kind)
            && evidence.kind == Kind::Tpm
        {
            let public = Quote::parse(&evidence.bytes).expect("its format was checked").public;
            let name = name_of(&public).expect("its format was checked");
            // Pinned by its name, so that everything behind the chain runs as well.
            let trust = Trust { tpm_keys: vec![name], ..Trust::default() };
            let _ = Verifier::new(trust).verify(
                &evidence,
                &Endorsements::default(),
                Expected::Unbound,
                UnixTime(1_800_000_000),
            );
        }
    }
});
