#![no_main]
//! Measurement reports of NVIDIA GPUs, and manifests beside them.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::{
    Endorsements, Error, Evidence, Kind, UnixTime, Verifier, corim::Corim, verify::Expected,
};
use std::sync::LazyLock;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::new(&[]));

fuzz_target!(|input: &[u8]| {
    if let Ok(corim) = Corim::parse(input) {
        assert!(corim.is_named(&corim.id));
        let mut endorsements = Endorsements::default();
        assert_eq!(endorsements.add(input).is_ok(), corim.is_signed());
    }
    let evidence = Evidence { kind: Kind::Nvidia, bytes: input.to_vec() };
    let at = UnixTime(1_800_000_000);
    let verified = VERIFIER.verify(&evidence, &Endorsements::default(), Expected::Unbound, at);
    let error = verified.expect_err("without certificates there is nothing to verify it with");
    if let Ok(detected) = Evidence::detect(input, Some(Kind::Nvidia))
        && detected.bytes == input
    {
        assert!(matches!(error, Error::EndorsementMissing(_)));
    }
});
