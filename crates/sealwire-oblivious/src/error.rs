use sealwire_message::chunk;

/// What the peer did wrong. A gateway answers all of the kinds up to [`Error::Open`] alike (OB-42, OB-164).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OB-100
    #[error("shorter than a header, an encapsulated key and a tag")]
    TooShort,
    /// OB-104, OB-105
    #[error("the message does not authenticate")]
    Open,
    /// framing of a chunked message
    #[error(transparent)]
    Chunk(#[from] chunk::Error),
}
