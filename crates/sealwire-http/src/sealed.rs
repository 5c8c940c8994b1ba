//! A plain message that leaves, as the body of a sealed one.

use crate::{Body, BoxError, body, chunks::SealChunks, opened::Fault};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as _, Frame};
use sealwire_message::bhttp::encode;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// Room that a content prefix takes of a chunk, at most.
const PREFIX_ROOM: usize = 8;
/// Sealed bytes that are gathered before they are handed on.
const GATHER: usize = 64 * 1024;
/// The end of content and an empty trailer section, in indeterminate-length framing.
const PLAIN_END: [u8; 2] = [0, 0];

/// The body of a sealed message: chunks, each sealed in place in the buffer that leaves.
///
/// What is at hand together is sealed together, so a small message is one chunk; what is at hand never waits for what
/// is not (OB-27). A content that ends with an error ends this body with an error, without a final chunk.
pub(crate) struct SealedBody<S> {
    content: Body,
    /// `None` after the final chunk
    sealer: Option<S>,
    /// encoded head that has not been sealed yet
    head: BytesMut,
    /// content prefix of the chunk that is being made
    prefix: BytesMut,
    /// sealed bytes
    out: BytesMut,
    /// content that the final chunk looks like it had, bytes
    padded: usize,
}

impl<S: SealChunks> SealedBody<S> {
    /// `out` holds what goes before the first chunk, `head` the encoded head.
    pub(crate) fn new(sealer: S, out: BytesMut, head: BytesMut, content: Body) -> Self {
        Self {
            content,
            sealer: Some(sealer),
            head,
            prefix: BytesMut::with_capacity(PREFIX_ROOM),
            out,
            padded: 0,
        }
    }

    /// Pads the final chunk to the length of one with `len` bytes of content (OB-64).
    pub(crate) fn padded(self, len: usize) -> Self {
        Self { padded: len, ..self }
    }

    /// As a body. Without content it is sealed at once: then its length is known.
    pub(crate) fn whole(mut self) -> Result<Body, Fault> {
        if !self.content.is_end_stream() {
            return Ok(body::boxed(self));
        }
        self.finish(None)?;
        Ok(body::full(self.out.freeze()))
    }

    /// Seals the head alone, so that it does not wait for content.
    fn seal_head(&mut self) -> Result<(), Fault> {
        let Some(sealer) = &mut self.sealer else { return Ok(()) };
        sealer.chunks(&mut self.out, &self.head)?;
        self.head.clear();
        Ok(())
    }

    /// Seals a slice of content with what is pending, and with the end of the message if `last`.
    fn seal_content(&mut self, mut data: Bytes, last: bool) -> Result<(), Fault> {
        let Some(max) = self.sealer.as_ref().map(SealChunks::room) else { return Ok(()) };
        let room = max.saturating_sub(PREFIX_ROOM + PLAIN_END.len()).max(1);
        if self.head.len() >= room {
            self.seal_head()?;
        }
        while !data.is_empty() {
            let slice = data.split_to(data.len().min(room.saturating_sub(self.head.len()).max(1)));
            self.prefix.clear();
            encode::content_prefix(&mut self.prefix, slice.len());
            let parts: [&[u8]; 4] = [&self.head, &self.prefix, &slice, &PLAIN_END];
            if last && data.is_empty() {
                return match self.sealer.take() {
                    Some(sealer) => sealer.finish(&mut self.out, &parts),
                    None => Ok(()),
                };
            }
            if let (Some(sealer), [parts @ .., _]) = (&mut self.sealer, &parts) {
                sealer.chunk(&mut self.out, parts)?;
            }
            self.head.clear();
        }
        Ok(())
    }

    /// Ends the message.
    fn finish(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Fault> {
        encode::end(&mut self.head, trailers);
        if self.padded > 0 {
            self.prefix.clear();
            encode::content_prefix(&mut self.prefix, self.padded);
            let len = self.head.len().max(self.prefix.len().saturating_add(self.padded));
            self.head.resize(len, 0);
        }
        let Some(mut sealer) = self.sealer.take() else { return Ok(()) };
        if self.head.len() > sealer.room() {
            sealer.chunks(&mut self.out, &self.head)?;
            self.head.clear();
        }
        sealer.finish(&mut self.out, &[&self.head])
    }

    /// Takes what the content has at hand. `Ready(Err)` when it broke off.
    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        while self.sealer.is_some() && self.out.len() < GATHER {
            match Pin::new(&mut self.content).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => self.finish(None)?,
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) => {
                        let last = self.padded == 0 && self.content.is_end_stream();
                        self.seal_content(data, last)?;
                    }
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            self.finish(Some(&trailers))?;
                        }
                    }
                },
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: SealChunks> http_body::Body for SealedBody<S> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(Err(error)) = this.poll_content(cx) {
            // What has been sealed stays valid, but the message now never ends.
            this.sealer = None;
            this.out.clear();
            return Poll::Ready(Some(Err(error)));
        }
        if this.sealer.is_some() && this.out.len() < GATHER {
            // The content is not at hand: what is pending leaves.
            if let Err(error) = this.seal_head() {
                this.sealer = None;
                return Poll::Ready(Some(Err(error.into())));
            }
            if this.out.is_empty() {
                return Poll::Pending;
            }
        }
        if this.out.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(this.out.split().freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.sealer.is_none() && self.out.is_empty()
    }
}
