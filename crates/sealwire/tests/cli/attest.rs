//! `sealwire attest produce`: evidence of this machine (AT-60).

use crate::support::{arg, run, sealwire};
use std::{fs, path::Path};

/// One development root for all tests, because it takes seconds to make.
const STATE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-state");

fn data() -> String {
    "07".repeat(64)
}

fn development() -> Vec<String> {
    ["attest", "produce", "--tee", "development", "--state", STATE, "--report-data", &data()]
        .map(str::to_owned)
        .to_vec()
}

fn and(more: &[&str]) -> Vec<String> {
    development().into_iter().chain(more.iter().map(ToString::to_string)).collect()
}

// AT-60, AT-80
#[test]
fn what_is_made_is_verified_with_what_came_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (report, certs, policy) =
        (folder.path().join("report.bin"), folder.path().join("certs"), folder.path().join("policy.toml"));
    let made = run(and(&["--output", arg(&report), "--endorsements", arg(&certs)])).expect(0);
    assert_eq!(fs::metadata(&report).unwrap().len(), 1184);
    assert_eq!(fs::read_dir(&certs).unwrap().count(), 3);
    let next = format!("Next: sealwire verify --evidence {} --kind development", report.display());
    assert!(made.stdout.contains(&next), "{}", made.stdout);
    let (_, root) = made.stdout.split_once("development root ").expect(&made.stdout);
    fs::write(
        &policy,
        format!(
            "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\nroots = [\"{}\"]\n\
             measurement = {{ any = \"a test\" }}\nhost-data = {{ any = \"a test\" }}\n",
            root.trim()
        ),
    )
    .unwrap();
    let verify = |data: &str| {
        run([
            "verify",
            "--evidence",
            arg(&report),
            "--kind",
            "development",
            "--endorsements",
            arg(&certs),
            "--policy",
            arg(&policy),
            "--report-data",
            data,
        ])
    };
    verify(&data()).expect(0);
    verify(&"08".repeat(64)).expect(20);
    // Nothing is overwritten.
    let again = run(and(&["--output", arg(&report)])).expect(2);
    assert!(again.stderr.contains("is not overwritten"), "{}", again.stderr);
    run(and(&["--endorsements", arg(&certs), "--json"])).expect(2);
}

// AT-60
#[test]
fn a_program_gets_the_raw_bytes() {
    let output = sealwire().args(development()).output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout.len(), 1184);
    assert_eq!(output.stdout[0x50..0x90], [7; 64]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Next: sealwire verify --evidence FILE --kind development"), "{said}");
    assert!(said.contains("3 certificates came with it; --endorsements DIR would have kept them"), "{said}");
}

// AT-60
#[test]
fn json_tells_what_was_written() {
    let told = run(and(&["--json"])).expect(0).json();
    let fields: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["tee", "kind", "report-data", "evidence", "output", "endorsements"]);
    assert_eq!((&told["tee"], &told["kind"]), (&"development".into(), &"development".into()));
    assert_eq!(told["report-data"], data());
    assert_eq!(told["evidence"].as_str().unwrap().len(), 2 * 1184);
    assert!(told["output"].is_null() && told["endorsements"].as_array().unwrap().is_empty());

    let folder = tempfile::tempdir().unwrap();
    let (report, certs) = (folder.path().join("report.bin"), folder.path().join("certs"));
    let told =
        run(and(&["--json", "--output", arg(&report), "--endorsements", arg(&certs)])).expect(0).json();
    assert_eq!(told["output"], arg(&report));
    assert!(told["evidence"].is_null());
    for path in told["endorsements"].as_array().unwrap() {
        // A certificate in DER.
        assert!(fs::read(path.as_str().unwrap()).unwrap().starts_with(&[0x30, 0x82]));
    }
}

// AT-60
#[test]
fn a_machine_without_it_says_what_to_do() {
    let produce = |more: &[&str]| {
        let data = data();
        let args = ["attest", "produce", "--report-data", &data];
        run(args.iter().chain(more).map(ToString::to_string).collect::<Vec<_>>())
    };
    for (name, devices) in [
        ("auto", &["/sys/kernel/config/tsm/report", "/dev/sev-guest", "/dev/tdx_guest", "/dev/nsm"][..]),
        ("tdx", &["/sys/kernel/config/tsm/report", "/dev/tdx_guest"]),
        ("snp", &["/sys/kernel/config/tsm/report", "/dev/sev-guest"]),
        ("nitro", &["/dev/nsm"]),
    ] {
        if devices.iter().all(|device| !Path::new(device).exists()) {
            let refused = produce(&["--tee", name]).expect(1);
            assert!(refused.stderr.contains("--tee development"), "{name}: {}", refused.stderr);
            assert_eq!(refused.stdout, "", "{name}");
        }
    }
    let refused = produce(&["--tee", "tpm", "--tpm-device", "/nonexistent"]).expect(1);
    assert!(refused.stderr.contains("/nonexistent"), "{}", refused.stderr);
    let unknown = produce(&["--tee", "sgx"]).expect(2);
    assert!(unknown.stderr.contains("auto, tdx, snp, nitro, tpm, development"), "{}", unknown.stderr);
}

// AT-60
#[test]
fn report_data_is_64_bytes() {
    for data in ["07", &"07".repeat(32), &"07".repeat(65), &"0g".repeat(64)] {
        run(["attest", "produce", "--tee", "development", "--report-data", data]).expect(2);
    }
    run(["attest", "produce", "--tee", "development"]).expect(2);
}
