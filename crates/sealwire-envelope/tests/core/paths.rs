//! Targets and policies.

use proptest::prelude::*;
use sealwire_envelope::{
    Reason,
    key::Require,
    path,
    policy::{Origin, Policies, Policy},
};

use crate::common::{cases, text, vectors};

// SP-80, EN-60
#[test]
fn the_vectors_of_targets() {
    let Some(file) = vectors("path") else { return };
    for case in cases(&file) {
        let checked = path::check(text(case, "target"));
        assert_eq!(checked.is_ok(), text(case, "expect") == "accept", "{case}");
        if let (Ok(path), Some(expected)) = (checked, case["policyPath"].as_str()) {
            assert_eq!(path, expected);
        }
    }
}

// SP-68, SP-80: what one decides on and what one forwards cannot be read as two different paths.
#[test]
fn path_normalisation_cannot_be_turned_against_a_policy() {
    let policies = Policies::new(vec![Policy::new("/api/**")]);
    for target in [
        "/api/../admin",
        "/api/%2e%2e/admin",
        "/api/..%2fadmin",
        "/api//x",
        "/api/%252e",
        "/api/.",
        "/api\\x",
        "/api/%5c",
        "api",
        "//api",
        "/api#x",
        "/api/%61",
        "/api/%2E",
        "/a\u{0}",
        "/%",
        "/%4",
        "/%zz",
        "*",
    ] {
        assert_eq!(path::check(target), Err(Reason::InvalidPath), "{target}");
    }
    let path = path::check("/api/x?to=/admin/..").unwrap();
    assert_eq!(path, "/api/x");
    assert!(policies.decide(path).is_ok());
    assert_eq!(policies.decide(path::check("/admin?/api/x").unwrap()).err(), Some(Reason::NoMatchingPolicy));
}

// EN-87, EN-88, SP-78
#[test]
fn an_empty_list_of_senders_admits_nobody() {
    let mut policy = Policy::new("/api/**");
    assert_eq!(policy.require, Some(Require::Ed25519));
    assert_eq!(policy.admit("alice", "GET", Origin::Registered), Ok(()));
    assert_eq!(policy.admit("alice", "GET", Origin::Discovered), Err(Reason::SenderDenied));
    policy.allow_discovered = true;
    assert_eq!(policy.admit("alice", "GET", Origin::Discovered), Ok(()));
    policy.methods = Some(["GET".to_owned()].into());
    assert_eq!(policy.admit("alice", "POST", Origin::Registered), Err(Reason::SenderDenied));
    policy.allowed_senders = Some(Default::default());
    assert_eq!(policy.admit("alice", "GET", Origin::Registered), Err(Reason::SenderDenied));
    policy.allowed_senders = Some(["alice".to_owned()].into());
    assert_eq!(policy.admit("alice", "GET", Origin::Registered), Ok(()));
    assert_eq!(policy.admit("Alice", "GET", Origin::Registered), Err(Reason::SenderDenied));
}

// SP-78: what no policy matches is refused, and what is open can be told.
#[test]
fn the_first_policy_decides_and_none_refuses() {
    let open = Policy { require: None, ..Policy::new("/health") };
    let policies = Policies::new(vec![Policy::new("/api/admin/**"), open.clone(), Policy::new("/api/**")]);
    assert_eq!(policies.decide("/api/admin/x").unwrap().0, 0);
    assert_eq!(policies.decide("/api/x").unwrap().0, 2);
    assert_eq!(policies.decide("/").err(), Some(Reason::NoMatchingPolicy));
    assert_eq!(policies.open().collect::<Vec<_>>(), [&open]);
    assert_eq!(Policies::default().decide("/api/x").err(), Some(Reason::NoMatchingPolicy));
}

proptest! {
    // SP-80: what is accepted does not change when it is normalised the way that web servers do it.
    #[test]
    fn an_accepted_path_is_what_every_server_reads(target in "/[a-c./%0-9A-F]{0,20}") {
        if let Ok(path) = path::check(&target) {
            let url = format!("http://h{path}");
            prop_assert!(!url.contains("/../") && !url.contains("/./") && !path.contains("//"));
            prop_assert!(!path.ends_with("/..") && !path.ends_with("/."));
        }
    }

    // SP-10
    #[test]
    fn no_target_panics(target in any::<String>()) {
        let _ = path::check(&target);
    }
}
