//! The WebSocket outside, after its upgrade.

use super::Fault;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use http::StatusCode;
use sealwire_session::{channel::MAX_RECORD, message::MAX_FLIGHT};
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
/// The longest message with the head of its frame, and a pong or a close behind it. No more than one waits to leave.
const FRAME: usize = MAX_FLIGHT + 14 + 256;

/// What is added to a status of HTTP to tell it with the end of a WebSocket (section 9).
const TOLD: u16 = 4000;

/// Why this side ends the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// both directions are closed
    Done,
    /// something was refused
    Refused,
    /// what a handshake or a request would have been answered with: 409 where the session is not known
    Told(StatusCode),
}

/// What comes in.
pub(super) enum Incoming {
    Message(Bytes),
    /// to be asked again
    Nothing,
    /// the WebSocket is over, which says nothing about the channel; the status of HTTP that it ended with, if any
    End {
        told: Option<StatusCode>,
    },
}

/// Binary messages of bounded length, and not more than two of them kept for sending.
pub(super) struct Socket<T> {
    frames: WebSocketStream<T>,
    ended: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    /// `longest` is that of a message that comes, at least a record's.
    pub(super) async fn new(io: T, role: Role, longest: usize) -> Self {
        let longest = longest.max(MAX_RECORD);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            .write_buffer_size(WRITE)
            .max_write_buffer_size(WRITE + FRAME)
            .max_frame_size(Some(longest))
            .max_message_size(Some(longest));
        Self { frames: WebSocketStream::from_raw_socket(io, role, Some(config)).await, ended: false }
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, Fault>> {
        let message = ready!(Pin::new(&mut self.frames).poll_next(cx));
        Poll::Ready(match message {
            Some(Ok(Message::Binary(message))) => Ok(Incoming::Message(message)),
            Some(Ok(Message::Text(_))) => Err(Fault::Text),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Incoming::Nothing),
            Some(Ok(Message::Close(frame))) => {
                Ok(Incoming::End { told: frame.and_then(|frame| told(&frame)) })
            }
            None => Ok(Incoming::End { told: None }),
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
            Goodbye::Told(status) => CloseCode::from(TOLD.saturating_add(status.as_u16())),
        };
        let frame = CloseFrame { code, reason: "".into() };
        let _ = Pin::new(&mut self.frames).start_send(Message::Close(Some(frame)));
    }
}

/// A status that only an error has: it says less than a message would, and is believed less.
fn told(frame: &CloseFrame) -> Option<StatusCode> {
    let status = StatusCode::from_u16(u16::from(frame.code).checked_sub(TOLD)?).ok()?;
    (status.is_client_error() || status.is_server_error()).then_some(status)
}
