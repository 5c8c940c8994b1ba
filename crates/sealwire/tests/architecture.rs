//! Which crate may name which: the project's layers, as a test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Each crate and those of ours that it may name directly, from the bottom up: only what stands before it.
const LAYERS: [(&str, &[&str]); 16] = [
    // sans-I/O
    ("sealwire-crypto", &[]),
    ("sealwire-message", &["sealwire-crypto"]),
    ("sealwire-attest", &["sealwire-crypto"]),
    ("sealwire-envelope", &["sealwire-crypto"]),
    ("sealwire-ehbp", &["sealwire-crypto"]),
    ("sealwire-hpke-http", &["sealwire-crypto"]),
    ("sealwire-oblivious", &["sealwire-crypto", "sealwire-message"]),
    ("sealwire-tunnel", &["sealwire-crypto", "sealwire-attest"]),
    ("sealwire-session", &["sealwire-crypto", "sealwire-message", "sealwire-attest"]),
    // I/O
    ("sealwire-store", &[]),
    ("sealwire-device", &[]),
    ("sealwire-tee", &["sealwire-attest", "sealwire-crypto", "sealwire-device"]),
    ("sealwire-collateral", &["sealwire-attest"]),
    // layers
    (
        "sealwire-http",
        &[
            "sealwire-store",
            "sealwire-crypto",
            "sealwire-message",
            "sealwire-attest",
            "sealwire-envelope",
            "sealwire-ehbp",
            "sealwire-hpke-http",
            "sealwire-oblivious",
            "sealwire-tunnel",
            "sealwire-session",
        ],
    ),
    // services
    (
        "sealwire-gateway",
        &["sealwire-http", "sealwire-store", "sealwire-tee", "sealwire-attest", "sealwire-collateral"],
    ),
    ("sealwire-client", &["sealwire-http", "sealwire-attest", "sealwire-collateral"]),
];

/// The program on top may name every crate.
const PROGRAM: &str = "sealwire";

/// How many of [`LAYERS`] have neither socket, file, clock nor runtime.
const SANS_IO: usize = 9;

/// Named by `sealwire-crypto` alone, so that the backend can differ by target.
const PRIMITIVES: [&str; 35] = [
    "aes-gcm",
    "aws-lc-rs",
    "aws-lc-sys",
    "blake2",
    "bls12_381",
    "blst",
    "chacha20poly1305",
    "crypto_box",
    "crypto_secretbox",
    "curve25519-dalek",
    "ed25519-dalek",
    "fips205",
    "getrandom",
    "hkdf",
    "hmac",
    "hpke",
    "k256",
    "ml-dsa",
    "ml-kem",
    "openssl",
    "p256",
    "p384",
    "p521",
    "rand",
    "rand_core",
    "ring",
    "rsa",
    "sha1",
    "sha2",
    "sha3",
    "shake",
    "slh-dsa",
    "x25519-dalek",
    "x448",
    "xsalsa20poly1305",
];

/// Named by `sealwire-attest` alone: what reads evidence, endorsements, reference values, builds and policies.
const FORMATS: [&str; 11] = [
    "asn1-rs",
    "corim",
    "coset",
    "dcap-qvl",
    "regorus",
    "roxmltree",
    "rustls-webpki",
    "sev",
    "sigstore-verify",
    "spki",
    "x509-parser",
];

/// Named by `sealwire-attest`, and by `sealwire-tee`, which makes the certificates of the development root.
const CERTIFICATES: [&str; 2] = ["der", "x509-cert"];

/// What `sealwire-attest` names that is no format of evidence: anything else is one of [`FORMATS`] or [`CERTIFICATES`].
const GENERAL: [&str; 9] =
    ["base64", "hex", "jiff", "minicbor", "sealwire-crypto", "serde", "serde_json", "thiserror", "toml"];

/// Named by `sealwire-tee` alone: what speaks to hardware.
const DEVICES: [&str; 5] = ["nix", "sealwire-device", "tpm2-protocol", "tss-esapi", "vsock"];

/// The crates that may have unsafe code: they wrap what no safe interface can describe, and do nothing else.
const FFI: [&str; 1] = ["sealwire-device"];

