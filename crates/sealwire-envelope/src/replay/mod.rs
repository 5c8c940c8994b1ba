//! Messages are taken once (SP-37 to SP-40, SP-44). What is remembered is a digest, for as long as the message could come
//! again; a register that cannot remember refuses.

mod register;

pub use register::{Full, Register};

use sealwire_crypto::digest::Sha256;

use crate::{base64url, frame::labelled_digest, validate::MAX_CLOCK_SKEW_MS};

/// What a message is remembered by (SP-37): who sent it, and both of the names that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Of an envelope.
    #[must_use]
    pub fn of_message(sender: &str, message_id: &str, nonce: &str) -> Self {
        Self(labelled_digest(b"sw-replay/1\0", &[sender.as_bytes(), message_id.as_bytes(), nonce.as_bytes()]))
    }

    /// Of a webhook, which has no names (SP-35).
    #[must_use]
    pub fn of_webhook(fingerprint: &str, signature: &[u8]) -> Self {
        let mut hash = Sha256::default();
        hash.update(b"sw-webhook/1\0");
        hash.update(fingerprint.as_bytes());
        hash.update(signature);
        Self(hash.finish())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// base64url
    #[must_use]
    pub fn to_text(&self) -> String {
        base64url::encode(self.0)
    }

    /// The name in Redis.
    #[must_use]
    pub fn to_redis(&self) -> String {
        format!("sw:replay:{}", self.to_text())
    }
}

/// The name in Redis under which older verifiers remember a nonce (SP-45).
#[must_use]
pub fn legacy_redis_key(nonce: &str) -> String {
    format!("7h3:nonce:{nonce}")
}

/// Until when a message has to be remembered (SP-38), in milliseconds since the Unix epoch: longer than any verifier whose
/// clock is within 30 s takes it.
#[must_use]
pub fn remembered_until_ms(timestamp_ms: i64, ttl_ms: i64) -> i64 {
    timestamp_ms.saturating_add(ttl_ms).saturating_add(MAX_CLOCK_SKEW_MS)
}

/// For how long, from `now_ms` on: at least 1 (SP-38).
#[must_use]
pub fn remembered_for_ms(until_ms: i64, now_ms: i64) -> i64 {
    until_ms.saturating_sub(now_ms).max(1)
}

/// What came of a reservation (SP-44). Only the first lets the message through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// never seen, and remembered from now on
    Fresh,
    /// seen before
    Replay,
}
