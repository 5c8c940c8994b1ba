//! Digests and keys as policies write them, so that what is printed can be pasted.

/// `config-digests`
pub(crate) fn config_digest(digest: &[u8; 48]) -> String {
    format!("{CONFIG_DIGEST}{}", hex::encode(digest))
}

/// `operator-keys`
pub(crate) fn operator_key(key: &[u8; 32]) -> String {
    format!("ed25519:{}", hex::encode(key))
}

/// `roots`
pub(crate) fn root(fingerprint: &[u8; 32]) -> String {
    format!("sha256:{}", hex::encode(fingerprint))
}

/// What a configuration digest begins with.
pub(crate) const CONFIG_DIGEST: &str = "sha384:";
