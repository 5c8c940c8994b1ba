use std::fmt::{self, Display, Formatter};

use sealwire_crypto::mac;

use crate::{Algorithm, frame::labelled_digest};

/// What a key is called in audit logs, revocation lists and attestation (SP-16): lower-case hexadecimal digits that
/// follow from the key alone. The wire's `keyId` is only a hint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a raw public key; `alg` is the algorithm's name on the wire.
    #[must_use]
    pub fn of_public(alg: &str, raw: &[u8]) -> Self {
        Self(hex(&labelled_digest(b"sw-keyfp/1\0", &[alg.as_bytes(), raw])))
    }

    /// Of a shared secret, which it does not give away.
    #[must_use]
    pub fn of_secret(secret: &[u8]) -> Self {
        Self(hex(mac::hmac_sha256(secret, &[b"sw-keyfp/1"]).first_chunk::<16>().unwrap_or(&[0; 16])))
    }

    /// A fingerprint that is written somewhere: 64 digits for public keys, 32 for secrets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (digits && matches!(text.len(), 32 | 64)).then(|| Self(text.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn of_algorithm(algorithm: Algorithm, raw: &[u8]) -> Self {
        Self::of_public(algorithm.name(), raw)
    }
}

impl Display for Fingerprint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}
