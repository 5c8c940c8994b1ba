use crate::{
    BoxError,
    opened::{Fault, FaultCell},
};
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
    /// The request cannot be sealed, or not to its end: the wire, or a limit, does not allow it.
    #[error("the request cannot be sealed: {0}")]
    Sealing(Fault),
    /// The time of the key ended before the first byte of the request left (HH-08).
    #[error("the key's time ended before the request left")]
    KeyExpired,
    /// The server refuses the sealed request, with a status that anybody can send (HH-38): it does not know the key, the
    /// pre-shared key or the name, or has seen the request, or the clocks differ.
    #[error("the server refuses the sealed request, with outer status {0}, which nobody has authenticated")]
    Refused(StatusCode),
    /// An answer whose sealed bytes were coded on the way (HH-38).
    #[error("the sealed answer has a content coding")]
    OuterCoding,
    /// The content of a request or answer has a coding of its own, which the wire does not carry (HH-30).
    #[error("this wire carries no content coding")]
    InnerCoding,
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
    /// A transport's error, where the body that it was given may be what failed.
    pub(crate) fn sending(source: impl Into<BoxError>, body: &FaultCell) -> Self {
        match body.get() {
            Some(Fault::KeyExpired) => Self::KeyExpired,
            Some(fault) => Self::Sealing(*fault),
            None => Self::transport(source),
        }
    }

    pub(crate) fn transport(source: impl Into<BoxError>) -> Self {
        let source = source.into();
        let unprocessed = source.is::<Unprocessed>();
        Self::Transport { source, unprocessed }
    }
}
