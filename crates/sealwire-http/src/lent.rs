//! Content that is lent to an application, and read to its end by its owner where the application does not.

use crate::{Body, BoxError, body};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// What both ends have.
struct Shared {
    /// `None` when it has been taken back
    content: Option<Body>,
    reader: Option<Waker>,
}

type Both = Arc<Mutex<Shared>>;

/// The owner's end.
pub(crate) struct Lender(Both);

/// The application's end. It breaks off when the content is taken back.
struct Lent(Both);

/// Lends `content`.
pub(crate) fn lend(content: Body) -> (Body, Lender) {
    let both = Arc::new(Mutex::new(Shared { content: Some(content), reader: None }));
    (body::boxed(Lent(both.clone())), Lender(both))
}

fn lock(both: &Both) -> MutexGuard<'_, Shared> {
    both.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lender {
    /// Takes the content back and reads it to its end, or to what is wrong with it.
    pub(crate) async fn finish(self) {
        let (content, reader) = {
            let mut shared = lock(&self.0);
            (shared.content.take(), shared.reader.take())
        };
        if let Some(reader) = reader {
            reader.wake();
        }
        let Some(mut content) = content else { return };
        while !content.is_end_stream() {
            if content.frame().await.is_none_or(|frame| frame.is_err()) {
                return;
            }
        }
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut shared = lock(&self.0);
        let Some(content) = &mut shared.content else {
            return Poll::Ready(Some(Err("the answer came before the content was read".into())));
        };
        let polled = Pin::new(content).poll_frame(cx);
        if polled.is_pending() {
            shared.reader = Some(cx.waker().clone());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0).content.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).content.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn content(frames: &'static [&'static str]) -> (Body, Arc<Mutex<Vec<&'static str>>>) {
        let read: Arc<Mutex<Vec<_>>> = Arc::default();
        let log = read.clone();
        let frames = futures_util::stream::iter(frames).map(move |frame| {
            log.lock().unwrap().push(*frame);
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(frame.as_bytes())))
        });
        (body::boxed(http_body_util::StreamBody::new(frames)), read)
    }

    use futures_util::StreamExt as _;

    #[tokio::test]
    async fn what_is_not_read_is_read_by_the_owner() {
        let (content, read) = content(&["a", "b", "c"]);
        let (mut lent, lender) = lend(content);
        assert_eq!(lent.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
        lender.finish().await;
        assert_eq!(*read.lock().unwrap(), ["a", "b", "c"]);
        assert!(lent.frame().await.unwrap().is_err(), "it looks cut, not whole");
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_told() {
        let (lent, lender) =
            lend(body::boxed(http_body_util::StreamBody::new(futures_util::stream::pending::<
                Result<Frame<Bytes>, Infallible>,
            >())));
        let reading = tokio::spawn(lent.collect());
        // The owner waits for ever for such content; that the reader ends shows that it was told.
        tokio::select! {
            () = lender.finish() => unreachable!(),
            read = reading => assert!(read.unwrap().is_err()),
        }
    }
}
