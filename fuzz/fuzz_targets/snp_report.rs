#![no_main]
//! SEV-SNP reports, and evidence files that may hold one as text.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::snp::Product;
use sealwire_attest::snp::report::{LEN, Report};
use sealwire_attest::{Evidence, Kind};

fuzz_target!(|input: &[u8]| {
    if let Ok(report) = Report::parse(input) {
        assert_eq!(input.len(), LEN);
        for product in [Product::Milan, Product::Genoa, Product::Turin] {
            assert!(report.reported_tcb(product).components().count() > 0);
        }
    }
    for kind in [None, Some(Kind::Snp), Some(Kind::Development)] {
        if let Ok(evidence) = Evidence::detect(input, kind) {
            assert_eq!(evidence.kind, kind.unwrap_or(Kind::Snp));
            assert!(Report::parse(&evidence.bytes).is_ok());
        }
    }
});
