//! AT-24: a register tied to a build by a Sigstore bundle.

use super::{
    HEAD, codes, development, load, reasons,
    sigstore::{IDENTITY, ISSUER, NOON, Signing, Sigstore},
};
use crate::common::machine::{Machine, Model};
use sealwire_attest::{Policy, policy::PolicyError};
use sealwire_crypto::digest::{sha256, sha512};
use serde_json::{Value, json};
use std::sync::LazyLock;

static SIGSTORE: LazyLock<Sigstore> = LazyLock::new(Sigstore::new);
/// What the machine's measurement register holds.
const MEASUREMENT: [u8; 48] = [0x22; 48];

fn lines(identity: &str, issuer: &str) -> String {
    format!(
        "host-data = {{ any = \"a test\" }}\nbuild = {{ bundle = \"bundle\", identity = \"{identity}\", \
         issuer = \"{issuer}\", register = \"measurement\", trusted-root = \"root\" }}\n"
    )
}

/// A policy for `machine` that leaves its measurement to the bundle.
fn policy(machine: &Machine, bundle: &Value) -> Result<Policy, PolicyError> {
    policy_of(machine, &lines(IDENTITY, ISSUER), bundle, &SIGSTORE.trusted_root())
}

fn policy_of(machine: &Machine, lines: &str, bundle: &Value, root: &str) -> Result<Policy, PolicyError> {
    let bundle = bundle.to_string();
    let files = [("bundle", bundle.as_bytes()), ("root", root.as_bytes())];
    load(&(HEAD.to_owned() + &development(machine, lines)), &files)
}

fn machine() -> Machine {
    Machine::new(Model::Milan)
}

/// What is wrong with a policy over this bundle.
fn problem(bundle: &Value) -> String {
    let error = policy(&machine(), bundle).unwrap_err();
    assert_eq!(error.key, "build", "{error}");
    error.problem
}

// AT-24: a signature over the register's bytes.
#[test]
fn the_register_is_what_the_builder_signed() {
    let bundle = SIGSTORE.sign(&Signing::default(), &MEASUREMENT);
    assert!(codes(&policy(&machine(), &bundle).unwrap(), &machine()).is_empty());

    let other = SIGSTORE.sign(&Signing::default(), &[0x23; 48]);
    let reasons = reasons(&policy(&machine(), &other).unwrap(), &machine());
    assert_eq!(reasons.len(), 1);
    assert_eq!((reasons[0].code, reasons[0].rule.as_str()), ("build", "accept[0].build.measurement"));
    assert!(reasons[0].expected.contains(&hex::encode(sha256(&[&[0x23; 48]]))), "{reasons:?}");
    assert_eq!(reasons[0].found, hex::encode(MEASUREMENT));
}

// AT-24: an in-toto statement whose subject is the register, or whose digest the register holds.
#[test]
fn statements_name_the_register() {
    let says = |subjects: Value| {
        let bundle = SIGSTORE.attest(&Signing::default(), &subjects);
        codes(&policy(&machine(), &bundle).unwrap(), &machine())
    };
    let over = |bytes: &[u8]| hex::encode(sha256(&[bytes]));
    assert!(says(json!([{ "name": "m", "digest": { "sha256": over(&MEASUREMENT) } }])).is_empty());
    let several = json!([
        { "name": "tarball", "digest": { "sha256": over(b"other"), "sha512": hex::encode(sha512(&[b"other"])) } },
        { "name": "launch", "digest": { "sha384": hex::encode(MEASUREMENT) } },
    ]);
    assert!(says(several).is_empty());
    assert_eq!(says(json!([{ "name": "m", "digest": { "sha256": over(b"other") } }])), ["build"]);
    let other = json!([{ "name": "m", "digest": { "sha256": over(b"other"), "gitCommit": hex::encode(MEASUREMENT) } }]);
    assert_eq!(says(other), ["build"]);
}

// AT-24: what the alternative lists itself has to hold as well.
#[test]
fn a_build_adds_to_a_list() {
    let bundle = SIGSTORE.sign(&Signing::default(), &MEASUREMENT);
    let listed = |value: &str| {
        let lines = format!("measurement = \"{}\"\n{}", value.repeat(48), lines(IDENTITY, ISSUER));
        codes(&policy_of(&machine(), &lines, &bundle, &SIGSTORE.trusted_root()).unwrap(), &machine())
    };
    assert!(listed("22").is_empty());
    assert_eq!(listed("23"), ["measurement-not-listed"]);
}

