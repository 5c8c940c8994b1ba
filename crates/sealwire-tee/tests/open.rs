//! AT-60: the TEE of a name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sealwire_attest::Kind;
use sealwire_tee::{Error, Options, open};
use std::path::Path;

fn in_folder(state: &Path) -> Options {
    Options { state: state.to_owned() }
}

// AT-60
#[test]
fn development_is_made_only_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["auto", "snp"] {
        // On a machine that has the hardware this is the hardware; on any other it is an error.
        match open(name, &in_folder(folder.path())) {
            Ok(tee) => assert_eq!(tee.kind(), Kind::Snp),
            Err(Error::NoTee) => {}
            Err(Error::NoConfigfs { .. } | Error::Provider(_) | Error::Platform { .. }) => {}
            Err(other) => panic!("{name}: {other}"),
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
    }
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("development-root");
    assert_eq!(open("development", &in_folder(&state)).unwrap().kind(), Kind::Development);
}

// AT-60
#[test]
fn unknown_names_are_errors() {
    for name in ["", "none", "Development", "mock", "tdx"] {
        let error = open(name, &in_folder(Path::new("/nonexistent"))).err().unwrap();
        assert!(matches!(&error, Error::UnknownTee(found) if found == name), "{error}");
    }
}
