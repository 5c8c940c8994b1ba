//! What verifying evidence of each kind costs, with nothing known and when it is a repeat, and beside `dcap-qvl` where a
//! quote has all its collateral: both get bytes, and collateral that was read from its file before; both verify every
//! signature, the CRLs included, and judge the levels.
//!
//! A repeat may cost 50 us (AT-26). Cold, an Intel quote may cost 1.2 times what it costs `dcap-qvl`, a report of SEV-SNP
//! 1 ms, a Nitro document 1.5 ms, and a TPM's quote 0.2 ms under a CA on P-256, as `sealwire attest enrol` makes it. Genuine
//! evidence needs the samples that the tests use.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{
    accepted::{Accepted, development, genuine},
    machine::NOW,
    samples::quotes,
    tpm::{Ak, Tpm},
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dcap_qvl::{QuoteCollateralV3, verify::ring};
use sealwire_attest::{Verifier, verify::Expected};

fn tpm((name, ak): (&'static str, Ak)) -> Accepted {
    let tpm = Tpm::new(ak);
    let (trust, evidence, endorsements) = (tpm.trust(), tpm.evidence(), tpm.endorsements());
    Accepted { name, trust, evidence, endorsements, at: NOW }
}

/// The file beside a quote that the second implementation reads.
fn collateral(name: &str) -> Option<QuoteCollateralV3> {
    let file = quotes()?.join(name.strip_suffix(".bin")?).with_extension("collateral.json");
    Some(serde_json::from_slice(&std::fs::read(file).ok()?).unwrap())
}

fn verify(criterion: &mut Criterion) {
    let tpms = [("tpm/ecdsa-p256", Ak::P256), ("tpm/rsassa-2048", Ak::Rsa)].map(tpm);
    for Accepted { name, trust, evidence, endorsements, at } in
        genuine().into_iter().chain([development()]).chain(tpms)
    {
        let run =
            |verifier: &Verifier| verifier.verify(&evidence, &endorsements, Expected::Unbound, at).unwrap();
        let mut group = criterion.benchmark_group(name);
        group.bench_function("cold", |bench| {
            let verifier = || Verifier::new(trust.clone());
            bench.iter_batched(verifier, |verifier| run(&verifier), BatchSize::SmallInput)
        });
        let warm = Verifier::new(trust.clone());
        group.bench_function("cached", |bench| bench.iter(|| run(&warm)));
        if let Some(collateral) = collateral(name) {
            group.bench_function("dcap-qvl", |bench| {
                bench.iter(|| ring::verify(&evidence.bytes, &collateral, at.0).unwrap())
            });
        }
        group.finish();
    }
}

criterion_group!(benches, verify);
criterion_main!(benches);
