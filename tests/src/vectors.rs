//! Shared test vectors.

use serde_json::Value;
use std::{env, fs, path::PathBuf};

/// A file of vectors of the oblivious wire, or `None` where there are none (never when `CI=true`).
#[must_use]
pub fn load(name: &str) -> Option<Value> {
    load_of("oblivious", name)
}

/// The same of another wire.
#[must_use]
pub fn load_of(wire: &str, name: &str) -> Option<Value> {
    let shared = env::var_os("SEALWIRE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = shared.join("vectors").join(wire).join(name);
    match fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(error) => {
            assert_ne!(env::var("CI").as_deref(), Ok("true"), "{}: {error}", path.display());
            println!("skipped: no {}", path.display());
            None
        }
    }
}

/// The bytes of a field in hexadecimal digits.
#[must_use]
pub fn bytes(case: &Value, field: &str) -> Vec<u8> {
    let digits = case[field].as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
