//! Event logs: a genuine one, and logs that never were.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::samples::sample;
use sealwire_attest::event_log::{Bank, Log, replay};

#[test]
fn x() {
    let Some(bytes) = sample("tdx/ccel-ovmf.bin") else { return };
    let log = Log::parse(&bytes).unwrap();
    for e in log.events() {
        println!("{} {:x} {}", e.register, e.kind, e.data.len());
    }
    for (i, v) in replay(&bytes, Bank::Sha384).unwrap() {
        println!("{i} {}", hex::encode(v));
    }
}
