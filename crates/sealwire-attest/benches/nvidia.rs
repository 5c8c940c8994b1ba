//! What a verification costs with nothing known, and when it is a repeat (at most 50 us, AT-26).
//!
//! Needs the samples that the tests use.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code
)]

mod measure;
#[path = "../tests/common/samples.rs"]
mod samples;

use criterion::{Criterion, criterion_group, criterion_main};
use measure::cold_and_cached;
use samples::sample;
use sealwire_attest::{Endorsements, Evidence, Kind, Trust, UnixTime};

fn verify(criterion: &mut Criterion) {
    let Some(bytes) = sample("nvidia/hopper-1.report.hex") else { return };
    let evidence = Evidence { kind: Kind::Nvidia, bytes };
    let mut endorsements = Endorsements::default();
    endorsements.add(&sample("nvidia/hopper-1.chain.pem").unwrap()).unwrap();
    let mut group = criterion.benchmark_group("nvidia");
    cold_and_cached(&mut group, "", &Trust::default(), (&evidence, &endorsements), UnixTime(1_750_000_000));
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
