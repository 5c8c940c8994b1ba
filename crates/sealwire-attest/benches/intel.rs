//! What a verification of a quote costs: at most 1.2 times `dcap-qvl` alone with nothing known, at most 50 us when it is a
//! repeat (AT-26).
//!
//! Both get a quote as bytes, and collateral that was read from its file before; both verify every signature, the CRLs
//! included, and judge the levels. Needs the samples that the tests use.

#![allow(missing_docs, dead_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod measure;
#[path = "../tests/common/samples.rs"]
mod samples;

use criterion::{Criterion, criterion_group, criterion_main};
use dcap_qvl::{QuoteCollateralV3, verify::ring};
use measure::cold_and_cached;
use samples::sample;
use sealwire_attest::{Endorsements, Evidence, Kind, Trust, UnixTime};

fn verify(criterion: &mut Criterion) {
    let samples = [
        ("tdx", "tdx/phala-2025", Kind::Tdx, 1_751_624_163),
        ("tdx-extended", "tdx/td15ex-2026", Kind::Tdx, 1_792_714_186),
        ("sgx", "sgx/processor-ca", Kind::Sgx, 1_751_626_571),
    ];
    for (group, name, kind, at) in samples {
        let Some(quote) = sample(&format!("{name}.bin")) else { return };
        let file = sample(&format!("{name}.collateral.json")).unwrap();
        let evidence = Evidence::detect(&quote, Some(kind)).unwrap();
        let mut endorsements = Endorsements::default();
        endorsements.add(&file).unwrap();
        let mut group = criterion.benchmark_group(group);
        cold_and_cached(&mut group, "", &Trust::default(), (&evidence, &endorsements), UnixTime(at));
        let collateral: QuoteCollateralV3 = serde_json::from_slice(&file).unwrap();
        group.bench_function("dcap-qvl", |bench| {
            bench.iter(|| ring::verify(&quote, &collateral, at).unwrap())
        });
        group.finish();
    }
}

criterion_group!(benches, verify);
criterion_main!(benches);
