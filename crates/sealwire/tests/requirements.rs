//! Every numbered requirement of the specification is cited by a test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Prefixes of the pages' numbers.
const PAGES: [&str; 10] = ["AT", "EH", "EN", "HH", "IN", "OB", "QI", "SE", "SP", "TU"];

/// Requirements without a test, and why.
const WITHOUT: [(&str, &str); 5] = [
    ("OB-90", "anonymous authorisation comes in a later version"),
    ("OB-91", "anonymous authorisation comes in a later version"),
    ("OB-92", "anonymous authorisation comes in a later version"),
    ("OB-93", "anonymous authorisation comes in a later version"),
    ("OB-133", "anonymous authorisation comes in a later version"),
];

#[test]
fn every_requirement_is_cited_by_a_test() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut required = BTreeSet::new();
    for page in files(&root.join("docs/spec"), "md") {
        required.extend(ids(&fs::read_to_string(page).unwrap()));
    }
    assert!(required.len() > 100, "the specification was not found, or its numbers are no longer read");

    let mut cited = BTreeSet::new();
    for folder in ["crates", "tests", "bench"] {
        for file in files(&root.join(folder), "rs") {
            // This file cites what has no test.
            if !file.ends_with("tests/requirements.rs") {
                cited.extend(ids(tested(&file, root, &fs::read_to_string(&file).unwrap())));
            }
        }
    }

    for (id, why) in WITHOUT {
        assert!(
            required.remove(id),
            "{id} is no longer in the specification, and not without a test because {why}"
        );
        assert!(!cited.contains(id), "{id} has a test by now, so it need not be listed");
    }
    let missing: Vec<_> = required.difference(&cited).map(String::as_str).collect();
    assert!(
        missing.is_empty(),
        "{} requirements are cited by no test:\n{}",
        missing.len(),
        missing.join(" ")
    );
}

/// The part of a file that is a test: all of it below a folder `tests` or in the bench, which tests the requirements
/// on speed; and what follows the first `#[cfg(test)]` elsewhere.
fn tested<'a>(file: &Path, root: &Path, text: &'a str) -> &'a str {
    let inside = file.strip_prefix(root).unwrap();
    let is_test = |part: &str| matches!(part, "tests" | "tests.rs" | "bench");
    if inside.iter().any(|part| is_test(part.to_str().unwrap())) {
        return text;
    }
    text.find("#[cfg(test)]").map_or("", |start| &text[start..])
}

/// `OB-12`, as comments have it, or `ob_12`, as names do, always as `OB-12`.
fn ids(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for page in PAGES {
        for written in [format!("{page}-"), format!("{}_", page.to_lowercase())] {
            for (start, _) in text.match_indices(&written) {
                let after = &text[start + written.len()..];
                let number =
                    &after[..after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len()];
                let begins = !text[..start].ends_with(char::is_alphanumeric);
                let ends = !after[number.len()..].starts_with(char::is_alphabetic);
                if begins && ends && (2..=3).contains(&number.len()) {
                    found.insert(format!("{page}-{number}"));
                }
            }
        }
    }
    found
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn ids_are_found_in_comments_and_names() {
    let text = "OB-12, (AT-07)\nfn ob_101_is_refused() {} fn at_04_and_ob_02() // XOB-13 OB-1 OB-1234 job_14 SHA-384 OB-15x OB_16 ob-17";
    let expected = ["AT-04", "AT-07", "OB-02", "OB-101", "OB-12"];
    assert_eq!(ids(text), expected.map(String::from).into());
}
