//! What several tests of this crate share.
#![allow(dead_code)]

use sealwire_crypto::{Error, random::Random};
use sealwire_envelope::key::{KeyRecord, PrivateKey, PublicKey, Signer, Use};
use serde_json::Value;
use std::path::PathBuf;

/// The vectors in `name`.json, or `None` with a line that says so where they are not at hand. In CI they must be.
pub(crate) fn vectors(name: &str) -> Option<Value> {
    let shared = std::env::var_os("SEALWIRE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("vectors/envelope").join(name).with_extension("json");
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(error) => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{}: {error}", path.display());
            println!("skipped: no {}", path.display());
            None
        }
    }
}

/// The cases of a file.
pub(crate) fn cases(file: &Value) -> &[Value] {
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

/// A member that is a string.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

/// A member that is a string of hexadecimal digits.
pub(crate) fn hex(value: &Value, member: &str) -> Vec<u8> {
    hex::decode(text(value, member)).unwrap()
}

/// A signer with the private key of a pair in `keys`.
pub(crate) fn signer(name: &str, key_id: &str, pair: &Value, purpose: Use) -> Signer {
    let key = PrivateKey::parse(text(pair, "privateKey")).unwrap();
    Signer::private(name, key_id, key).unwrap().with_uses(purpose)
}

/// A record with the public key of a pair in `keys`.
pub(crate) fn record(name: &str, key_id: &str, pair: &Value, purpose: Use) -> KeyRecord {
    let key = PublicKey::parse(text(pair, "publicKey")).unwrap();
    KeyRecord::public(name, key_id, key).unwrap().with_uses(purpose)
}

/// Always the same byte.
pub(crate) struct Fixed(pub(crate) u8);

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(self.0);
        Ok(())
    }
}
