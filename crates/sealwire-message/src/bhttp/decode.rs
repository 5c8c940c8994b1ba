//! Incremental decoding: push slices, take events.

use super::{Error, Limits, RequestHead, ResponseHead};
use bytes::Bytes;
use http::HeaderMap;

/// What a request yields, in order: one head, any content, perhaps trailers, then the end.
#[derive(Debug)]
pub enum RequestEvent {
    /// control data and header section
    Head(RequestHead),
    /// a slice of content, never empty
    Data(Bytes),
    /// a trailer section that is not empty
    Trailers(HeaderMap),
    /// the message is complete and well formed
    End,
}

/// What a response yields.
#[derive(Debug)]
pub enum ResponseEvent {
    /// an informational response
    Informational(ResponseHead),
    /// the final status and header section
    Head(ResponseHead),
    /// a slice of content, never empty
    Data(Bytes),
    /// a trailer section that is not empty
    Trailers(HeaderMap),
    /// the message is complete and well formed
    End,
}

/// Decodes a request.
pub struct RequestDecoder {}
/// Decodes a response.
pub struct ResponseDecoder {}

impl RequestDecoder {
    /// A decoder at the first byte.
    #[must_use]
    pub fn new(_limits: Limits) -> Self {
        todo!()
    }
    /// Gives it the next slice of the message. Content is later yielded from it without a copy.
    pub fn push(&mut self, _slice: Bytes) {
        todo!()
    }
    /// Says that the last slice was pushed.
    pub fn end(&mut self) {
        todo!()
    }
    /// The next event, or `None` until more is pushed (and for ever after [`RequestEvent::End`]).
    ///
    /// # Errors
    /// What the sender did wrong; the decoder is then of no further use.
    pub fn next_event(&mut self) -> Result<Option<RequestEvent>, Error> {
        todo!()
    }
}

impl ResponseDecoder {
    /// A decoder at the first byte.
    #[must_use]
    pub fn new(_limits: Limits) -> Self {
        todo!()
    }
    /// Gives it the next slice of the message. Content is later yielded from it without a copy.
    pub fn push(&mut self, _slice: Bytes) {
        todo!()
    }
    /// Says that the last slice was pushed.
    pub fn end(&mut self) {
        todo!()
    }
    /// The next event, or `None` until more is pushed (and for ever after [`ResponseEvent::End`]).
    ///
    /// # Errors
    /// What the sender did wrong; the decoder is then of no further use.
    pub fn next_event(&mut self) -> Result<Option<ResponseEvent>, Error> {
        todo!()
    }
}
