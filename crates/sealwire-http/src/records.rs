//! Content that leaves sealed, where the head goes elsewhere or first: the records of EHBP and of hpke-http.

use crate::{
    Body, BoxError,
    opened::{Fault, FaultCell},
};
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
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

/// Asked once, right before the first byte leaves.
pub(crate) type Gate = Box<dyn FnOnce() -> Result<(), Fault> + Send>;

/// The body of a sealed message. What is at hand together leaves together; what is at hand never waits for what is not.
///
/// A content that ends with an error ends this body with an error, without the record that ends the message. Trailers
/// have no place on these wires and are dropped (RFC 9110 section 6.5.1 permits it).
pub(crate) struct SealedRecords<S> {
    content: Body,
    /// `None` behind the end
    sealer: Option<S>,
    out: BytesMut,
    gate: Option<Gate>,
    fault: FaultCell,
}

impl<S: SealRecords> SealedRecords<S> {
    /// `out` holds what goes before the content. What cannot be sealed, or may not leave, is left in the cell.
    pub(crate) fn new(sealer: S, out: BytesMut, content: Body) -> (Self, FaultCell) {
        let fault: FaultCell = Arc::new(OnceLock::new());
        let body = Self { content, sealer: Some(sealer), out, gate: None, fault: Arc::clone(&fault) };
        (body, fault)
    }

    /// Asks `gate` right before the first byte leaves.
    pub(crate) fn gated(self, gate: Gate) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// Ends the message at once where there is no content: then its length is known.
    pub(crate) fn ended_if_empty(mut self) -> Result<Self, Fault> {
        if self.content.is_end_stream()
            && let Some(mut sealer) = self.sealer.take()
        {
            sealer.end(&mut self.out)?;
        }
        Ok(self)
    }

    /// Takes what the content has at hand. `Pending` only where nothing was to be had.
    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        while self.out.len() < GATHER {
            let Some(sealer) = &mut self.sealer else { break };
            match Pin::new(&mut self.content).poll_frame(cx) {
                Poll::Pending if self.out.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(None) => {
                    sealer.end(&mut self.out).map_err(|fault| self.fault(fault))?;
                    self.sealer = None;
                }
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) if !data.is_empty() => {
                        let sealed = sealer.content(&mut self.out, &data);
                        sealed.map_err(|fault| self.fault(fault))?;
                    }
                    Ok(_) | Err(_) => {}
                },
            }
        }
        Poll::Ready(Ok(()))
    }

    fn fault(&self, fault: Fault) -> Fault {
        // The first fault stands.
        let _ = self.fault.set(fault);
        fault
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
        let opened = this.gate.take().map_or(Ok(()), |gate| gate());
        let polled = match opened {
            Ok(()) => ready!(this.poll_content(cx)),
            Err(fault) => Err(this.fault(fault).into()),
        };
        if let Err(error) = polled {
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

    fn size_hint(&self) -> SizeHint {
        match &self.sealer {
            None => SizeHint::with_exact(self.out.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;
    use http_body_util::{BodyExt, StreamBody};
    use std::future::poll_fn;

    /// Records that are the content itself, and an end.
    struct Clear;

    impl SealRecords for Clear {
        fn content(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Fault> {
            out.extend_from_slice(content);
            Ok(())
        }

        fn end(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
            out.extend_from_slice(b".");
            Ok(())
        }
    }

    fn front() -> BytesMut {
        BytesMut::from(&b"front "[..])
    }

    // HH-08: the gate is asked when the first byte is wanted, not before, and once.
    #[tokio::test]
    async fn nothing_leaves_behind_a_closed_gate() {
        let asked = Arc::new(OnceLock::new());
        let gate = |outcome| {
            let asked = asked.clone();
            Box::new(move || {
                asked.set(()).unwrap();
                outcome
            })
        };
        let (sealed, fault) = SealedRecords::new(Clear, front(), body::full("content"));
        let mut sealed = sealed.gated(gate(Err(Fault::KeyExpired)));
        assert!(asked.get().is_none());
        let polled = poll_fn(|cx| Pin::new(&mut sealed).poll_frame(cx)).await;
        assert!(polled.unwrap().is_err());
        assert!(poll_fn(|cx| Pin::new(&mut sealed).poll_frame(cx)).await.is_none());
        assert_eq!(fault.get(), Some(&Fault::KeyExpired));

        let asked = Arc::new(OnceLock::new());
        let told = asked.clone();
        let gate = Box::new(move || {
            told.set(()).unwrap();
            Ok(())
        });
        let (sealed, fault) = SealedRecords::new(Clear, front(), body::full("content"));
        let whole = sealed.gated(gate).collect().await.unwrap().to_bytes();
        assert_eq!((&whole[..], fault.get()), (&b"front content."[..], None));
        assert!(asked.get().is_some());
    }

    // Whoever gives the content up has not said that it is whole.
    #[tokio::test]
    async fn a_content_that_fails_is_not_ended() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"content"))), Err(BoxError::from("broken"))];
        let content = body::boxed(StreamBody::new(futures_util::stream::iter(frames)));
        let (mut sealed, fault) = SealedRecords::new(Clear, front(), content);
        let polled = poll_fn(|cx| Pin::new(&mut sealed).poll_frame(cx)).await;
        assert!(polled.unwrap().is_err());
        assert!(poll_fn(|cx| Pin::new(&mut sealed).poll_frame(cx)).await.is_none());
        assert_eq!(fault.get(), None);
    }

    #[tokio::test]
    async fn without_content_the_length_is_known() {
        let (sealed, _) = SealedRecords::new(Clear, front(), body::empty());
        let sealed = sealed.ended_if_empty().unwrap();
        assert_eq!(sealed.size_hint().exact(), Some(7));
        assert_eq!(sealed.collect().await.unwrap().to_bytes(), "front .");
    }
}
