#![no_main]
//! Certificates and CRLs, and the chain that is built from them, up to the signature over a report.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::{Endorsements, Evidence, Kind, UnixTime, Verifier, verify::Expected};

/// A report of a development root that signed one of the seeds.
const REPORT: &[u8] = include_bytes!("../seeds/snp_report/development");

fuzz_target!(|input: &[u8]| {
    let mut endorsements = Endorsements::default();
    if endorsements.add(input).is_err() {
        assert_eq!(endorsements, Endorsements::default(), "an error adds nothing");
        return;
    }
    let once = endorsements.clone();
    endorsements.add(input).expect("the same again");
    assert_eq!(endorsements, once, "nothing is added twice");

    // Every root is pinned, so that no chain ends early.
    let verifier = Verifier::new(&endorsements.self_issued());
    let evidence = Evidence { kind: Kind::Development, bytes: REPORT.to_vec() };
    let _ = verifier.verify(&evidence, &endorsements, Expected::Unbound, UnixTime(1_800_000_000));
});
