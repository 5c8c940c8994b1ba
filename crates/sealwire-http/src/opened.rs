//! A sealed message that arrives, as a body of what it holds.

use crate::{Body, BoxError};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use sealwire_message::{bhttp, chunk};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// Why a message that has begun does not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The chunks are cut, altered or too many (OB-108 to OB-114).
    #[error(transparent)]
    Oblivious(#[from] sealwire_oblivious::Error),
    /// The chunks of a session's message are cut, altered or too many (SE-32).
    #[error(transparent)]
    Session(#[from] sealwire_session::Error),
    /// The frames of EHBP are cut, altered, too long or too many (EH-43).
    #[error(transparent)]
    Ehbp(#[from] sealwire_ehbp::Error),
    /// The records of hpke-http are cut, altered, too long or too many, or what is in them is malformed (HH-73).
    #[error(transparent)]
    HpkeHttp(#[from] sealwire_hpke_http::Error),
    /// The chunks or events of hpke-http 1.x are cut, altered, too long or too many (HH-97, HH-104).
    #[error(transparent)]
    HpkeHttp1(#[from] sealwire_hpke_http::legacy::Error),
    /// The time of the key that a message is sealed to has ended before it left (HH-08).
    #[error("the key's time has ended")]
    KeyExpired,
    /// The content ends before it is whole, as its own form tells (EH-22, HH-97).
    #[error("the content ends too early")]
    Incomplete,
    /// The Binary HTTP inside is malformed (OB-120 to OB-129).
    #[error(transparent)]
    Message(#[from] bhttp::Error),
    /// The outer body broke off.
    #[error("the connection ended inside a message")]
    Transport,
    /// Nothing came for the idle time.
    #[error("nothing came for too long")]
    Idle,
    /// More than a route that gathers whole requests takes (OB-25).
    #[error("more than the route gathers")]
    TooLong,
}

impl Fault {
    /// Whether the message was too long, rather than wrong (OB-114).
    pub(crate) fn is_too_long(self) -> bool {
        let chunk = match self {
            Self::TooLong | Self::Ehbp(sealwire_ehbp::Error::MessageTooLong) => return true,
            Self::Oblivious(sealwire_oblivious::Error::Chunk(chunk))
            | Self::Session(sealwire_session::Error::Chunk(chunk)) => chunk,
            _ => return false,
        };
        matches!(chunk, chunk::Error::TooManyChunks | chunk::Error::MessageTooLong)
    }
}

/// What follows the head of a message.
#[derive(Debug)]
pub(crate) enum Part {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
}

/// A message that is being opened: slices of the outer body go in, what has authenticated comes out.
pub(crate) trait Message: Send + Unpin + 'static {
    /// Takes a slice of the outer body.
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault>;
    /// The outer body has ended.
    fn end(&mut self);
    /// The next part, or `None` until more is pushed.
    fn next_part(&mut self) -> Result<Option<Part>, Fault>;
}

/// Where a fault is left for whoever answers the request.
pub(crate) type FaultCell = Arc<OnceLock<Fault>>;

/// The content of a message, as it authenticates. Ends only when the message's own end has authenticated (OB-25).
pub(crate) struct OpenedBody<M> {
    outer: Body,
    message: M,
    /// read ahead of need
    next: Option<Part>,
    /// held until the end has authenticated
    trailers: Option<HeaderMap>,
    /// the end has authenticated, and is still to be told
    at_end: bool,
    /// what the content-length field leaves to come
    remaining: Option<u64>,
    idle_time: Duration,
    idle: Option<Pin<Box<Sleep>>>,
    fault: FaultCell,
    ended: bool,
}

impl<M: Message> OpenedBody<M> {
    pub(crate) fn new(
        outer: Body,
        message: M,
        content_length: Option<u64>,
        idle_time: Duration,
    ) -> (Self, FaultCell) {
        let fault = FaultCell::default();
        let body = Self {
            outer,
            message,
            next: None,
            trailers: None,
            at_end: false,
            remaining: content_length,
            idle_time,
            idle: None,
            fault: Arc::clone(&fault),
            ended: false,
        };
        (body, fault)
    }

    /// Whether the message has ended without content, as far as what has arrived tells.
    ///
    /// A message without content should become a request without framing: servers refuse a GET with an empty
    /// chunked body.
    pub(crate) fn is_empty(&mut self) -> Result<bool, Fault> {
        if self.next.is_none() {
            self.next = self.arrived()?;
        }
        Ok(matches!(self.next, Some(Part::End)))
    }

    /// What opens it.
    pub(crate) fn message(&self) -> &M {
        &self.message
    }

    /// Reads on until it is known whether the message has content.
    pub(crate) async fn know_whether_empty(&mut self) -> Result<bool, Fault> {
        if self.next.is_none() {
            self.next = Some(std::future::poll_fn(|cx| self.poll_part(cx)).await?);
        }
        Ok(matches!(self.next, Some(Part::End)))
    }

    /// Reads on to the end of a message whose length was announced as 0. HTTP/1.1 takes such a message for complete with
    /// its head, so the head must not leave before the end has authenticated (OB-25).
    pub(crate) async fn end_without_content(&mut self) -> Result<(), Fault> {
        loop {
            match std::future::poll_fn(|cx| self.poll_part(cx)).await? {
                Part::End => return Ok(()),
                // A message with a length has no trailers in HTTP/1.1.
                Part::Trailers(_) => {}
                Part::Data(_) => return Err(Fault::Message(bhttp::Error::ContentLength)),
            }
        }
    }

    /// The next part of what has arrived.
    ///
    /// HTTP ends a message with its trailers, so they go on only together with the authenticated end (OB-25).
    fn arrived(&mut self) -> Result<Option<Part>, Fault> {
        if self.at_end {
            return Ok(Some(Part::End));
        }
        loop {
            return Ok(match self.message.next_part()? {
                Some(Part::Trailers(trailers)) => {
                    self.trailers = Some(trailers);
                    continue;
                }
                Some(Part::End) => Some(match self.trailers.take() {
                    None => Part::End,
                    Some(trailers) => {
                        self.at_end = true;
                        Part::Trailers(trailers)
                    }
                }),
                other => other,
            });
        }
    }

    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, Fault>> {
        if let Some(part) = self.next.take() {
            return Poll::Ready(Ok(part));
        }
        loop {
            if let Some(part) = self.arrived()? {
                return Poll::Ready(Ok(part));
            }
            match Pin::new(&mut self.outer).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(slice) = frame.data_ref() {
                        self.message.push(slice)?;
                    }
                    self.idle = None;
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Fault::Transport)),
                Poll::Ready(None) => self.message.end(),
                Poll::Pending => {
                    let idle_time = self.idle_time;
                    let idle = self.idle.get_or_insert_with(|| {
                        Box::pin(tokio::time::sleep_until(Instant::now() + idle_time))
                    });
                    return idle.as_mut().poll(cx).map(|()| Err(Fault::Idle));
                }
            }
        }
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Fault>> {
        let part = match self.poll_part(cx) {
            Poll::Ready(part) => part?,
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Ok(match part {
            Part::End if self.remaining.is_some_and(|left| left > 0) => {
                return Poll::Ready(Err(Fault::Message(bhttp::Error::ContentLength)));
            }
            Part::End => None,
            Part::Trailers(trailers) => Some(Frame::trailers(trailers)),
            Part::Data(data) => {
                if let Some(remaining) = self.remaining {
                    let left = remaining
                        .checked_sub(data.len() as u64)
                        .ok_or(Fault::Message(bhttp::Error::ContentLength))?;
                    if left == 0 {
                        // HTTP/1.1 takes a message for complete with the last byte that its length announced. That
                        // byte must not leave before the end of the sealed message has authenticated (OB-25).
                        let next = match self.poll_part(cx) {
                            Poll::Ready(next) => next?,
                            Poll::Pending => {
                                self.next = Some(Part::Data(data));
                                return Poll::Pending;
                            }
                        };
                        match next {
                            Part::End => self.next = Some(Part::End),
                            // A message with a length has no trailers in HTTP/1.1; the end comes next.
                            Part::Trailers(_) => {}
                            Part::Data(_) => {
                                return Poll::Ready(Err(Fault::Message(bhttp::Error::ContentLength)));
                            }
                        }
                    }
                    self.remaining = Some(left);
                }
                Some(Frame::data(data))
            }
        }))
    }
}

impl<M: Message> http_body::Body for OpenedBody<M> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        match this.poll_content(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(Some(frame))) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Ok(None)) => {
                this.ended = true;
                Poll::Ready(None)
            }
            Poll::Ready(Err(fault)) => {
                this.ended = true;
                // The first fault stands.
                let _ = this.fault.set(fault);
                Poll::Ready(Some(Err(fault.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || matches!(self.next, Some(Part::End))
    }

    fn size_hint(&self) -> SizeHint {
        match (self.remaining, &self.next) {
            (Some(remaining), _) => SizeHint::with_exact(remaining),
            (None, Some(Part::End)) => SizeHint::with_exact(0),
            (None, _) => SizeHint::default(),
        }
    }
}
