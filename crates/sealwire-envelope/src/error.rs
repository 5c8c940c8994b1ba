/// Why a message was refused: the one word that its sender may hear (SP-13). What exactly was wrong is for the log alone,
/// and is told by the error of the part that found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// SP-80: a target that would have to be repaired.
    #[error("invalid-path")]
    InvalidPath,
    /// SP-13: not a request at all.
    #[error("malformed-request")]
    MalformedRequest,
    /// SP-09: no envelope, or more than one.
    #[error("missing-header")]
    MissingHeader,
    /// SP-03 to SP-07, SP-09, SP-11, SP-12: not an envelope in its one spelling.
    #[error("malformed-envelope")]
    MalformedEnvelope,
    /// SP-15: no key of this sender under this name; also a revoked one.
    #[error("unknown-sender")]
    UnknownSender,
    /// SP-08
    #[error("invalid-signature")]
    InvalidSignature,
    /// SP-14: another algorithm than the key's, or than the route's.
    #[error("alg-not-allowed")]
    AlgNotAllowed,
    /// EN-21: a signature of round-3 Dilithium.
    #[error("alg-incompatible")]
    AlgIncompatible,
    /// EN-12 rows 9 and 10: from the future, or expired.
    #[error("ttl-expired")]
    TtlExpired,
    /// EN-12, the other rows.
    #[error("validation-error")]
    ValidationError,
    /// SP-09: a lifetime beyond what the route takes.
    #[error("ttl-too-long")]
    TtlTooLong,
    /// SP-25
    #[error("recipient-missing")]
    RecipientMissing,
    /// SP-25
    #[error("recipient-mismatch")]
    RecipientMismatch,
    /// SP-30: the envelope is not about a request.
    #[error("binding-missing")]
    BindingMissing,
    /// SP-29: no statement in its one spelling.
    #[error("binding-malformed")]
    BindingMalformed,
    /// SP-28: a field that has to be covered is not.
    #[error("binding-incomplete")]
    BindingIncomplete,
    /// SP-29: the statement is about something else than what came.
    #[error("binding-mismatch")]
    BindingMismatch,
    /// SP-37
    #[error("replay-detected")]
    ReplayDetected,
    /// SP-64
    #[error("capability-not-bound")]
    CapabilityNotBound,
    /// SP-63
    #[error("capability-root-not-authorised")]
    CapabilityRootNotAuthorised,
    /// SP-65
    #[error("delegation-escalation")]
    DelegationEscalation,
    /// SP-67
    #[error("capability-audience-mismatch")]
    CapabilityAudienceMismatch,
    /// SP-70
    #[error("capability-revoked")]
    CapabilityRevoked,
    /// SP-66
    #[error("capability-malformed")]
    CapabilityMalformed,
    /// SP-78
    #[error("no-matching-policy")]
    NoMatchingPolicy,
    /// SP-78
    #[error("sender-denied")]
    SenderDenied,
    /// SP-09
    #[error("body-too-large")]
    BodyTooLarge,
    /// SP-82
    #[error("rate-limited")]
    RateLimited,
    /// SP-43
    #[error("replay-store-unavailable")]
    ReplayStoreUnavailable,
    /// SP-40
    #[error("replay-store-full")]
    ReplayStoreFull,
    /// SP-02: where the keys are asked for does not answer.
    #[error("key-source-unavailable")]
    KeySourceUnavailable,
    /// SP-34
    #[error("payload-mismatch")]
    PayloadMismatch,
    /// SP-62: one word for every failure inside a sealed body.
    #[error("decrypt-failed")]
    DecryptFailed,
    /// SP-08, SP-18: not a key that may be registered.
    #[error("key-rejected")]
    KeyRejected,
    /// SP-47, SP-48
    #[error("participant-rejected")]
    ParticipantRejected,
}

impl Reason {
    /// The status of an HTTP answer (SP-13). What arises outside HTTP counts as a failed authentication.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidPath | Self::MalformedRequest => 400,
            Self::NoMatchingPolicy | Self::SenderDenied => 403,
            Self::BodyTooLarge => 413,
            Self::RateLimited => 429,
            Self::ReplayStoreUnavailable | Self::ReplayStoreFull | Self::KeySourceUnavailable => 503,
            _ => 401,
        }
    }

    /// The status of a gRPC answer (SP-32).
    #[must_use]
    pub fn grpc_status(self) -> u8 {
        match self.status() {
            400 => 3,
            403 => 7,
            413 | 429 => 8,
            503 => 14,
            _ => 16,
        }
    }
}
