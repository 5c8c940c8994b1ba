//! Globs: the vectors, and that what is called a subset is one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{cases, text, vectors};
use proptest::prelude::*;
use sealwire_envelope::glob::{is_delegable, is_subset, matches};

// EN-56
#[test]
fn the_vectors_of_subsets() {
    let Some(file) = vectors("glob-subset") else { return };
    for case in cases(&file) {
        let (child, parent) = (text(case, "child"), text(case, "parent"));
        assert_eq!(is_subset(child, parent), case["subset"].as_bool().unwrap(), "{child} in {parent}");
    }
}

// EN-59
#[test]
fn the_vectors_of_matches() {
    let Some(file) = vectors("glob") else { return };
    for case in cases(&file) {
        let (glob, path) = (text(case, "pattern"), text(case, "path"));
        assert_eq!(matches(glob, path), case["match"].as_bool().unwrap(), "{glob} on {path}");
    }
}

// SP-69
#[test]
fn globs_that_cross_segments_inside_are_not_delegable() {
    for glob in ["/api/**", "**", "/a/*/c", "/a?", "/a/"] {
        assert!(is_delegable(glob), "{glob}");
    }
    for glob in ["/a/**/c", "/api/x**", "/**/**", "/***", "**a"] {
        assert!(!is_delegable(glob), "{glob}");
    }
}

// SP-69: by segments alone `/api/x**` looks as if it were within `/api/*`, and is not.
#[test]
fn a_wildcard_inside_a_segment_would_escape() {
    assert!(is_subset("/api/x**", "/api/*"));
    assert!(matches("/api/x**", "/api/x/secret") && !matches("/api/*", "/api/x/secret"));
    assert!(!is_delegable("/api/x**"));
}

#[test]
fn hostile_globs_cost_no_more_than_the_product_of_the_lengths() {
    let glob = "*a".repeat(120);
    assert!(!matches(&glob, &"a".repeat(4000)[..3999].replace('a', "ab")));
    assert!(matches(&"**".repeat(100), &"/x".repeat(4000)));
}

fn glob() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "*", "?", "a*", "**", "", "a?"]);
    prop::collection::vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "abc", ""]);
    prop::collection::vec(segment, 1..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    // EN-56, SP-69
    #[test]
    fn a_subset_matches_nothing_that_its_parent_does_not(child in glob(), parent in glob(), path in path()) {
        if is_delegable(&child) && is_delegable(&parent) && is_subset(&child, &parent) && matches(&child, &path) {
            prop_assert!(matches(&parent, &path), "{child} in {parent} on {path}");
        }
    }

    // EN-59
    #[test]
    fn a_path_without_wildcards_matches_itself_alone(one in path(), other in path()) {
        prop_assert!(matches(&one, &one));
        prop_assert_eq!(matches(&one, &other), one == other);
    }
}
