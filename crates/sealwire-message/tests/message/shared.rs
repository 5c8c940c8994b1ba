//! Data that lies beside the repository.

use serde_json::Value;
use std::path::PathBuf;

/// A file of the vectors, or `None` (said on the terminal) where they are not there; under CI that is a failure.
pub(crate) fn vectors(name: &str) -> Option<Value> {
    let root = std::env::var_os("SEALWIRE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join("vectors").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{}: {error}", path.display());
            println!("skipped: no {}", path.display());
            None
        }
    }
}

pub(crate) fn hex_of(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}
