//! Genuine evidence, from the folder beside the repository or from `SEALWIRE_SHARED`.

// The tests of `sealwire-collateral` take this file without the folder that allows it.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use sealwire_attest::{Endorsements, Evidence, Kind, UnixTime};
use std::path::PathBuf;

/// The folder of samples. Without it a test is skipped, with a line that says so; where CI is set it fails.
pub(crate) fn quotes() -> Option<PathBuf> {
    let shared = std::env::var_os("SEALWIRE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let quotes = shared.join("quotes");
    if quotes.is_dir() {
        return Some(quotes);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no samples at {}", quotes.display());
    println!("skipped: no samples at {}", quotes.display());
    None
}

/// Raw bytes of a sample; hex text is decoded.
pub(crate) fn sample(name: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(quotes()?.join(name)).unwrap();
    Some(match name.ends_with(".hex") {
        true => hex::decode(String::from_utf8(bytes).unwrap().trim()).unwrap(),
        false => bytes,
    })
}

/// In the validity of the Milan sample's VCEK, 2023-04-03T19:23:43Z to 2030-04-03T19:23:43Z.
pub(crate) const MILAN_TIME: UnixTime = UnixTime(1_750_000_000);
/// The first second of its validity.
pub(crate) const MILAN_FIRST: UnixTime = UnixTime(1_680_549_823);
/// The last one.
pub(crate) const MILAN_LAST: UnixTime = UnixTime(1_901_474_623);

/// The Milan report with its VCEK; the ASK is built in.
pub(crate) fn milan() -> Option<(Evidence, Endorsements)> {
    let evidence = Evidence { kind: Kind::Snp, bytes: sample("snp/milan.report.hex")? };
    let mut endorsements = Endorsements::default();
    endorsements.add(&sample("snp/milan.vcek.der")?).unwrap();
    Some((evidence, endorsements))
}
