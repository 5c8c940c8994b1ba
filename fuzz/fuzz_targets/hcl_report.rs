#![no_main]
//! Evidence of Azure VMs: HCL reports, our own form, and the JSON of attestation agents.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::azure::{HclReport, VmEvidence};
use sealwire_attest::{Endorsements, Evidence, Kind, Trust, UnixTime, Verifier, verify::Expected};

fuzz_target!(|input: &[u8]| {
    if let Ok(evidence) = VmEvidence::parse(input) {
        assert_eq!(evidence.encode(), input);
    }
    if let Ok(report) = HclReport::parse(input) {
        assert_eq!(32 + report.report.len() + 20 + report.runtime.len(), input.len());
    }
    for kind in [Kind::AzureSnp, Kind::AzureTdx] {
        if let Ok(evidence) = Evidence::detect(input, Some(kind)) {
            let again = Evidence::detect(&evidence.bytes, Some(kind)).expect("it is the form that travels");
            assert_eq!(again, evidence);
            let verified = Verifier::new(Trust::default()).verify(
                &evidence,
                &Endorsements::default(),
                Expected::ReportData(&[7; 32]),
                UnixTime(1_800_000_000),
            );
            assert!(verified.is_err(), "no hardware made this");
        }
    }
});
