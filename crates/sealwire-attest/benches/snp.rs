//! What a verification costs: at most 1 ms with nothing known, at most 50 us when it is a repeat (AT-26).
//!
//! Needs the samples that the tests use.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "../tests/common/samples.rs"]
mod samples;

use criterion::{Criterion, criterion_group, criterion_main};
use samples::{MILAN_TIME, milan, sample};
use sealwire_attest::{Verifier, verify::Expected};

fn verify(criterion: &mut Criterion) {
    let Some((evidence, mut endorsements)) = milan() else { return };
    endorsements.add(&sample("snp/milan.chain.pem").unwrap()).unwrap();
    let run = |verifier: &Verifier| {
        verifier.verify(&evidence, &endorsements, Expected::Unbound, MILAN_TIME).unwrap()
    };
    let mut group = criterion.benchmark_group("snp");
    group.bench_function("cold", |bench| {
        bench.iter_with_setup(|| Verifier::new(&[]), |verifier| run(&verifier))
    });
    let warm = Verifier::new(&[]);
    group.bench_function("cached", |bench| bench.iter(|| run(&warm)));
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