// AT-24: the expected identity and issuer.
#[test]
fn other_identities_and_issuers_are_refused() {
    let fork = IDENTITY.replace("example", "fork");
    let signed = |signing: &Signing| SIGSTORE.sign(signing, &MEASUREMENT);
    let other = Signing { identity: fork.clone(), ..Signing::default() };
    assert!(problem(&signed(&other)).contains(&fork));
    let longer = Signing { identity: format!("{IDENTITY}x"), ..Signing::default() };
    problem(&signed(&longer));
    let issuer = Signing { issuer: "https://issuer.example".to_owned(), ..Signing::default() };
    assert!(problem(&signed(&issuer)).contains("https://issuer.example"));
}

// AT-24: a builder's certificate lives for a day, and what it signed has to be logged on that day.
#[test]
fn what_was_logged_after_the_certificate_is_refused() {
    let day = 24 * 60 * 60;
    for logged_at in [NOON - day, NOON + day] {
        problem(&SIGSTORE.sign(&Signing { logged_at, ..Signing::default() }, &MEASUREMENT));
    }
    // Without the log's word nobody knows when.
    problem(&SIGSTORE.sign(&Signing { promised: false, ..Signing::default() }, &MEASUREMENT));
}

// AT-24: nothing of a bundle can be changed.
#[test]
fn tampered_bundles_are_refused() {
    let bundle = SIGSTORE.sign(&Signing::default(), &MEASUREMENT);
    let other = SIGSTORE.sign(&Signing::default(), &[0x23; 48]);
    const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
    let places = [
        "/messageSignature/signature",
        "/messageSignature/messageDigest/digest",
        "/verificationMaterial/certificate/rawBytes",
        &format!("{ENTRY}/canonicalizedBody"),
        &format!("{ENTRY}/inclusionProof/rootHash"),
        &format!("{ENTRY}/inclusionProof/checkpoint/envelope"),
        &format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"),
    ];
    for place in places {
        let mut mixed = bundle.clone();
        let theirs = other.pointer(place).unwrap().clone();
        assert_ne!(mixed.pointer(place), Some(&theirs), "{place}");
        *mixed.pointer_mut(place).unwrap() = theirs;
        problem(&mixed);
    }
    // Another entry of the same log, whole.
    let mut mixed = bundle.clone();
    *mixed.pointer_mut(ENTRY).unwrap() = other.pointer(ENTRY).unwrap().clone();
    problem(&mixed);
    // Another time.
    let mut moved = bundle.clone();
    moved.pointer_mut(ENTRY).unwrap()["integratedTime"] = json!((NOON + 1).to_string());
    problem(&moved);
    // No entry at all.
    let mut unlogged = bundle;
    unlogged["verificationMaterial"]["tlogEntries"] = json!([]);
    problem(&unlogged);
}

// AT-24: under the root that the policy names, or Sigstore's own.
#[test]
fn another_sigstore_is_refused() {
    let elsewhere = Sigstore::new().sign(&Signing::default(), &MEASUREMENT);
    problem(&elsewhere);
    let bundle = SIGSTORE.sign(&Signing::default(), &MEASUREMENT);
    let public_good = lines(IDENTITY, ISSUER).replace(", trusted-root = \"root\"", "");
    let error = policy_of(&machine(), &public_good, &bundle, "").unwrap_err();
    assert!(error.problem.starts_with("bundle: "), "{error}");
}

// AT-24
#[test]
fn what_is_no_bundle_does_not_load() {
    let bundle = SIGSTORE.sign(&Signing::default(), &MEASUREMENT);
    let with = |from: &str, to: &str| {
        let lines = lines(IDENTITY, ISSUER).replace(from, to);
        policy_of(&machine(), &lines, &bundle, &SIGSTORE.trusted_root()).unwrap_err()
    };
    assert!(with("\"bundle\"", "\"nowhere\"").problem.contains("nowhere: no such file"));
    assert!(with("\"measurement\"", "\"mrtd\"").problem.contains("no register of development"));
    assert_eq!(with("register = \"measurement\", ", "").key, "register");
    for json in [json!({}), json!([]), json!({ "mediaType": "application/json" })] {
        problem(&json);
    }
    let error = policy_of(&machine(), &lines(IDENTITY, ISSUER), &bundle, "{}").unwrap_err();
    assert!(error.problem.starts_with("root: "), "{error}");
}
