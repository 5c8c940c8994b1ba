//! The checks that every reader of the wire makes, in their order and words (EN-12), and the pure parts of the lifetime.

use std::fmt::{self, Display, Formatter};

use crate::{Envelope, Reason, VERSION};

/// Longest lifetime, in milliseconds (EN-13).
pub const MAX_TTL_MS: i64 = 86_400_000;
/// How far clocks may be apart, in milliseconds (EN-13).
pub const MAX_CLOCK_SKEW_MS: i64 = 30_000;

/// Something about an envelope. Displays as the text that all readers of the wire share (EN-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnostic<'a> {
    /// row 1: this version
    Version(&'a str),
    /// row 2
    MissingMessageId,
    /// row 3
    MissingSender,
    /// row 4
    MissingNonce,
    /// row 7
    TtlNotPositive,
    /// row 8
    TtlTooLong,
    /// row 9
    FromTheFuture,
    /// row 10
    Expired,
    /// row 11; a warning
    EmptyContent,
}

impl Diagnostic<'_> {
    /// Whether the envelope holds in spite of it.
    #[must_use]
    pub fn is_warning(self) -> bool {
        self == Self::EmptyContent
    }

    /// What the sender may hear (SP-13); nothing for a warning.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::EmptyContent => None,
            Self::FromTheFuture | Self::Expired => Some(Reason::TtlExpired),
            _ => Some(Reason::ValidationError),
        }
    }
}

impl Display for Diagnostic<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "Unsupported protocol version '{version}'"),
            Self::MissingMessageId => f.write_str("Missing messageId"),
            Self::MissingSender => f.write_str("Missing sender identity"),
            Self::MissingNonce => {
                f.write_str("Missing nonce — replay protection requires a unique nonce per message")
            }
            Self::TtlNotPositive => f.write_str("ttlMs must be greater than zero"),
            Self::TtlTooLong => write!(f, "ttlMs exceeds maximum allowed {MAX_TTL_MS} ms"),
            Self::FromTheFuture => write!(f, "timestampMs is more than {MAX_CLOCK_SKEW_MS} ms in the future"),
            Self::Expired => f.write_str("Message TTL expired"),
            Self::EmptyContent => f.write_str("Empty content payload"),
        }
    }
}

/// What there is to say about an envelope at `now_ms`, in the order of EN-12. Without a clock nothing is said about time.
pub fn validate(envelope: &Envelope, now_ms: Option<i64>) -> impl Iterator<Item = Diagnostic<'_>> {
    let header = &envelope.header;
    let blank = |text: &str| text.trim().is_empty();
    let at = |when: fn(i64, i64, i64) -> bool| {
        now_ms.is_some_and(|now| when(header.timestamp_ms, header.ttl_ms, now))
    };
    [
        (header.version != VERSION, Diagnostic::Version(&header.version)),
        (blank(&header.message_id), Diagnostic::MissingMessageId),
        (blank(&header.sender), Diagnostic::MissingSender),
        (blank(&header.nonce), Diagnostic::MissingNonce),
        (header.ttl_ms <= 0, Diagnostic::TtlNotPositive),
        (header.ttl_ms > MAX_TTL_MS, Diagnostic::TtlTooLong),
        (
            at(|timestamp, _, now| timestamp > now.saturating_add(MAX_CLOCK_SKEW_MS)),
            Diagnostic::FromTheFuture,
        ),
        (at(|timestamp, ttl, now| timestamp.saturating_add(ttl) < now), Diagnostic::Expired),
        (blank(&envelope.body.content), Diagnostic::EmptyContent),
    ]
    .into_iter()
    .filter_map(|(there, diagnostic)| there.then_some(diagnostic))
}

/// The first error, as its sender may hear it.
///
/// # Errors
/// [`Reason::ValidationError`], [`Reason::TtlExpired`]
pub fn check(envelope: &Envelope, now_ms: i64) -> Result<(), Reason> {
    match validate(envelope, Some(now_ms)).find_map(Diagnostic::reason) {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}
