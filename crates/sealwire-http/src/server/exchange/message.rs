//! A streamed request that is being opened.

use crate::{
    chunks::OpenChunks,
    opened::{Fault, Message, Part},
};
use sealwire_message::{
    bhttp::{Limits, RequestDecoder, RequestEvent, RequestHead},
    chunk::Opened,
};

/// Chunks go in at one end, parts of the request come out at the other.
pub(crate) struct RequestMessage<C> {
    chunks: C,
    request: RequestDecoder,
    /// whether any chunk has authenticated
    authentic: bool,
}

impl<C: OpenChunks> RequestMessage<C> {
    pub(crate) fn new(chunks: C, limits: Limits) -> Self {
        Self { chunks, request: RequestDecoder::new(limits), authentic: false }
    }

    /// Whether any chunk has authenticated: from then on errors are answered inside (OB-41).
    pub(crate) fn is_authentic(&self) -> bool {
        self.authentic
    }

    /// The head, or `None` until more is pushed. To be asked until it comes, before anything else.
    pub(crate) fn head(&mut self) -> Result<Option<RequestHead>, Fault> {
        Ok(match self.next_event()? {
            Some(RequestEvent::Head(head)) => Some(head),
            _ => None,
        })
    }

    fn next_event(&mut self) -> Result<Option<RequestEvent>, Fault> {
        loop {
            if let Some(event) = self.request.next_event()? {
                return Ok(Some(event));
            }
            match self.chunks.next_chunk()? {
                None => return Ok(None),
                Some(Opened::Chunk(plaintext)) => {
                    self.authentic = true;
                    self.request.push(plaintext);
                }
                Some(Opened::Final(plaintext)) => {
                    self.authentic = true;
                    self.request.push(plaintext);
                    self.request.end();
                }
            }
        }
    }
}

impl<C: OpenChunks> Message for RequestMessage<C> {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        self.chunks.push(slice)
    }

    fn end(&mut self) {
        self.chunks.end();
    }

    fn next_part(&mut self) -> Result<Option<Part>, Fault> {
        Ok(match self.next_event()? {
            Some(RequestEvent::Data(data)) => Some(Part::Data(data)),
            Some(RequestEvent::Trailers(trailers)) => Some(Part::Trailers(trailers)),
            Some(RequestEvent::End) => Some(Part::End),
            // The head comes first, and once.
            Some(RequestEvent::Head(_)) | None => None,
        })
    }
}