/// What would bring a socket, a file, a clock or a runtime.
const IO: [&str; 17] = [
    "async-std",
    "axum",
    "governor",
    "h3",
    "hyper",
    "hyper-util",
    "mio",
    "quinn",
    "redb",
    "reqwest",
    "rustix",
    "smol",
    "socket2",
    "tokio",
    "tokio-rustls",
    "tokio-util",
    "tower",
];

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The packages under `crates/`: tests, bench and chores may name what they want.
fn crates(metadata: &Metadata) -> Vec<&Package> {
    let crates = metadata.workspace_root.join("crates");
    metadata.packages.iter().filter(|package| package.manifest_path.starts_with(&crates)).collect()
}

/// What a crate names directly, otherwise than for its tests.
fn names(package: &Package) -> Vec<&str> {
    let shipped =
        package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    shipped.map(|dependency| dependency.name.as_str()).collect()
}

fn may_name(package: &str) -> Option<&'static [&'static str]> {
    LAYERS.iter().find(|(name, _)| *name == package).map(|(_, below)| *below)
}

#[test]
fn arrows_point_down() {
    for (index, (name, below)) in LAYERS.iter().enumerate() {
        for wanted in *below {
            let place = LAYERS.iter().position(|(name, _)| name == wanted).unwrap();
            assert!(place < index, "{name} may name {wanted}, which does not stand before it");
        }
    }
}

#[test]
fn crates_name_what_their_layer_allows() {
    let metadata = metadata();
    let crates = crates(&metadata);
    assert!(crates.iter().any(|package| package.name.as_str() == PROGRAM));
    let mut wrong = Vec::new();
    for package in crates.iter().filter(|package| package.name.as_str() != PROGRAM) {
        let Some(allowed) = may_name(&package.name) else {
            wrong.push(format!("{} has no place among the layers", package.name));
            continue;
        };
        let ours = names(package).into_iter().filter(|name| name.starts_with(PROGRAM));
        wrong.extend(
            ours.filter(|name| !allowed.contains(name)).map(|name| format!("{} names {name}", package.name)),
        );
    }
    assert!(wrong.is_empty(), "the layers do not allow that\n  {}", wrong.join("\n  "));
}

#[test]
fn primitives_are_named_by_crypto_alone() {
    only(&["sealwire-crypto"], &PRIMITIVES);
}

#[test]
fn formats_are_named_by_attestation_alone() {
    only(&["sealwire-attest"], &FORMATS);
    only(&["sealwire-attest", "sealwire-tee"], &CERTIFICATES);
}

#[test]
fn the_list_of_formats_is_complete() {
    let metadata = metadata();
    let crates = crates(&metadata);
    let attest = crates.iter().find(|package| package.name.as_str() == "sealwire-attest").unwrap();
    let known = [&FORMATS[..], &CERTIFICATES, &GENERAL].concat();
    let unknown: Vec<_> = names(attest).into_iter().filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "formats of evidence, or of general use? {}", unknown.join(", "));
}

#[test]
fn devices_are_named_by_producers_alone() {
    only(&["sealwire-tee"], &DEVICES);
}

#[test]
fn unsafe_code_is_forbidden_outside_the_ffi_crates() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let metadata = metadata();
    for package in crates(&metadata) {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        let of_workspace = manifest.contains("[lints]\nworkspace = true");
        assert_eq!(of_workspace, !FFI.contains(&package.name.as_str()), "{}", package.name);
    }
    for name in FFI {
        let folder = root().join("crates").join(name);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("undocumented_unsafe_blocks = \"deny\""), "{name}");
    }
}

#[test]
fn sans_io_crates_name_no_io() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in crates(&metadata) {
        if LAYERS[..SANS_IO].iter().any(|(name, _)| *name == package.name.as_str()) {
            let io = names(package).into_iter().filter(|name| IO.contains(name));
            wrong.extend(io.map(|name| format!("{} names {name}", package.name)));
        }
    }
    assert!(wrong.is_empty(), "no socket, file, clock or runtime there\n  {}", wrong.join("\n  "));
}

/// Fails if a crate other than `owners` names one of `kept`.
fn only(owners: &[&str], kept: &[&str]) {
    let metadata = metadata();
    let mut wrong = Vec::new();
    let mut owned = 0;
    for package in crates(&metadata) {
        let found: Vec<_> = names(package).into_iter().filter(|name| kept.contains(name)).collect();
        if owners.contains(&package.name.as_str()) {
            owned += found.len();
        } else {
            wrong.extend(found.iter().map(|name| format!("{} names {name}", package.name)));
        }
    }
    assert!(wrong.is_empty(), "that is for {} alone\n  {}", owners.join(" and "), wrong.join("\n  "));
    assert!(owned > 0, "{} name none of them: the list is out of date", owners.join(" and "));
}
