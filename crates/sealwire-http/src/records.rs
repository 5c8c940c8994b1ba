//! Content that leaves sealed, where the head goes elsewhere or first: the records of EHBP and of hpke-http.

use crate::{Body, BoxError, opened::Fault};
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Sealed bytes that are gathered before they are handed on.
const GATHER: usize = 64 * 1024;

/// Seals content, in place in the buffer that leaves.
pub(crate) trait SealRecords: Send + Unpin + 'static {
    /// Appends `content`, which is not empty, as as many records as it needs.
    fn content(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Fault>;
    /// Appends what ends the message; nothing on a wire where the body's own end does.
    fn end(&mut self, out: &mut BytesMut) -> Result<(), Fault>;
}

/// The body of a sealed message. What is at hand together leaves together; what is at hand never waits for what is not.
///
/// A content that ends with an error ends this body with an error, without the record that ends the message. Trailers
/// have no place on these wires and are dropped (RFC 9110 section 6.5.1 permits it).
pub(crate) struct SealedRecords<S> {
    content: Body,
    /// `None` behind the end
    sealer: Option<S>,
    out: BytesMut,
}

impl<S: SealRecords> SealedRecords<S> {
    /// `out` holds what goes before the content.
    pub(crate) fn new(sealer: S, out: BytesMut, content: Body) -> Self {
        Self { content, sealer: Some(sealer), out }
    }

    /// Takes what the content has at hand. `Pending` only where nothing was to be had.
    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        while self.out.len() < GATHER {
            let Some(sealer) = &mut self.sealer else { break };
            match Pin::new(&mut self.content).poll_frame(cx) {
                Poll::Pending if self.out.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(None) => {
                    sealer.end(&mut self.out)?;
                    self.sealer = None;
                }
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) if !data.is_empty() => sealer.content(&mut self.out, &data)?,
                    Ok(_) | Err(_) => {}
                },
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: SealRecords> http_body::Body for SealedRecords<S> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Err(error) = ready!(this.poll_content(cx)) {
            // What has been sealed stays valid, but the message now never ends.
            this.sealer = None;
            this.out.clear();
            return Poll::Ready(Some(Err(error)));
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
