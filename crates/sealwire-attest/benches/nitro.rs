//! What a verification costs: at most 1.5 ms with nothing known, at most 50 us when it is a repeat (AT-26).
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
    let Some(bytes) = sample("nitro/production.cose") else { return };
    let evidence = Evidence { kind: Kind::Nitro, bytes };
    let endorsements = Endorsements::default();
    let mut group = criterion.benchmark_group("nitro");
    cold_and_cached(&mut group, "", &Trust::default(), (&evidence, &endorsements), UnixTime(1_736_179_625));
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
