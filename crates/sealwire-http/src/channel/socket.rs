//! The WebSocket outside, after its upgrade.

use super::Fault;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use sealwire_session::channel::MAX_RECORD;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// Bytes that are read at once.
const READ: usize = 32 << 10;
/// Bytes from which on what was written leaves without a flush.
const WRITE: usize = 64 << 10;
/// A record with the head of its frame, and a pong or a close behind it.
const FRAME: usize = MAX_RECORD + 14 + 256;

/// The status that says that the session, or the number, is not known here (section 9).
const UNKNOWN: u16 = 4409;

/// Why this side ends the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// both directions are closed
    Done,
    /// something was refused
    Refused,
    /// the session is not known
    Unknown,
}

/// What comes in.
pub(super) enum Incoming {
    Message(Bytes),
    /// to be asked again
    Nothing,
    /// the WebSocket is over, which says nothing about the channel
    End {
        unknown: bool,
    },
}

/// Binary messages, none longer than a record, and not more than two of them kept for sending.
pub(super) struct Socket<T> {
    frames: WebSocketStream<T>,
    ended: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    pub(super) async fn new(io: T, role: Role) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            .write_buffer_size(WRITE)
            .max_write_buffer_size(WRITE + FRAME)
            .max_frame_size(Some(MAX_RECORD))
            .max_message_size(Some(MAX_RECORD));
        Self { frames: WebSocketStream::from_raw_socket(io, role, Some(config)).await, ended: false }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, Fault>> {
        let message = ready!(Pin::new(&mut self.frames).poll_next(cx));
        Poll::Ready(match message {
            Some(Ok(Message::Binary(message))) => Ok(Incoming::Message(message)),
            Some(Ok(Message::Text(_))) => Err(Fault::Text),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Incoming::Nothing),
            Some(Ok(Message::Close(frame))) => {
                Ok(Incoming::End { unknown: frame.is_some_and(|frame| u16::from(frame.code) == UNKNOWN) })
            }
            None => Ok(Incoming::End { unknown: false }),
            Some(Err(error)) => {
                tracing::debug!(%error, "the WebSocket of a channel");
                Err(Fault::of_socket(&error))
            }
        })
    }

    /// Ready for one more message: what was accepted before has left as far as it has to.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Pin::new(&mut self.frames).poll_ready(cx).map_err(|error| Fault::of_socket(&error))
    }

    /// Sends a message, after [`Self::poll_ready`].
    pub(super) fn send(&mut self, message: Bytes) -> Result<(), Fault> {
        let sent = Pin::new(&mut self.frames).start_send(Message::Binary(message));
        sent.map_err(|error| Fault::of_socket(&error))
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Pin::new(&mut self.frames).poll_flush(cx).map_err(|error| Fault::of_socket(&error))
    }

    /// Ends the WebSocket, once; a flush carries it out. That nobody may hear it any more is no fault.
    pub(super) fn end(&mut self, why: Goodbye) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let code = match why {
            Goodbye::Done => CloseCode::Normal,
            Goodbye::Refused => CloseCode::Protocol,
            Goodbye::Unknown => CloseCode::from(UNKNOWN),
        };
        let frame = CloseFrame { code, reason: "".into() };
        let _ = Pin::new(&mut self.frames).start_send(Message::Close(Some(frame)));
    }
}
