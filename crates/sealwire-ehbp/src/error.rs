/// What the peer did wrong.
///
/// The variants are for the operator's log. A peer is told only what the table of EH-07 says, with one text (EH-34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// EH-02, EH-43: not 64 lower-case hexadecimal digits, or a point of low order.
    #[error("the encapsulated key is not 64 lower-case hexadecimal digits, or is a point of low order")]
    EncapsulatedKey,
    /// EH-04, EH-43
    #[error("the response nonce is not 64 lower-case hexadecimal digits")]
    ResponseNonce,
    /// EH-43: a length of 1 to 15.
    #[error("a frame that cannot hold a tag")]
    FrameTooShort,
    /// EH-25, EH-43
    #[error("a frame longer than the limit")]
    FrameTooLong,
    /// EH-22, EH-43: the body ends inside a length or a frame.
    #[error("the body ends inside a frame")]
    Truncated,
    /// EH-06: a request that says that it is sealed, and holds no frame.
    #[error("a sealed request without any frame")]
    NoFrame,
    /// EH-26
    #[error("too many empty frames in a row")]
    TooManyEmptyFrames,
    /// More than [`crate::Limits::message`].
    #[error("more content than the limit")]
    MessageTooLong,
    /// EH-43: altered, swapped, repeated or left out; or, of a first frame, sealed to another key.
    #[error("a frame does not authenticate")]
    Open,
    /// The caller's fault: an empty frame ends nothing and says nothing, so none is sealed.
    #[error("nothing to seal")]
    Nothing,
    /// EH-01
    #[error("not a key configuration of this protocol")]
    KeyConfig,
    /// EH-08
    #[error("not a session recovery token")]
    Token,
    /// The sequence of nonces is used up.
    #[error("the sequence of nonces is used up")]
    Sequence,
    /// No randomness, or a primitive refused what this side gave it. Never the outcome of a peer's bytes.
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
}
