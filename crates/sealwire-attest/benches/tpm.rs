//! What a quote costs: at most 0.2 ms with nothing known, at most 50 us when it is a repeat (AT-26).
//!
//! The enrolment CA is on P-256, as `sealwire attest enrol` makes it. One on P-384 adds the difference between the curves, about 0.14 ms.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, dead_code)]

#[path = "../tests/common/mod.rs"]
mod common;
mod measure;

use common::{
    machine::NOW,
    tpm::{Ak, Tpm},
};
use criterion::{Criterion, criterion_group, criterion_main};
use measure::cold_and_cached;

fn verify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tpm");
    for (name, ak) in [("ecdsa-p256", Ak::P256), ("rsassa-2048", Ak::Rsa)] {
        let tpm = Tpm::new(ak);
        let (evidence, endorsements) = (tpm.evidence(), tpm.endorsements());
        let prefix = format!("{name}/");
        cold_and_cached(&mut group, &prefix, &tpm.trust(), (&evidence, &endorsements), NOW);
    }
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
