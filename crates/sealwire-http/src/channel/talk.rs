use super::{
    Error,
    socket::{Goodbye, Incoming, Socket},
};
use bytes::Bytes;
use http::StatusCode;
use sealwire_session as session;
use std::{
    future::{Future, poll_fn},
    task::Poll,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::tungstenite::protocol::Role;

/// A WebSocket in which there is no channel yet. Both sides speak by turns, the client first, in whole messages: those of a
/// handshake, of a session's end, and of a channel's opening (section 9).
///
/// Nothing that is heard here is authenticated by where it comes from.
pub struct Talk<T> {
    socket: Socket<T>,
    patience: Duration,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Talk<T> {
    /// The client's side. `longest` is the most that a message may have which comes, in bytes; `patience` is how long each
    /// is waited for.
    pub(crate) async fn client(io: T, longest: usize, patience: Duration) -> Self {
        Self { socket: Socket::new(io, Role::Client, longest).await, patience }
    }

    /// The server's side.
    pub(crate) async fn server(io: T, longest: usize, patience: Duration) -> Self {
        Self { socket: Socket::new(io, Role::Server, longest).await, patience }
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn into_socket(self) -> Socket<T> {
        self.socket
    }

    /// Sends a message.
    pub(crate) async fn say(&mut self, message: Vec<u8>) -> Result<(), Error> {
        let sending = async {
            poll_fn(|cx| self.socket.poll_ready(cx)).await?;
            self.socket.send(message.into())?;
            Ok(poll_fn(|cx| self.socket.poll_flush(cx)).await?)
        };
        in_time(self.patience, sending).await
    }

    /// The other side's next message, of at most so many bytes.
    pub(crate) async fn hear(&mut self, longest: usize) -> Result<Bytes, Error> {
        let hearing = async {
            loop {
                match poll_fn(|cx| self.socket.poll_next(cx)).await? {
                    Incoming::Nothing => {}
                    Incoming::Message(message) if message.len() > longest => {
                        return Err(session::Error::TooLong.into());
                    }
                    Incoming::Message(message) => return Ok(message),
                    Incoming::End { told: Some(StatusCode::CONFLICT) } => return Err(Error::Unknown),
                    Incoming::End { told: Some(status) } => return Err(Error::Refused(status)),
                    Incoming::End { told: None } => return Err(session::Error::Truncated.into()),
                }
            }
        };
        in_time(self.patience, hearing).await
    }

    /// Ends a WebSocket in which something was wrong; gives back what.
    pub(crate) async fn refuse(self, error: Error) -> Error {
        self.end(Goodbye::Refused).await;
        error
    }

    /// Ends it with what a handshake would have been answered with.
    pub(crate) async fn tell(self, status: StatusCode) {
        self.end(Goodbye::Told(status)).await;
    }

    /// Ends it in good order.
    pub(crate) async fn finish(self) {
        self.end(Goodbye::Done).await;
    }

    /// It is not waited for longer than it takes to hand the end to a peer that reads.
    pub(super) async fn end(mut self, why: Goodbye) {
        self.socket.end(why);
        let _ = poll_fn(|cx| Poll::Ready(self.socket.poll_flush(cx))).await;
    }
}

async fn in_time<V>(patience: Duration, work: impl Future<Output = Result<V, Error>>) -> Result<V, Error> {
    timeout(patience, work).await.unwrap_or(Err(Error::TimedOut))
}
