//! `sealwire keys operator` (AT-44).

use crate::support::{arg, run};
use std::{fs, os::unix::fs::PermissionsExt};

// AT-44
#[test]
fn a_key_signs_what_it_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let (key, statement) = (scratch.path().join("operator.pem"), scratch.path().join("statement.pem"));
    let made = run(["keys", "operator", "generate", "--json", "--output", arg(&key)]).expect(0).json();
    let public = made["public-key"].as_str().unwrap();
    assert_eq!(public.len(), "ed25519:".len() + 64);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = run(["keys", "operator", "show", "--json", arg(&key)]).expect(0).json();
    assert_eq!(shown["public-key"], public);

    let (digest, measurement) = ("0f".repeat(48), "9b".repeat(48));
    let printed = format!("sha384:{digest}");
    let sign = [
        "keys",
        "operator",
        "sign",
        "--json",
        "--key",
        arg(&key),
        "--authority",
        "b.example",
        "--authority",
        "A.example:443",
        "--config-digest",
        &printed,
        "--measurement",
        &measurement,
        "--output",
        arg(&statement),
    ];
    let signed = run(sign).expect(0).json();
    assert_eq!(signed["authorities"], serde_json::json!(["a.example", "b.example"]));
    let shown = run(["keys", "operator", "show", "--json", arg(&statement)]).expect(0).json();
    assert_eq!(shown["type"], "statement");
    assert_eq!(shown["signature-valid"], true);
    assert_eq!(shown["public-key"], public);
    assert_eq!(shown["config-digest"], printed);
    assert_eq!(shown["measurement"], measurement);

    // Nothing is overwritten: neither a key nor a statement.
    let before = fs::read(&key).unwrap();
    let again = run(["keys", "operator", "generate", "--output", arg(&key)]).expect(2);
    assert!(again.stderr.contains("not overwritten") && again.stderr.contains("next:"), "{}", again.stderr);
    assert_eq!(fs::read(&key).unwrap(), before);
    run(sign).expect(2);
}

#[test]
fn what_is_signed_is_said_in_full() {
    let scratch = tempfile::tempdir().unwrap();
    let key = scratch.path().join("operator.pem");
    let out = scratch.path().join("statement.pem");
    run(["keys", "operator", "generate", "--output", arg(&key)]).expect(0);
    let digest = "0f".repeat(48);
    let sign = |more: &[&str]| {
        let first = ["keys", "operator", "sign", "--key", arg(&key), "--output", arg(&out)];
        run(first.iter().chain(more))
    };
    sign(&[]).expect(2);
    sign(&["--config-digest", &digest]).expect(2);
    sign(&["--config-digest", &digest, "--authority", "a.example"]).expect(2);
    sign(&["--config-digest", &digest, "--measurement", "9b"]).expect(2);
    sign(&["--config-digest", "0f", "--authority", "a.example", "--measurement", "9b"]).expect(2);
    sign(&["--config-digest", &digest, "--authority", "https://a.example", "--measurement", "9b"]).expect(2);
    sign(&["--from", "http://127.0.0.1:1", "--config-digest", &digest]).expect(2);
    assert!(!out.exists());
    sign(&["--config-digest", &digest, "--authority", "a.example", "--measurement", "9b"]).expect(0);
}

#[test]
fn other_files_are_neither() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("x.pem");
    fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    run(["keys", "operator", "show", arg(&file)]).expect(2);
    let out = scratch.path().join("s.pem");
    let ended = run([
        "keys",
        "operator",
        "sign",
        "--key",
        arg(&file),
        "--output",
        arg(&out),
        "--authority",
        "a",
        "--config-digest",
        &"0f".repeat(48),
        "--measurement",
        "9b",
    ])
    .expect(2);
    assert!(ended.stderr.contains("sealwire keys operator generate"), "{}", ended.stderr);
}
