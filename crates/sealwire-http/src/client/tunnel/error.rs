use crate::BoxError;
use sealwire_attest::verdict::Denial;

/// Why there is no answer through a tunnel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy, the quote or its binding said no (TU-36). Nothing was sent.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The server did not keep to the handshake, or the key is used up.
    #[error(transparent)]
    Tunnel(#[from] sealwire_tunnel::Error),
    /// There was no handshake, or no answer, in time (TU-12).
    #[error("nothing came in time")]
    TimedOut,
    /// The tunnel ended; whether a request under way was carried out is unknown (TU-11, TU-42).
    #[error("the tunnel ended under way; whether the request was carried out is unknown")]
    Closed,
    /// The tunnel had ended before anything was sent.
    #[error("the tunnel has ended")]
    Ended,
    /// The server says that the call has failed (TU-09). Its words are not passed on.
    #[error("the server says that the call has failed")]
    Failed,
    /// What the server answers is no HTTP.
    #[error("an answer that is no HTTP")]
    Answer,
    /// The application takes no WebSocket here.
    #[error("the server opens no WebSocket here")]
    NoWebSocket,
    /// The request cannot travel on this wire (TU-22, TU-30). Nothing was sent.
    #[error("version 0 of the tunnel cannot carry this request: {0}")]
    Request(&'static str),
    /// The content of the request broke off while it was gathered. Nothing was sent.
    #[error("the request's content: {0}")]
    Content(BoxError),
    /// No randomness.
    #[error("no randomness")]
    Random,
}

impl Error {
    /// Whether it is certain that the request was not carried out.
    #[must_use]
    pub fn is_unprocessed(&self) -> bool {
        !matches!(self, Self::TimedOut | Self::Closed | Self::Failed | Self::Answer)
    }
}
