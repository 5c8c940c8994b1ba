//! The key document (HH-87). It names no key id, so there is one key and no overlap (HH-89), and it never names another
//! KEM, which would stop every released client (HH-88).

use super::Error;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sealwire_crypto::kem::{Kem, PublicKey};
use serde::Deserialize;

/// Where it is.
pub const DISCOVERY_PATH: &str = "/.well-known/hpke-keys";

/// The document of a key of X25519.
///
/// # Errors
/// [`Error::Document`] for a key of another KEM.
pub fn document(public_key: &PublicKey) -> Result<String, Error> {
    if public_key.kem() != Kem::X25519 {
        return Err(Error::Document);
    }
    let suite = r#""kem_id":"0x0020","kdf_id":"0x0001","aead_id":"0x0003""#;
    let key = URL_SAFE_NO_PAD.encode(public_key.as_bytes());
    Ok(format!(r#"{{"version":1,"keys":[{{{suite},"public_key":"{key}"}}],"default_suite":{{{suite}}}}}"#))
}

#[derive(Deserialize)]
struct Document {
    version: Option<u32>,
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    kem_id: String,
    public_key: String,
}

/// The key of X25519 that a document names first; members and KEMs that are not known here are passed over.
///
/// # Errors
/// [`Error::Document`]
pub fn parse_document(json: &[u8]) -> Result<PublicKey, Error> {
    let document: Document = serde_json::from_slice(json).map_err(|_| Error::Document)?;
    if document.version.is_some_and(|version| version != 1) {
        return Err(Error::Document);
    }
    let is_x25519 = |entry: &&Entry| {
        let digits = entry.kem_id.strip_prefix("0x").unwrap_or(&entry.kem_id);
        u16::from_str_radix(digits, 16).is_ok_and(|id| id == Kem::X25519.id())
    };
    let entry = document.keys.iter().find(is_x25519).ok_or(Error::Document)?;
    let key = URL_SAFE_NO_PAD.decode(entry.public_key.trim_end_matches('=')).map_err(|_| Error::Document)?;
    PublicKey::from_bytes(Kem::X25519, &key).map_err(|_| Error::Document)
}
