//! AT-60: the TEE of a name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sealwire_attest::Kind;
use sealwire_tee::{
    Error, Machine, NAMES, Options, Tee, open,
    tpm::{self, Address},
};
use std::path::{Path, PathBuf};

/// A file that is there, can be opened, and is no device that attests.
const OTHER: &str = "/dev/null";

fn nothing() -> Machine {
    let nowhere = PathBuf::from("/nonexistent");
    Machine {
        configfs: nowhere.clone(),
        sev_guest: nowhere.clone(),
        tdx_guest: nowhere.clone(),
        nsm: nowhere,
    }
}

fn no_tpm() -> tpm::Options {
    tpm::Options { device: Address::Device("/nonexistent".into()), ..tpm::Options::default() }
}

fn opened(name: &str, machine: Machine) -> Result<Kind, Error> {
    let options = Options { state: "/nonexistent".into(), machine, tpm: no_tpm() };
    open(name, &options).map(|tee: Box<dyn Tee>| tee.kind())
}

// AT-60
#[test]
fn development_is_made_only_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { state: folder.path().to_owned(), machine: nothing(), tpm: no_tpm() };
    for name in NAMES.iter().filter(|name| **name != "development") {
        assert!(open(name, &options).is_err(), "{name}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
    }
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("development-root");
    let options = Options { state, machine: nothing(), tpm: no_tpm() };
    assert_eq!(open("development", &options).unwrap().kind(), Kind::Development);
}

// AT-60
#[test]
fn this_machine_is_looked_at() {
    // With the hardware this is the hardware; without it an error, and never anything else.
    match opened("auto", Machine::default()) {
        Ok(kind) => assert!([Kind::Tdx, Kind::Snp, Kind::Nitro].contains(&kind), "{kind}"),
        Err(Error::NoTee | Error::Provider { .. } | Error::Platform { .. } | Error::Device { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

// AT-60
#[test]
fn what_is_missing_is_named() {
    let error = opened("auto", nothing()).unwrap_err();
    assert!(matches!(error, Error::NoTee));
    assert!(error.to_string().contains("--tee development"));
    for (name, technology) in [("snp", "SEV-SNP"), ("tdx", "TDX"), ("nitro", "Nitro Enclaves")] {
        let error = opened(name, nothing()).unwrap_err();
        assert!(matches!(&error, Error::Absent { tee, .. } if *tee == technology), "{error}");
        assert!(error.to_string().contains("--tee development"), "{error}");
    }
}

// AT-60
#[test]
fn devices_are_taken_where_configfs_has_nothing() {
    let sev_guest = || Machine { sev_guest: OTHER.into(), ..nothing() };
    let tdx_guest = || Machine { tdx_guest: OTHER.into(), ..nothing() };
    for name in ["auto", "snp"] {
        assert_eq!(opened(name, sev_guest()).unwrap(), Kind::Snp, "{name}");
    }
    for name in ["auto", "tdx"] {
        assert_eq!(opened(name, tdx_guest()).unwrap(), Kind::Tdx, "{name}");
        // The module is asked at once what it is.
        let nsm = Machine { nsm: OTHER.into(), ..tdx_guest() };
        assert_eq!(opened(name, nsm).unwrap(), Kind::Tdx, "{name}");
    }
    for name in ["auto", "nitro"] {
        let nsm = Machine { nsm: OTHER.into(), ..nothing() };
        assert!(matches!(opened(name, nsm), Err(Error::Platform { what: "DescribeNSM", .. })), "{name}");
    }
    // One technology is not taken for another.
    assert!(matches!(opened("tdx", sev_guest()), Err(Error::Absent { tee: "TDX", .. })));
    assert!(matches!(opened("snp", tdx_guest()), Err(Error::Absent { tee: "SEV-SNP", .. })));
}

// AT-60
#[test]
fn a_configfs_that_cannot_be_used_gives_way_to_the_device() {
    // A folder on a disk takes entries, and has no attributes in them.
    let folder = tempfile::tempdir().unwrap();
    let configfs = || Machine { configfs: folder.path().to_owned(), ..nothing() };
    for name in ["auto", "snp", "tdx"] {
        assert!(matches!(opened(name, configfs()), Err(Error::Platform { what: "provider", .. })), "{name}");
    }
    let with_device = Machine { sev_guest: OTHER.into(), ..configfs() };
    assert_eq!(opened("auto", with_device.clone()).unwrap(), Kind::Snp);
    assert_eq!(opened("snp", with_device).unwrap(), Kind::Snp);
}

// AT-60
#[test]
fn a_device_that_may_not_be_opened_is_an_error() {
    // A folder cannot be opened for writing, by whomever.
    let folder = tempfile::tempdir().unwrap();
    let path = || folder.path().to_owned();
    for (name, machine) in [
        ("snp", Machine { sev_guest: path(), ..nothing() }),
        ("tdx", Machine { tdx_guest: path(), ..nothing() }),
        ("nitro", Machine { nsm: path(), ..nothing() }),
    ] {
        let error = opened(name, machine).unwrap_err();
        assert!(matches!(&error, Error::Device { path, .. } if *path == folder.path()), "{error}");
    }
}

// AT-60
#[test]
fn unknown_names_are_errors() {
    for name in ["", "none", "Development", "mock", "sgx"] {
        let error = opened(name, nothing()).unwrap_err();
        assert!(matches!(&error, Error::UnknownTee(found) if found == name), "{error}");
    }
}
