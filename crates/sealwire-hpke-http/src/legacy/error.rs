/// What is wrong with a message of the releases 1.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request without `X-HPKE-Enc`, or an answer without `X-HPKE-Stream` (HH-92, HH-94).
    #[error("the message is not sealed")]
    Unsealed,
    /// A field that is there twice, is no base64url, or has another length than it must (HH-82).
    #[error("a field of the wire that is missing, doubled or malformed")]
    Field,
    /// A PSK id above 128 bytes (HH-82).
    #[error("a PSK id above 128 bytes")]
    PskIdTooLong,
    /// No PSK id, or one that nobody has.
    #[error("no known pre-shared key")]
    UnknownPsk,
    /// A pre-shared key below 32 bytes, one that is its own id (HH-93), or an id that the wire cannot carry.
    #[error("a pre-shared key that the wire does not allow")]
    Credential,
    /// A coding that the wire does not have, or that this side does not take in this place (HH-82, HH-84, HH-100).
    #[error("a coding that is not taken here")]
    Coding,
    /// A chunk length that cannot hold a chunk, or is above 65621 (HH-83).
    #[error("a chunk of a length that cannot be")]
    ChunkLength,
    /// A chunk dropped, repeated or swapped (HH-81).
    #[error("a chunk that is not the next")]
    Counter,
    /// A tag that does not verify.
    #[error("the message does not authenticate")]
    Open,
    /// The body ends inside of a chunk or of compressed data, or has no chunk (HH-85, HH-97).
    #[error("the message ends too early")]
    Truncated,
    /// Compressed data that is none.
    #[error("compressed data that cannot be read")]
    Compressed,
    /// More than a limit, or growing more than it may (HH-83, HH-101, HH-104).
    #[error("more than a limit of the wire")]
    TooLong,
    /// No chunk has opened where one must have (HH-91).
    #[error("nothing in the request has authenticated")]
    Unproven,
    /// The request has been received before (HH-95).
    #[error("the request has been received before")]
    Replay,
    /// The answer says that it is an error of the peer's middleware, which nothing authenticates (HH-99).
    #[error("the server answers that the wire failed")]
    Refused,
    /// What is no event of the wire (HH-86).
    #[error("an event stream that is not sealed")]
    Event,
    /// What is no key document, or has no key for X25519 (HH-87).
    #[error("not a key document with a key of X25519")]
    Document,
    /// All counters of a direction are used up.
    #[error("the counter is used up")]
    Exhausted,
    /// No randomness, or a primitive refused what this side gave it. Never the outcome of a peer's bytes.
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
}

impl Error {
    /// What a server answers.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Unsealed => 426,
            Self::UnknownPsk | Self::Credential | Self::Unproven => 401,
            Self::Coding => 415,
            Self::Replay => 409,
            Self::TooLong => 413,
            Self::Crypto(_) => 503,
            _ => 400,
        }
    }
}
