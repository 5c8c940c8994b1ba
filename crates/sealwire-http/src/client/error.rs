use crate::{BoxError, opened::Fault};
use http::StatusCode;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The gateway says that it does not know the key (OB-42), or the session (SE-43). A hint: it is not authenticated,
    /// and no proof that nothing ran (OB-47).
    #[error("the gateway does not know this key or session (status {0}, unauthenticated)")]
    StaleKey(StatusCode),
    /// An answer that is not encapsulated (OB-117).
    #[error(
        "an answer that is not sealed, with outer status {0}: not the gateway's word, so whether the request was carried out is unknown"
    )]
    NotEncapsulated(StatusCode),
    /// An answer of another media type (OB-116).
    #[error("a sealed answer of another form than the request")]
    MediaType,
    /// The transport failed.
    #[error("transport: {source}")]
    Transport {
        /// what it said
        source: BoxError,
        /// nothing of it was sent (OB-47)
        unprocessed: bool,
    },
    /// The answer does not open, or is malformed.
    #[error("the answer cannot be believed: {0}")]
    Answer(#[from] Fault),
    /// The request is too long for this form, or cannot be sealed.
    #[error("the request cannot be sealed: {0}")]
    Seal(#[from] sealwire_oblivious::Error),
    /// EHBP cannot seal the request.
    #[error("the request cannot be sealed: {0}")]
    Ehbp(#[from] sealwire_ehbp::Error),
    /// The session is of no further use, or what came is not of it.
    #[error("session: {0}")]
    Session(#[from] sealwire_session::Error),
    /// The gateway says under the session's keys that it has not acted upon the request (SE-43).
    #[error("the gateway has not accepted the request")]
    NotAccepted,
    /// The gateway says under the session's keys that the request came to it twice. What became of the first is not known
    /// (SE-43).
    #[error("the request came to the gateway twice; whether it was carried out is unknown")]
    Repeated,
    /// The content of the request broke off while it was gathered.
    #[error("the request's content: {0}")]
    Content(BoxError),
    /// A request without content, on a wire that seals nothing else (EH-23). It was not sent.
    #[error("a request without content has nothing that this wire could seal, and was not sent in clear")]
    NothingToSeal,
    /// The request cannot be expressed on this wire.
    #[error("the request cannot be sealed: {0}")]
    Request(&'static str),
}

/// Wraps a transport's error where it is certain that the request was not processed: nothing of it was sent (OB-47).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unprocessed(#[source] pub BoxError);

impl Error {
    pub(crate) fn transport(source: impl Into<BoxError>) -> Self {
        let source = source.into();
        let unprocessed = source.is::<Unprocessed>();
        Self::Transport { source, unprocessed }
    }
}
