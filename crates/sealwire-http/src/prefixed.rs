//! A message of the handshake with early data behind it: `u32 length || message || chunks` (SE-42).

use crate::Body;
use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;

/// A message, and what came along with it of what is behind.
pub(crate) struct Prefixed {
    pub(crate) message: Bytes,
    pub(crate) rest: Bytes,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Error {
    /// longer than such a message may be
    TooLong,
    /// it ended, or broke off, before its end
    Cut,
}

impl Error {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Cut => StatusCode::BAD_REQUEST,
        }
    }
}

/// `message` behind its length.
pub(crate) fn write(message: &[u8]) -> Bytes {
    // No message is longer than 2 MiB.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], message].concat().into()
}

/// Reads a message of at most `limit` bytes. Nothing is allocated for a length that does not come.
pub(crate) async fn read(body: &mut Body, limit: usize) -> Result<Prefixed, Error> {
    let mut read = BytesMut::new();
    loop {
        if let Some(length) = read.first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Error::TooLong)?;
            if length > limit {
                return Err(Error::TooLong);
            }
            if read.len().saturating_sub(4) >= length {
                read.advance(4);
                let message = read.split_to(length).freeze();
                return Ok(Prefixed { message, rest: read.freeze() });
            }
        }
        let frame = body.frame().await.and_then(Result::ok).ok_or(Error::Cut)?;
        if let Some(slice) = frame.data_ref() {
            read.extend_from_slice(slice);
        }
    }
}
