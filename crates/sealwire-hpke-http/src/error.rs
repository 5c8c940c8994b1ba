/// What went wrong, one variant for each of the wire's stable codes (HH-36).
///
/// The variants are for the operator's log. A server answers all that [`Error::is_bad_request`] covers with one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This side's own fault: settings beyond the hard limits (HH-35), a message that this side may not send, or a call
    /// that its state does not allow.
    #[error("configuration, or a message of this side, that the wire does not allow")]
    InvalidConfiguration,
    /// Longer or more than a limit (HH-13, HH-14, HH-19, HH-35).
    #[error("more than a limit of the wire")]
    LimitExceeded,
    /// Not of the wire's form: framing, syntax, the rules of fields and targets, or an end too early (HH-72, HH-73).
    #[error("not a well-formed message")]
    MalformedEnvelope,
    /// A version other than 3 (HH-01).
    #[error("another version of the wire")]
    UnsupportedVersion,
    /// Another KEM, KDF or AEAD (HH-03).
    #[error("another suite")]
    UnsupportedSuite,
    /// A method that the wire does not have (HH-25).
    #[error("a method that the wire does not have")]
    UnsupportedMethod,
    /// No accepted key has this id.
    #[error("no accepted key has this id")]
    UnknownRecipientKey,
    /// A pre-shared key below 32 bytes, or one that is its own id (HH-72).
    #[error("a pre-shared key that the wire does not allow")]
    InvalidCredential,
    /// Nothing opened: altered, another key, or a PSK id that nobody has (HH-67 tells them apart for nobody).
    #[error("the message does not authenticate")]
    AuthenticationFailed,
    /// The request has been received before (HH-16).
    #[error("the request has been received before")]
    ReplayRejected,
    /// The request is too old or from the future (HH-15).
    #[error("the request's time is outside of what is accepted")]
    InvalidRequestTime,
    /// The register's decision is about another request.
    #[error("the decision is about another request")]
    ReplayDecisionMismatch,
    /// There is no time of day.
    #[error("no time of day")]
    ClockUnavailable,
    /// There is no randomness.
    #[error("no randomness")]
    EntropyUnavailable,
    /// A primitive refused what this side gave it. Never the outcome of a peer's bytes.
    #[error("a cryptographic primitive failed")]
    CryptoFailure,
}

impl Error {
    /// The stable name of the wire (HH-36).
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidConfiguration => "invalid_configuration",
            Self::LimitExceeded => "limit_exceeded",
            Self::MalformedEnvelope => "malformed_envelope",
            Self::UnsupportedVersion => "unsupported_version",
            Self::UnsupportedSuite => "unsupported_suite",
            Self::UnsupportedMethod => "unsupported_method",
            Self::UnknownRecipientKey => "unknown_recipient_key",
            Self::InvalidCredential => "invalid_credential",
            Self::AuthenticationFailed => "authentication_failed",
            Self::ReplayRejected => "replay_rejected",
            Self::InvalidRequestTime => "invalid_request_time",
            Self::ReplayDecisionMismatch => "replay_decision_mismatch",
            Self::ClockUnavailable => "clock_unavailable",
            Self::EntropyUnavailable => "entropy_unavailable",
            Self::CryptoFailure => "crypto_failure",
        }
    }

    /// Whether a server answers this with 400 and the one text that all of them have.
    #[must_use]
    pub const fn is_bad_request(self) -> bool {
        matches!(
            self,
            Self::LimitExceeded
                | Self::MalformedEnvelope
                | Self::UnsupportedVersion
                | Self::UnsupportedSuite
                | Self::UnsupportedMethod
                | Self::UnknownRecipientKey
                | Self::InvalidCredential
                | Self::AuthenticationFailed
        )
    }

    /// What a rule says of a message that arrived, where it speaks of one that is to be sent.
    pub(crate) const fn received(self) -> Self {
        match self {
            Self::InvalidConfiguration => Self::MalformedEnvelope,
            other => other,
        }
    }
}

/// What a primitive says of this side's own input.
impl From<sealwire_crypto::Error> for Error {
    fn from(error: sealwire_crypto::Error) -> Self {
        match error {
            sealwire_crypto::Error::Random => Self::EntropyUnavailable,
            sealwire_crypto::Error::Psk => Self::InvalidCredential,
            sealwire_crypto::Error::Limit => Self::LimitExceeded,
            _ => Self::CryptoFailure,
        }
    }
}
