//! Answers in pieces of one size, for routes whose piece lengths tell too much (OB-64): those of generated tokens, say.

use crate::{Body, BoxError, server::Pace};
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep};

/// Hands content on in pieces of exactly `size` bytes. What does not fill one leaves when `every` has passed since its
/// first byte came, or with the end: pieces show how much came in that time, and no longer how it came.
pub(crate) struct Paced {
    content: Body,
    pace: Pace,
    waiting: BytesMut,
    /// runs while something is waiting
    due: Option<Pin<Box<Sleep>>>,
    /// trailers, or nothing, that end the content
    end: Option<Option<Frame<Bytes>>>,
}

impl Paced {
    pub(super) fn new(content: Body, pace: Pace) -> Self {
        Self { content, pace, waiting: BytesMut::new(), due: None, end: None }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let piece = self.waiting.split_to(self.waiting.len().min(self.pace.size.get()));
        if self.waiting.is_empty() {
            self.due = None;
        }
        Frame::data(piece.freeze())
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if this.waiting.len() >= this.pace.size.get() {
                return Poll::Ready(Some(Ok(this.piece())));
            }
            if let Some(end) = &mut this.end {
                if !this.waiting.is_empty() {
                    return Poll::Ready(Some(Ok(this.piece())));
                }
                return Poll::Ready(end.take().map(Ok));
            }
            match Pin::new(&mut this.content).poll_frame(cx) {
                Poll::Ready(None) => this.end = Some(None),
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) => this.waiting.extend_from_slice(&data),
                    Err(trailers) => this.end = Some(Some(trailers)),
                },
                Poll::Pending => {
                    if this.waiting.is_empty() {
                        return Poll::Pending;
                    }
                    let every = this.pace.every;
                    let due = this
                        .due
                        .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + every)));
                    if due.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    return Poll::Ready(Some(Ok(this.piece())));
                }
            }
        }
    }
}
