//! The live keys of a key document, as people and machines read them.

use sealwire_attest::{
    KeyDocument, UnixTime,
    key_document::{OBLIVIOUS, PublishedKey},
};
use sealwire_crypto::{aead::Aead, hpke::Symmetric, kdf::Hkdf};
use sealwire_oblivious::{Limits, config};
use serde::Serialize;

use crate::cli::values;

/// One key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LiveKey {
    pub(crate) id: String,
    pub(crate) purpose: String,
    /// none where the key is for something else, or of a KEM that is unknown here
    pub(crate) kem: Option<&'static str>,
    /// what an instance signs with at the beginning of sessions
    pub(crate) signature: Option<String>,
    pub(crate) suites: Vec<String>,
    #[serde(serialize_with = "as_text")]
    pub(crate) not_before: UnixTime,
    #[serde(serialize_with = "as_text")]
    pub(crate) not_after: UnixTime,
}

/// The keys of a document, in its order.
pub(crate) fn live_keys(document: &KeyDocument) -> Vec<LiveKey> {
    document.keys.iter().map(LiveKey::of).collect()
}

impl LiveKey {
    fn of(key: &PublishedKey) -> Self {
        let config = (key.purpose == OBLIVIOUS).then(|| oblivious(&key.bytes)).flatten();
        Self {
            id: hex::encode(&key.id),
            purpose: key.purpose.clone(),
            kem: config.as_ref().map(|config| values::kem_name(config.public_key.kem())),
            signature: key.purpose.strip_prefix("session-").map(ToOwned::to_owned),
            suites: config.iter().flat_map(|config| &config.suites).map(suite).collect(),
            not_before: key.not_before,
            not_after: key.not_after,
        }
    }

    /// What it is for and how it is used, in one text.
    pub(crate) fn algorithms(&self) -> String {
        match (self.kem, &self.signature) {
            (Some(kem), _) => format!("{kem} · {}", self.suites.join(", ")),
            (None, Some(signature)) => format!("{signature} · signs sessions"),
            (None, None) => format!("{}, unknown here", self.purpose),
        }
    }

    /// The KEM, or the signature scheme.
    pub(crate) fn algorithm(&self) -> &str {
        self.kem.or(self.signature.as_deref()).unwrap_or("unknown")
    }
}

/// A list of the one key configuration.
fn oblivious(bytes: &[u8]) -> Option<config::KeyConfig> {
    let len = u16::try_from(bytes.len()).ok()?;
    let list = [&len.to_be_bytes(), bytes].concat();
    config::parse_list(&list, &Limits::default()).ok()?.pop()
}

fn suite(suite: &Symmetric) -> String {
    let kdf = match suite.kdf {
        Hkdf::Sha256 => "HKDF-SHA256",
        Hkdf::Sha384 => "HKDF-SHA384",
        Hkdf::Sha512 => "HKDF-SHA512",
    };
    let aead = match suite.aead {
        Aead::Aes128Gcm => "AES-128-GCM",
        Aead::Aes256Gcm => "AES-256-GCM",
        Aead::ChaCha20Poly1305 => "ChaCha20-Poly1305",
    };
    format!("{kdf}/{aead}")
}

/// RFC 3339, as everywhere else in the output.
fn as_text<S: serde::Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
