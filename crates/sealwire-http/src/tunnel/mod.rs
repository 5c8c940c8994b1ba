//! What both sides of version 0 of the RA tunnel share: the WebSocket around it, and WebSockets in it.

pub(crate) mod inner;
pub(crate) mod outbox;

use crate::wire::Wire;
pub use sealwire_tunnel::PATH;
use sealwire_tunnel::{Limits, message::Content};
use tokio_tungstenite::tungstenite::{
    Bytes, Message, Utf8Bytes,
    protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
};

/// What goes around the content of a frame or a body, at most: ids, names of fields, and the envelope.
pub(crate) const AROUND: usize = 1 << 10;

/// The bounds of the control WebSocket (TU-22).
pub(crate) fn outer(limits: &Limits) -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(limits.message())).max_frame_size(Some(limits.message()))
}

/// The bounds of a WebSocket whose frames travel in it.
pub(crate) fn within(limits: &Limits) -> WebSocketConfig {
    let most = limits.message().saturating_sub(AROUND);
    WebSocketConfig::default().max_message_size(Some(most)).max_frame_size(Some(most))
}

/// A frame with this content, of the type that it came with (TU-29).
pub(crate) fn message(data: Content) -> Option<Message> {
    Some(match data {
        Content::Text(text) => Message::Text(Utf8Bytes::try_from(text.into_bytes()).ok()?),
        Content::Bytes(bytes) => Message::Binary(bytes),
    })
}

/// The content of a frame, of the type that it came with; none where it is no data.
pub(crate) fn content(message: Message) -> Option<Content> {
    match message {
        Message::Text(text) => Some(Content::Text(Bytes::from(text).try_into().ok()?)),
        Message::Binary(bytes) => Some(Content::Bytes(bytes)),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}

/// The longest reason of a close, in bytes (RFC 6455 section 5.5).
const REASON: usize = 123;

/// A close with a status that may be sent; without one where it may not (RFC 6455 section 7.4).
pub(crate) fn close_frame(code: Option<u16>, reason: &str) -> Option<CloseFrame> {
    let code = code.map(CloseCode::from).filter(|code| code.is_allowed())?;
    let reason = reason.get(..reason.floor_char_boundary(REASON)).unwrap_or_default();
    Some(CloseFrame { code, reason: reason.into() })
}

/// The wire of this module.
pub(crate) const WIRE: Wire = Wire::TunnelV0;

#[cfg(test)]
mod tests {
    use super::*;

    // TU-29, TU-52: the type is that of the frame, whatever its bytes look like.
    #[test]
    fn types_of_frames_are_kept() {
        for message_in in [
            Message::Text("ab".into()),
            Message::Text("".into()),
            Message::Binary(Bytes::from_static(b"ab")),
            Message::Binary(Bytes::from_static(b"\xa0\xff")),
            Message::Binary(Bytes::new()),
        ] {
            assert_eq!(message(content(message_in.clone()).unwrap()), Some(message_in));
        }
        assert!(content(Message::Ping(Bytes::new())).is_none());
    }

    #[test]
    fn only_statuses_that_may_be_sent_are_sent() {
        for (code, sent) in [(None, None), (Some(1000), Some(1000)), (Some(4999), Some(4999))] {
            assert_eq!(close_frame(code, "x").map(|frame| u16::from(frame.code)), sent);
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 5000] {
            assert_eq!(close_frame(Some(code), "x"), None, "{code}");
        }
        let long = close_frame(Some(1000), &"é".repeat(100)).unwrap();
        assert_eq!(long.reason.len(), 122);
    }
}
