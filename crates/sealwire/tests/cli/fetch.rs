//! `sealwire attest fetch`, from a stand-in of AMD's service (AT-70, AT-71).

use crate::support::{arg, run, serve, shared};
use axum::{Router, routing::get};
use sealwire_attest::Endorsements;
use sealwire_collateral::folder;
use std::fs;

const CHAIN: &[u8] = include_bytes!("../../../sealwire-attest/anchors/amd/ask-milan.pem");

async fn fetch(args: Vec<String>) -> crate::support::Ended {
    // The stand-in answers on this runtime meanwhile.
    tokio::task::spawn_blocking(move || {
        run(["attest", "fetch", "--timeout", "20"].iter().map(|a| (*a).to_owned()).chain(args))
    })
    .await
    .unwrap()
}

fn args(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

// AT-71: what is there is in the folder, what is not is told, and the exit code says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_filled() {
    let kds = serve(Router::new().route("/vcek/v1/Milan/cert_chain", get(async || CHAIN))).await;
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("new/endorsements");
    let list =
        args(&["--tee", "snp", "--product", "milan", "--kds", &kds, "--output", arg(&output), "--json"]);
    let ended = fetch(list.clone()).await.expect(1);
    let told = ended.json();
    assert_eq!(told["fetched"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["fetched"][0]["what"], "ASK certificate of Milan");
    assert_eq!(told["fetched"][0]["from"], format!("{kds}/vcek/v1/Milan/cert_chain"));
    assert_eq!(told["failed"].as_array().unwrap().len(), 3, "{told}");
    let Endorsements { certificates, .. } = folder::read(&output).unwrap().endorsements;
    assert_eq!(certificates.len(), 1);
    // Again: the same file, replaced.
    fetch(list).await.expect(1);
    assert_eq!(fs::read_dir(&output).unwrap().count(), 1);
    let people = args(&["--tee", "snp", "--product", "milan", "--kds", &kds, "--output", arg(&output)]);
    let ended = fetch(people).await.expect(1);
    assert!(
        ended.stdout.contains("ASK certificate of Milan") && ended.stdout.contains("not had:"),
        "{}",
        ended.stdout
    );
}

// AT-70: what tells the chip is asked for, and not shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chip_is_not_shown() {
    let Some(shared) = shared() else { return };
    let report = shared.join("quotes/snp/milan.report.hex");
    let kds = serve(Router::new()).await;
    let output = tempfile::tempdir().unwrap();
    let list = args(&["--evidence", arg(&report), "--kds", &kds, "--output", arg(output.path())]);
    let ended = fetch(list).await.expect(1);
    assert!(ended.stdout.contains("VCEK certificate of the chip"), "{}", ended.stdout);
    let chip = "d49554ec";
    assert!(!ended.stdout.contains(chip) && !ended.stderr.contains(chip));
}

#[test]
fn misuse_is_told() {
    let output = tempfile::tempdir().unwrap();
    let out = arg(output.path());
    let begin = ["attest", "fetch", "--output", out];
    let usage = |more: &[&str]| run(begin.iter().chain(more)).expect(2).stderr;
    usage(&[]);
    usage(&["--tee", "nitro"]);
    assert!(usage(&["--tee", "tdx"]).contains("--fmspc"));
    assert!(usage(&["--tee", "snp"]).contains("--product"));
    usage(&["--tee", "tdx", "--fmspc", "b0c0"]);
    assert!(
        usage(&["--tee", "snp", "--product", "milan", "--kds", "ftp://a"]).contains("no place to fetch from")
    );
    usage(&["--evidence", "/nowhere"]);
    let no_evidence = output.path().join("none.bin");
    fs::write(&no_evidence, [0xff; 100]).unwrap();
    run(begin.iter().chain(&["--evidence", arg(&no_evidence)])).expect(10);
}

// AT-70: the lists that a document's certificates name, from a mirror; the machine is not shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lists_of_a_nitro_document_are_asked_for() {
    let Some(shared) = shared() else { return };
    let document = shared.join("quotes/nitro/production.cose");
    let mirror = serve(Router::new()).await;
    let output = tempfile::tempdir().unwrap();
    let list = args(&[
        "--evidence",
        arg(&document),
        "--aws-crls",
        &mirror,
        "--output",
        arg(output.path()),
        "--json",
    ]);
    let ended = fetch(list).await.expect(1);
    let failed = ended.json()["failed"].to_string();
    let places = [
        "/aws-nitro-enclaves-crl/crl/ab4960cc-7d63-42bd-9e9f-59338cb67f84.crl",
        "/crl-eu-central-1-aws-nitro-enclaves/crl/da69a570-f489-4370-99bc-f2fca9224088.crl",
    ];
    for place in places {
        assert!(failed.contains(&format!("{mirror}{place}")), "{failed}");
    }
    assert!(!ended.stdout.contains("i-0"), "{}", ended.stdout);
}
