use crate::cbor;

/// Why a connection ends, or none comes about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// TU-03: the first message of the server is not a `server_kx`.
    #[error("not a server_kx: {0}")]
    ServerKx(Dropped),
    /// TU-03: the form of before teekit, where nothing binds the quote to the key.
    #[error("a server_kx of the old form, whose quote is bound to nothing")]
    OldForm,
    /// TU-03, TU-83: `x25519PublicKey` is not 32 bytes in base64.
    #[error("the server's key is not 32 bytes")]
    PublicKey,
    /// TU-83: `x25519PublicKey` has low order.
    #[error("the server's key has low order")]
    LowOrder,
    /// TU-03: `quote`, `runtime_data` or `verifier_data` is not base64 of what it should be.
    #[error("a field of server_kx that does not decode: {0}")]
    Field(&'static str),
    /// TU-83: a second `server_kx`.
    #[error("a second server_kx")]
    SecondServerKx,
    /// TU-04, TU-23: the sealed key is not 80 bytes, does not open, or opens to another length than 32.
    #[error("the sealed key does not open to 32 bytes")]
    SealedKey,
    /// The same sealed key came before, on this or another connection: somebody plays a recorded connection again.
    #[error("a sealed key that was used before")]
    UsedSealedKey,
    /// TU-24: so many messages, or so much time, that both sides have to begin anew.
    #[error("the connection's key is used up")]
    UsedUp,
    /// TU-22: a message of ours is longer than the limit.
    #[error("a message above the limit")]
    TooLong,
    /// No randomness.
    #[error("no randomness")]
    Random,
}

/// Why a message is dropped (TU-06). The other side is told nothing: it goes to metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Dropped {
    /// TU-14
    #[error("malformed: {0}")]
    Malformed(#[from] cbor::Error),
    /// TU-22
    #[error("longer than the limit")]
    TooLong,
    /// TU-05: something else than a `client_kx` before the first of it.
    #[error("no client_kx yet")]
    BeforeKey,
    /// TU-05: a later `client_kx`.
    #[error("a second client_kx")]
    SecondClientKx,
    /// TU-06: in clear, where everything is sealed.
    #[error("not sealed")]
    NotSealed,
    /// TU-06, TU-82: a nonce of another length than 24 bytes, or a ciphertext under 16.
    #[error("no nonce of 24 bytes, or no tag")]
    Form,
    /// TU-24: the nonce came before.
    #[error("a nonce that came before")]
    Repeated,
    /// TU-24, TU-41: the nonce is one of ours.
    #[error("a message of this side, sent back")]
    Reflected,
    /// TU-06
    #[error("does not open")]
    Sealed,
    /// TU-25
    #[error("a message that only this side sends")]
    OtherSide,
    /// A type that is not in the table of A.2.
    #[error("of no known type")]
    Type,
    /// A field is not there, or has another type or range.
    #[error("the field {0} is missing or wrong")]
    Field(&'static str),
}

impl Dropped {
    /// The stable name, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooLong => "too-long",
            Self::BeforeKey => "before-key",
            Self::SecondClientKx => "second-client-kx",
            Self::NotSealed => "not-sealed",
            Self::Form => "form",
            Self::Repeated => "repeated",
            Self::Reflected => "reflected",
            Self::Sealed => "does-not-open",
            Self::OtherSide => "other-side",
            Self::Type => "type",
            Self::Field(_) => "field",
        }
    }
}
