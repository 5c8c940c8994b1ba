use sealwire_message::chunk;

/// What the peer did wrong.
///
/// The variants are for the operator's log. A peer is never told which of the kinds that
/// [`Error::is_key_error`] covers it was (OB-105, OB-164).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OB-100: answered with a plain 400.
    #[error("shorter than a header, an encapsulated key and a tag")]
    TooShort,
    /// OB-101
    #[error("no live key has this key id")]
    UnknownKey,
    /// OB-102
    #[error("the KEM is not that of the key")]
    KemMismatch,
    /// OB-103
    #[error("the key does not offer this KDF and AEAD")]
    SuiteNotOffered,
    /// OB-104, OB-105, OB-106
    #[error("the message does not authenticate")]
    Open,
    /// Framing and authentication of a chunked message, OB-108 to OB-114.
    #[error(transparent)]
    Chunk(#[from] chunk::Error),
    /// OB-70: more than [`crate::Limits::single_request`].
    #[error("a single-shot request longer than the limit")]
    RequestTooLong,
    /// OB-70: more than [`crate::Limits::single_response`].
    #[error("a single-shot response longer than the limit")]
    ResponseTooLong,
    /// OB-115
    #[error("a response shorter than its nonce and a tag")]
    ResponseTooShort,
    /// OB-115: altered, or the answer to another request.
    #[error("the response does not authenticate")]
    ResponseOpen,
    /// OB-118
    #[error("a key list without any configuration")]
    ListEmpty,
    /// OB-118
    #[error("a key list that ends inside a configuration")]
    ListTruncated,
    /// OB-118
    #[error("a key configuration with bytes behind its end")]
    ListTrailing,
    /// OB-118
    #[error("an algorithm list that is empty or no multiple of four bytes")]
    ListAlgorithms,
    /// OB-07, OB-119
    #[error("two key configurations with one key id")]
    DuplicateKeyId,
    /// OB-119
    #[error("a public key that its KEM refuses")]
    PublicKey,
    /// OB-70: more than [`crate::Limits::configs`].
    #[error("more key configurations than the limit")]
    TooManyConfigs,
    /// OB-70: more than [`crate::Limits::config_list`].
    #[error("a key list longer than the limit")]
    ListTooLong,
    /// OB-06, OB-151: nothing in the list is known here, or nothing that the caller wants.
    #[error("no usable key")]
    NoUsableKey,
    /// The caller's fault: a key that offers nothing.
    #[error("a key without any KDF and AEAD")]
    NoSuite,
    /// OB-53: all 256 are in use, or named by a list that may still be believed.
    #[error("no key id is free")]
    NoFreeKeyId,
    /// The caller's fault: a buffer without the room that was asked for.
    #[error("a buffer of the wrong length")]
    Buffer,
    /// No randomness, or a primitive refused what this side gave it. Never the outcome of a peer's bytes.
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
}

impl Error {
    /// Whether a gateway answers this as `ohttp-key` (OB-42): 400 in the clear with one undifferentiated text.
    ///
    /// Covers OB-101 to OB-106, and the framing errors of a chunked request, because bytes of another form or another
    /// key read as arbitrary chunk lengths. For those it holds only as long as no chunk has authenticated; later the
    /// message is cut or altered (OB-108 to OB-113) and the exchange is aborted.
    #[must_use]
    pub fn is_key_error(&self) -> bool {
        match self {
            Self::UnknownKey | Self::KemMismatch | Self::SuiteNotOffered | Self::Open => true,
            // The two limits can only be passed by chunks that have authenticated: 413 (OB-114).
            Self::Chunk(error) => {
                !matches!(error, chunk::Error::TooManyChunks | chunk::Error::MessageTooLong)
            }
            _ => false,
        }
    }
}
