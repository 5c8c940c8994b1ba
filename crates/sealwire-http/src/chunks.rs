//! What a streamed message is made of, whichever the wire: chunks that are sealed and opened in place.

use crate::opened::Fault;
use bytes::BytesMut;
use http::HeaderMap;
use sealwire_message::chunk::{Open, Opened, Opener, Seal, Sealer};
use sealwire_session::request;

/// Seals a message as chunks.
pub(crate) trait SealChunks: Send + Unpin + 'static {
    /// Bytes of the message that fit one chunk.
    fn room(&self) -> usize;
    /// Appends a chunk that is not the last; `parts` are joined.
    fn chunk(&mut self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Fault>;
    /// Appends the final chunk.
    fn finish(self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Fault>;
    /// The head of the message that follows is known.
    fn adapt(&mut self, _: &HeaderMap) {}

    /// Appends `message` as as many chunks as it needs; none when empty.
    fn chunks(&mut self, out: &mut BytesMut, message: &[u8]) -> Result<(), Fault> {
        message.chunks(self.room()).try_for_each(|part| self.chunk(out, &[part]))
    }
}

impl<S: Seal + Send + Unpin + 'static> SealChunks for Sealer<S> {
    fn room(&self) -> usize {
        self.max_chunk()
    }

    fn chunk(&mut self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Fault> {
        Ok(Sealer::chunk(self, out, parts).map_err(sealwire_oblivious::Error::from)?)
    }

    fn finish(self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Fault> {
        Ok(Sealer::finish(self, out, parts).map_err(sealwire_oblivious::Error::from)?)
    }
}

impl SealChunks for request::Sealer {
    fn room(&self) -> usize {
        request::Sealer::room(self)
    }

    fn chunk(&mut self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Fault> {
        Ok(request::Sealer::chunk(self, out, parts)?)
    }

    fn finish(self, out: &mut BytesMut, parts: &[&[u8]]) -> Result<(), Fault> {
        Ok(request::Sealer::finish(self, out, parts)?)
    }

    /// The lengths of generated tokens tell what they are, so event streams are padded to their end (SE-35).
    fn adapt(&mut self, headers: &HeaderMap) {
        let content_type = headers.get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        let name = b"text/event-stream";
        let is_stream =
            |value: &[u8]| value.get(..name.len()).is_some_and(|front| front.eq_ignore_ascii_case(name));
        if content_type.is_some_and(is_stream) {
            self.set_padding(request::Padding::To(request::PADDING_STEP));
        }
    }
}

/// Opens chunks.
pub(crate) trait OpenChunks: Send + Unpin + 'static {
    /// Takes a slice of the outer body.
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault>;
    /// The outer body has ended.
    fn end(&mut self);
    /// The next chunk, or `None` until more is pushed.
    fn next_chunk(&mut self) -> Result<Option<Opened>, Fault>;
}

impl<O: Open + Send + Unpin + 'static> OpenChunks for Opener<O> {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        Opener::push(self, slice);
        Ok(())
    }

    fn end(&mut self) {
        Opener::end(self);
    }

    fn next_chunk(&mut self) -> Result<Option<Opened>, Fault> {
        Ok(Opener::next_chunk(self).map_err(sealwire_oblivious::Error::from)?)
    }
}

impl OpenChunks for request::Opener {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        request::Opener::push(self, slice);
        Ok(())
    }

    fn end(&mut self) {
        request::Opener::end(self);
    }

    fn next_chunk(&mut self) -> Result<Option<Opened>, Fault> {
        let data = |data: Option<request::Opened>| {
            data.map(|data| match data {
                request::Opened::Data(data) => Opened::Chunk(data),
                request::Opened::Final(data) => Opened::Final(data),
            })
        };
        Ok(data(self.next_data()?))
    }
}
