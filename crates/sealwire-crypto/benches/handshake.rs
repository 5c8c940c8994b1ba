//! What a handshake costs in primitives: key agreement on both sides, beside rustls' groups, and identity signatures.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rustls::crypto::{SupportedKxGroup, aws_lc_rs::kx_group};
use sealwire_crypto::{
    kx::{Group, Offer, respond},
    random::OsRandom,
};

fn kx(criterion: &mut Criterion) {
    for (name, group, peer) in [
        ("x25519mlkem768", Group::X25519MlKem768, Some(kx_group::X25519MLKEM768)),
        ("secp384r1mlkem1024", Group::SecP384r1MlKem1024, None),
        ("x25519", Group::X25519, Some(kx_group::X25519)),
    ] {
        let mut bench = criterion.benchmark_group(name);
        let offer = || Offer::generate(group, &OsRandom).unwrap();
        let client = offer().share().to_vec();
        bench.bench_function("offer", |bench| bench.iter(offer));
        bench.bench_function("respond", |bench| bench.iter(|| respond(group, &client, &OsRandom).unwrap()));
        bench.bench_function("complete", |bench| {
            let with_share = || {
                let offer = offer();
                let (share, _) = respond(group, offer.share(), &OsRandom).unwrap();
                (offer, share)
            };
            bench.iter_batched(
                with_share,
                |(offer, share)| offer.complete(&share).unwrap(),
                BatchSize::SmallInput,
            );
        });
        let Some(peer): Option<&'static dyn SupportedKxGroup> = peer else { continue };
        bench.bench_function("rustls offer", |bench| bench.iter(|| peer.start().unwrap()));
        bench.bench_function("rustls respond", |bench| {
            bench.iter(|| peer.start_and_complete(&client).unwrap());
        });
    }
}

criterion_group!(benches, kx);
criterion_main!(benches);
