//! What a verification costs: at most 1 ms with nothing known, at most 50 us when it is a repeat (AT-26).
//!
//! Needs the samples that the tests use.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, dead_code)]

mod measure;
#[path = "../tests/common/samples.rs"]
mod samples;

use criterion::{Criterion, criterion_group, criterion_main};
use measure::cold_and_cached;
use samples::{MILAN_TIME, milan, sample};
use sealwire_attest::Trust;

fn verify(criterion: &mut Criterion) {
    let Some((evidence, mut endorsements)) = milan() else { return };
    endorsements.add(&sample("snp/milan.chain.pem").unwrap()).unwrap();
    let mut group = criterion.benchmark_group("snp");
    cold_and_cached(&mut group, "", &Trust::default(), (&evidence, &endorsements), MILAN_TIME);
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
