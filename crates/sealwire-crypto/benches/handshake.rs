//! What a handshake costs in primitives: key agreement on both sides, beside rustls' groups, and identity signatures.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rustls::crypto::{SupportedKxGroup, aws_lc_rs::kx_group};
use sealwire_crypto::{
    kx::{Group, Offer, respond},
    random::OsRandom,
    sign::{ed25519, ml_dsa_65, slh_dsa_sha2_192f},
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

fn sign(criterion: &mut Criterion) {
    let transcript = [7; 200];

    let mut bench = criterion.benchmark_group("ed25519");
    let key = ed25519::SigningKey::generate(&OsRandom).unwrap();
    let (public_key, signature) = (key.public_key(), key.sign(&transcript));
    bench.bench_function("sign", |bench| bench.iter(|| key.sign(&transcript)));
    bench.bench_function("verify", |bench| {
        bench.iter(|| ed25519::verify(&public_key, &transcript, &signature).unwrap());
    });
    bench.finish();

    let mut bench = criterion.benchmark_group("ml_dsa_65");
    let key = ml_dsa_65::SigningKey::generate(&OsRandom).unwrap();
    let signature = key.sign(&transcript, &OsRandom).unwrap();
    bench.bench_function("sign", |bench| bench.iter(|| key.sign(&transcript, &OsRandom).unwrap()));
    bench.bench_function("verify", |bench| {
        bench.iter(|| ml_dsa_65::verify(key.public_key(), &transcript, &signature).unwrap());
    });
    bench.finish();

    let mut bench = criterion.benchmark_group("slh_dsa_sha2_192f");
    bench.sample_size(10);
    let key = slh_dsa_sha2_192f::SigningKey::generate(&OsRandom).unwrap();
    let signature = key.sign(&transcript, &OsRandom).unwrap();
    bench.bench_function("sign", |bench| bench.iter(|| key.sign(&transcript, &OsRandom).unwrap()));
    bench.bench_function("verify", |bench| {
        bench.iter(|| slh_dsa_sha2_192f::verify(key.public_key(), &transcript, &signature).unwrap());
    });
    bench.finish();
}

criterion_group!(benches, kx, sign);
criterion_main!(benches);
