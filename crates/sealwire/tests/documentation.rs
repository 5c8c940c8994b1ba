//! What the documentation has to say.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

// OB-86: what is lost when one party runs relay and gateway is for people to know.
#[test]
fn who_has_to_run_a_relay() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for page in ["docs/threat-model.md", "docs/operate.md", "docs/spec/oblivious.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap_or_default();
        assert!(text.contains("OB-86"), "{page} does not say what OB-86 demands");
    }
}
