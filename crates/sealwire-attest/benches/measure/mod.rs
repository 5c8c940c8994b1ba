//! What the benchmarks share.

use criterion::{BatchSize, BenchmarkGroup, measurement::WallTime};
use sealwire_attest::{Endorsements, Evidence, Trust, UnixTime, Verifier, verify::Expected};

/// One verification with nothing known, and the same again. `prefix` comes before the names of both.
pub(crate) fn cold_and_cached(
    group: &mut BenchmarkGroup<'_, WallTime>,
    prefix: &str,
    trust: &Trust,
    (evidence, endorsements): (&Evidence, &Endorsements),
    at: UnixTime,
) {
    let run = |verifier: &Verifier| verifier.verify(evidence, endorsements, Expected::Unbound, at).unwrap();
    let new = || Verifier::new(trust.clone());
    group.bench_function(format!("{prefix}cold"), |bench| {
        bench.iter_batched(new, |verifier| run(&verifier), BatchSize::SmallInput)
    });
    let warm = new();
    group.bench_function(format!("{prefix}cached"), |bench| bench.iter(|| run(&warm)));
}
