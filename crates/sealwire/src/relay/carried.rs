//! A body on its way through: counted, capped, and shown to the tap; never held, never changed (OB-83).

use super::{admit::Slot, metrics::Metrics};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use metrics::{Counter, Gauge};
use sealwire_http::{Body, BoxError};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// Longer than [`super::RelayLimits::body`] (OB-85).
#[derive(Debug, thiserror::Error)]
#[error("the body is longer than this relay forwards")]
pub(super) struct TooLong;

/// Silent for longer than [`super::RelayLimits::idle_time`] (OB-85).
#[derive(Debug, thiserror::Error)]
#[error("the body was silent for too long")]
pub(super) struct Idle;

/// What both bodies of an exchange hold: the slot is free when both are gone.
pub(super) struct Exchange {
    _slot: Slot,
    in_flight: Gauge,
}

impl Exchange {
    pub(super) fn new(slot: Slot, metrics: &Metrics) -> Arc<Self> {
        metrics.in_flight.increment(1);
        Arc::new(Self { _slot: slot, in_flight: metrics.in_flight.clone() })
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.in_flight.decrement(1);
    }
}

/// Where slices are shown.
pub(super) type Show = Box<dyn Fn(&[u8]) + Send>;

pub(super) struct Carried {
    inner: Body,
    _exchange: Arc<Exchange>,
    bytes: Counter,
    show: Option<Show>,
    /// bytes that may still come
    left: u64,
    silence: Option<Silence>,
}

/// A deadline that moves with every frame.
struct Silence {
    longest: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl Carried {
    pub(super) fn new(inner: Body, exchange: Arc<Exchange>, bytes: Counter, show: Option<Show>) -> Self {
        Self { inner, _exchange: exchange, bytes, show, left: u64::MAX, silence: None }
    }

    /// Ends with an error past `bytes`, or after a silence.
    pub(super) fn bounded(mut self, bytes: u64, longest: Duration) -> Self {
        self.left = bytes;
        self.silence = Some(Silence { longest, deadline: Box::pin(tokio::time::sleep(longest)) });
        self
    }
}

impl HttpBody for Carried {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            if let Some(silence) = &mut this.silence {
                ready!(silence.deadline.as_mut().poll(cx));
                return Poll::Ready(Some(Err(Idle.into())));
            }
            return Poll::Pending;
        };
        if let Some(silence) = &mut this.silence {
            silence.deadline.as_mut().reset(Instant::now() + silence.longest);
        }
        Poll::Ready(match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    let length = data.len() as u64;
                    let Some(left) = this.left.checked_sub(length) else {
                        return Poll::Ready(Some(Err(TooLong.into())));
                    };
                    this.left = left;
                    this.bytes.increment(length);
                    if let Some(show) = &this.show {
                        show(&data);
                    }
                    Some(Ok(Frame::data(data)))
                }
                // Trailers are fields, and fields do not pass (OB-81). They are the last of a body.
                Err(_) => None,
            },
            end_or_error => end_or_error,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
