//! Genuine evidence, from the folder beside the repository or from `SEALWIRE_SHARED`.

// Benches take this file without the folder that allows it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

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

/// Runs `check` with the id, the edited bytes and the step of every case of `mutations.json` on files below `folder`,
/// and tells which ran (QI-08).
pub(crate) fn mutations(folder: &str, check: impl Fn(&str, &[u8], &str)) -> Vec<String> {
    let Some(quotes) = quotes() else { return Vec::new() };
    let cases = std::fs::read(quotes.join("mutations.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_slice(&cases).unwrap();
    let mut ran = Vec::new();
    for case in cases["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        if text("base").starts_with(folder) {
            let bytes = edit(sample(text("base")).unwrap(), case["edits"].as_array().unwrap());
            check(text("id"), &bytes, text("step"));
            ran.push(text("id").to_owned());
        }
    }
    ran
}

/// Applies the edits of a case.
fn edit(mut bytes: Vec<u8>, edits: &[serde_json::Value]) -> Vec<u8> {
    for edit in edits {
        let at = usize::try_from(edit["at"].as_u64().unwrap_or_default()).unwrap();
        let with = hex::decode(edit["bytes"].as_str().unwrap_or_default()).unwrap();
        match edit["op"].as_str().unwrap() {
            "xor" => bytes[at..].iter_mut().zip(&with).for_each(|(byte, with)| *byte ^= with),
            "set" => bytes[at..][..with.len()].copy_from_slice(&with),
            "truncate" => bytes.truncate(at),
            "append" => bytes.extend(with),
            other => panic!("{other}"),
        }
    }
    bytes
}
