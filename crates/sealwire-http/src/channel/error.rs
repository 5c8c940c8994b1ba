use crate::BoxError;
use http::StatusCode;
use sealwire_session as session;
use std::io;
use tokio_tungstenite::tungstenite;

/// How a channel went wrong. Nothing more is taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// records that are not the other end's, or none: [`session::Error::Truncated`] where it was cut
    #[error(transparent)]
    Record(#[from] session::Error),
    /// a text message (SE-37)
    #[error("a text message in a channel")]
    Text,
    /// not the frames of a WebSocket
    #[error("malformed frames of a WebSocket")]
    Frames,
}

impl Fault {
    /// What a failure of the WebSocket is to the channel.
    pub(super) fn of_socket(error: &tungstenite::Error) -> Self {
        use tungstenite::Error::{AlreadyClosed, Capacity, ConnectionClosed, Io, Protocol};
        match error {
            Capacity(_) => session::Error::TooLong.into(),
            Io(_)
            | ConnectionClosed
            | AlreadyClosed
            | Protocol(
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
                | tungstenite::error::ProtocolError::SendAfterClosing,
            ) => session::Error::Truncated.into(),
            _ => Self::Frames,
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault {
            Fault::Record(session::Error::Truncated) => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, fault)
    }
}

/// Why there is no channel, or no longer one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The channel was cut, or somebody meddled with it.
    #[error("the channel: {0}")]
    Fault(#[from] Fault),
    /// The server does not open it: it does not know the session, or the number. A hint, which is not authenticated
    /// (SE-43).
    #[error("the server does not know this session (unauthenticated)")]
    Unknown,
    /// The server ends the WebSocket with this status, as it would have answered a handshake. It is not authenticated.
    #[error("the server ends the WebSocket with status {0} (unauthenticated)")]
    Refused(StatusCode),
    /// The server says, by the session's keys, that it takes no channel: the session is over, or has a limit that is
    /// reached. Nothing that was sent in it was acted upon.
    #[error("the session is over, or takes no more channels")]
    Over,
    /// The server says, in the channel, that it has not acted upon this request, and will not: the channel is coming to its
    /// end, or takes no more at once (SE-43).
    #[error("the server has not accepted the request")]
    NotAccepted,
    /// The other side's message did not come in time.
    #[error("nobody has answered in the channel")]
    TimedOut,
    /// The connection that was to carry it failed before it was opened.
    #[error("the connection of a channel: {0}")]
    Transport(BoxError),
    /// Whoever answers in the server's place does not make a WebSocket of the connection.
    #[error(
        "no WebSocket for the channel, but status {0}: what stands in front of the gateway may not let one through"
    )]
    NotUpgraded(StatusCode),
    /// The request cannot be sent.
    #[error("the request cannot be sent: {0}")]
    Request(&'static str),
    /// What runs inside has failed.
    #[error("in the channel: {0}")]
    Http(#[from] hyper::Error),
}

impl From<session::Error> for Error {
    fn from(error: session::Error) -> Self {
        Self::Fault(Fault::Record(error))
    }
}
