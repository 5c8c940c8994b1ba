//! hpke-http/3 on one core: ours, the engine of the published crate, and the floor (HH-150).

mod floor;
mod ours;
mod peer;

use crate::{
    measure::nanos,
    report::{Table, Target},
};
use anyhow::Result;
use sealwire_crypto::random::{OsRandom, Random};

const PSK: &[u8] = b"a pre-shared key of thirty-two b";
const PSK_ID: &str = "tenant-42";
const KEY_ID: &str = "primary-2026-09";
const AUTHORITY: &str = "api.example.test";
const TARGET: &str = "/v1/chat/completions";
const TYPE: (&str, &str) = ("content-type", "application/json");

/// A whole exchange at the server, sealing at the client, bodies in bulk, and events.
pub(crate) fn run() -> Result<Table> {
    let mut table = Table::new(
        "hpke-http/3, on one core",
        &["what", "ours", "floor", "`hpke-http` 4.0.1", "ours / floor", "ours / `hpke-http`"],
    );
    // glibc maps large blocks anew, and gives the heap's end back, until a large block has been freed once.
    drop(std::hint::black_box(vec![1_u8; 30 << 20]));
    let private = random(32)?;
    let [small, large, huge] = [random(1024)?, random(64 << 10)?, random(8 << 20)?];

    let ours = ours::Sides::new(&private)?;
    let peer = peer::Sides::new(&private)?;
    let sealed = ours.seal(&small)?;
    let exchange = per_second(|| ours.exchange(&sealed, &small));
    let bare = floor::Exchange::new(&private, &sealed)?;
    let floor = per_second(|| bare.run(&small));
    let engine = per_second(|| peer.exchange(&sealed, &small));
    let what = "open + seal, 1 KiB, exchanges/s";
    rates(&mut table, what, [exchange, floor, engine], exchange / floor, 0.8);
    rates(&mut table, what, [exchange, floor, engine], exchange / engine, 3.0);

    let seal = per_second(|| ours.seal(&large));
    let engine = per_second(|| peer.seal(&large));
    rates(&mut table, "seal, 64 KiB, requests/s", [seal, f64::NAN, engine], seal / engine, 5.0);

    let sealed = ours.seal(&huge)?;
    let bytes = 8.0 * 1024.0 * 1024.0 / 1e9;
    for (what, ours, engine) in [
        ("seal, 8 MiB, GB/s", per_second(|| ours.seal(&huge)), per_second(|| peer.seal(&huge))),
        ("open, 8 MiB, GB/s", per_second(|| ours.open(&sealed)), per_second(|| peer.open(&sealed))),
    ] {
        let [ours, engine] = [ours, engine].map(|rate| rate * bytes);
        let cells = [
            what.to_owned(),
            format!("{ours:.2}"),
            none(),
            format!("{engine:.2}"),
            none(),
            ratio(ours / engine),
        ];
        table.push(cells, ours, Target::AtLeast(1.0));
    }

    let event = b"data: {\"choices\":[{\"delta\":{\"content\":\" word\"},\"index\":0}]}\n\n";
    let micros = 1e6 / per_second_of(ours::EVENTS, || ours.events(event));
    let engine = 1e6 / per_second_of(ours::EVENTS, || peer.events(event));
    let what = "seal an event of 64 bytes, us".to_owned();
    let cells =
        [what, format!("{micros:.2}"), none(), format!("{engine:.2}"), none(), ratio(engine / micros)];
    table.push(cells, micros, Target::AtMost(3.0));
    Ok(table)
}

fn rates(table: &mut Table, what: &str, [ours, floor, engine]: [f64; 3], value: f64, target: f64) {
    let cells =
        [what.to_owned(), rate(ours), rate(floor), rate(engine), ratio(ours / floor), ratio(ours / engine)];
    table.push(cells, value, Target::AtLeast(target));
}

/// Incompressible bytes.
fn random(len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    OsRandom.fill(&mut bytes)?;
    Ok(bytes)
}

fn per_second<T>(work: impl FnMut() -> Result<T>) -> f64 {
    per_second_of(1, work)
}

/// How many things a second, where one call does `count` of them.
fn per_second_of<T>(count: u32, mut work: impl FnMut() -> Result<T>) -> f64 {
    let nanos = nanos(|| {
        let done = work();
        assert!(done.is_ok());
        drop(std::hint::black_box(done));
    });
    f64::from(count) * 1e9 / nanos
}

fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate.is_nan() => none(),
        rate if rate >= 10_000.0 => format!("{:.1}k", rate / 1000.0),
        rate => format!("{rate:.0}"),
    }
}

fn ratio(ratio: f64) -> String {
    if ratio.is_nan() { none() } else { format!("{ratio:.2}") }
}

fn none() -> String {
    "–".to_owned()
}
