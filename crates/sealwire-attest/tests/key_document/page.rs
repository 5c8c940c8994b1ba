//! The normative page lists every reason code.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

// AT-81
#[test]
fn every_code_of_acceptance_is_on_the_page() {
    let (code, page) = (read("src/key_document/accept.rs"), read("../../docs/spec/key-document.md"));
    let on_page: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(code, _)| code)
        .collect();
    for expected in [
        "challenge-length",
        "document-from-the-future",
        "document-expired",
        "document-lifetime",
        "document-outlives-evidence",
        "no-live-key",
        "document-too-old",
        "role",
        "authority-not-served",
        "serial-went-back",
        "operator",
    ] {
        assert!(code.contains(&format!("\"{expected}\"")), "{expected}");
        assert!(on_page.contains(&expected), "{expected}");
    }
}

#[test]
fn the_examples_of_the_page_are_the_vectors() {
    let (page, vectors) = (read("../../docs/spec/key-document.md"), read("tests/vectors/key-document.json"));
    let vectors: serde_json::Value = serde_json::from_str(&vectors).unwrap();
    let page: String = page.split_whitespace().collect();
    for name in ["document", "statement-signed-bytes", "published"] {
        assert!(page.contains(vectors[name].as_str().unwrap()), "{name}");
    }
    assert!(page.contains(vectors["report-data"]["snp"]["with-challenge"].as_str().unwrap()));
}
