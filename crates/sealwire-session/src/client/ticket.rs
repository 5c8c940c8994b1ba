//! A ticket, as the client keeps it.

use crate::{Suite, schedule::Psk};
use std::time::Duration;

/// For one handshake (SE-40). Not Clone: it is consumed by its use.
pub struct Ticket {
    pub(super) suite: Suite,
    pub(super) psk: Psk,
    pub(super) ticket: Vec<u8>,
    pub(super) authority: String,
    /// SHA-384 of the document that the original session rested on
    pub(super) document: [u8; 48],
    /// Unix milliseconds, by the client's clock
    pub(super) received: u64,
    pub(super) lifetime: Duration,
}

impl Ticket {
    /// The name that the session was for.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// SHA-384 of the key document that it rests on: whoever resumes holds what is known of it against the policy of
    /// the day (SE-41).
    #[must_use]
    pub fn document_hash(&self) -> &[u8; 48] {
        &self.document
    }

    /// How long it may be used, from when it was received.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Whether it may still be used at `now`, in Unix milliseconds.
    #[must_use]
    pub fn is_usable(&self, now: u64) -> bool {
        let lifetime = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        now < self.received.saturating_add(lifetime)
    }
}
