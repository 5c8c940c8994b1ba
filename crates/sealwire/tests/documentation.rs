//! What the documentation has to say.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

// OB-86: what is lost when one party runs relay and gateway is for people to know.
#[test]
fn who_has_to_run_a_relay() {
    for page in ["docs/threat-model.md", "docs/operate.md", "docs/spec/oblivious.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap_or_default();
        assert!(text.contains("OB-86"), "{page} does not say what OB-86 demands");
    }
}

// Each attack names the tests that show what prevents it, as `file.rs::test`, and as `::test` for the file before.
#[test]
fn tests_of_attacks_are_there() {
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        gather(&root().join(folder), &mut files);
    }
    let text = fs::read_to_string(root().join("docs/attacks.md")).unwrap();
    let (mut missing, mut found) = (Vec::new(), 0);
    for paragraph in text.split("\n\n") {
        let mut named: Vec<&PathBuf> = Vec::new();
        for cited in paragraph.split('`').skip(1).step_by(2) {
            let (file, test) = match cited.split_once("::") {
                Some((file, test)) => (file, Some(test)),
                None => (cited, None),
            };
            if !file.is_empty() && !file.ends_with(".rs") {
                continue;
            }
            if !file.is_empty() {
                let end = format!("/{file}");
                named =
                    files.iter().filter(|path| path.to_str().is_some_and(|p| p.ends_with(&end))).collect();
            }
            let is_there = |path: &&PathBuf| {
                test.is_none_or(|test| fs::read_to_string(path).unwrap().contains(&format!("fn {test}(")))
            };
            if named.iter().any(is_there) {
                found += 1;
            } else {
                missing.push(cited);
            }
        }
    }
    assert!(missing.is_empty(), "docs/attacks.md names what is not there: {missing:#?}");
    assert!(found > 100, "the tests in docs/attacks.md are no longer read: {found}");
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
