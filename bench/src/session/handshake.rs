//! Handshakes: the server's work against that of its primitives, and both sides' against TLS 1.3.

use super::{Ends, peer};
use crate::{
    measure::nanos,
    report::{Table, Target},
};
use anyhow::Result;
use sealwire_crypto::{
    kx::{self, Group, Offer},
    random::OsRandom,
    sign::{ed25519, ml_dsa_65},
};
use sealwire_http::session::Scheme;
use std::path::Path;

/// One core; the client knows the key document, as one that has fetched it does.
pub(crate) fn run(state: &Path) -> Result<Table> {
    let mut table =
        Table::new("Session handshake, us on one core", &["what", "us", "against", "us", "ratio"]);
    let row = |what: &str, ours: f64, against: &str, theirs: f64| {
        let ratio = ours / theirs;
        let us = |nanos: f64| format!("{:.1}", nanos / 1000.0);
        ([what.to_owned(), us(ours), against.to_owned(), us(theirs), format!("{ratio:.2}")], ratio)
    };
    let dual = Ends::new(state, Scheme::Ed25519MlDsa65)?;
    let single = Ends::new(state, Scheme::Ed25519)?;

    let hello = dual.hello()?.hello;
    let server = nanos(|| assert!(dual.flight(&hello).is_ok()));
    let sum = "X25519MLKEM768 answer, Ed25519 and ML-DSA-65 signature";
    let (cells, ratio) = row("server, both signatures", server, sum, primitives(true)?);
    table.push(cells, ratio, Target::AtMost(1.3));

    let hello = single.hello()?.hello;
    let server = nanos(|| assert!(single.flight(&hello).is_ok()));
    let sum = "X25519MLKEM768 answer and Ed25519 signature";
    let (cells, ratio) = row("server, Ed25519 alone", server, sum, primitives(false)?);
    table.push(cells, ratio, Target::None);

    let tls = peer::Tls::new()?;
    let whole = |ends: &Ends| {
        nanos(|| {
            let done = ends.hello().and_then(|started| {
                let (flight, _) = ends.flight(&started.hello)?;
                ends.finish(started, &flight)
            });
            assert!(done.is_ok());
        })
    };
    let theirs = nanos(|| assert!(tls.handshake().is_ok()));
    let name = "rustls, TLS 1.3, X25519MLKEM768, Ed25519 certificate";
    let (cells, ratio) = row("both sides, Ed25519 alone", whole(&single), name, theirs);
    table.push(cells, ratio, Target::AtMost(1.5));
    let (cells, ratio) = row("both sides, both signatures", whole(&dual), name, theirs);
    table.push(cells, ratio, Target::None);
    Ok(table)
}

/// What the server cannot do without, in nanoseconds.
fn primitives(dual: bool) -> Result<f64> {
    let group = Group::X25519MlKem768;
    let share = Offer::generate(group, &OsRandom)?.share().to_vec();
    let classic = ed25519::SigningKey::generate(&OsRandom)?;
    let quantum_safe = ml_dsa_65::SigningKey::generate(&OsRandom)?;
    let message = [0x5a; 138];
    let agree = nanos(|| assert!(kx::respond(group, &share, &OsRandom).is_ok()));
    let sign = nanos(|| {
        std::hint::black_box(classic.sign(&message));
    });
    let more = if dual { nanos(|| assert!(quantum_safe.sign(&message, &OsRandom).is_ok())) } else { 0.0 };
    Ok(agree + sign + more)
}
