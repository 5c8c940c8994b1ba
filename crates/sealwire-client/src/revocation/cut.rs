//! What was accepted and is revoked ends where it is: requests on their way, and answers that stream.

use crate::Error;
use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use sealwire_attest::verdict::Denial;
use sealwire_http::{Body, BoxError, body};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Whether a pinned document is revoked.
#[derive(Default)]
pub(crate) struct Cut {
    token: CancellationToken,
    denial: OnceLock<Denial>,
}

impl Cut {
    /// Ends everything that runs under it. The first denial stays.
    pub(crate) fn cut(&self, denial: Denial) {
        // Set before anybody is woken to read it.
        let _ = self.denial.set(denial);
        self.token.cancel();
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.token.is_cancelled()
    }

    /// What `work` gives, unless it is cut off first.
    pub(crate) async fn unless_cut<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.token.cancelled() => Err(self.error()),
            done = work => Ok(done),
        }
    }

    fn error(&self) -> Error {
        Error::CutOff(self.denial.get().cloned().unwrap_or(Denial { reasons: Vec::new() }))
    }
}

/// An answer whose content ends with an error once `pin` is cut; what is on its way keeps `pin` in sight of new lists.
pub(crate) fn guarded<P: AsRef<Cut> + Send + Sync + 'static>(
    response: Response<Body>,
    pin: &Arc<P>,
) -> Response<Body> {
    let cut = Box::pin(pin.as_ref().as_ref().token.clone().cancelled_owned());
    response.map(|content| body::boxed(Guarded { content: Some(content), cut, pin: pin.clone() }))
}

/// A connection that breaks once `pin` is cut, with everything that runs over it; until it ends it keeps `pin` in sight of
/// new lists, and its session in use.
pub(crate) struct Severed<T, P> {
    io: T,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    pin: Arc<P>,
}

impl<T, P: AsRef<Cut>> Severed<T, P> {
    pub(crate) fn new(io: T, pin: Arc<P>) -> Self {
        let cut = Box::pin(pin.as_ref().as_ref().token.clone().cancelled_owned());
        Self { io, cut, pin }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => {
                let error = self.pin.as_ref().as_ref().error();
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, error))
            }
        }
    }
}

impl<T: AsyncRead + Unpin, P: AsRef<Cut>> AsyncRead for Severed<T, P> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin, P: AsRef<Cut>> AsyncWrite for Severed<T, P> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

struct Guarded<P> {
    /// dropped when it is cut: that ends the exchange below
    content: Option<Body>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    pin: Arc<P>,
}

impl<P: AsRef<Cut> + Send + Sync + 'static> http_body::Body for Guarded<P> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(content) = &mut self.content else { return Poll::Ready(None) };
        // An answer that is whole already is no longer on its way.
        if content.is_end_stream() {
            return Poll::Ready(None);
        }
        if self.cut.as_mut().poll(context).is_ready() {
            self.content = None;
            let error = self.pin.as_ref().as_ref().error();
            return Poll::Ready(Some(Err(error.into())));
        }
        let Some(content) = &mut self.content else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(content).poll_frame(context));
        if frame.is_none() {
            self.content = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.content.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.content.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt};
    use http_body_util::{BodyExt, BodyStream, StreamBody};
    use sealwire_attest::verdict::Reason;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    struct Pinned(Cut);

    impl AsRef<Cut> for Pinned {
        fn as_ref(&self) -> &Cut {
            &self.0
        }
    }

    fn denial() -> Denial {
        let reason = Reason {
            code: "revoked-document",
            rule: String::new(),
            expected: String::new(),
            found: String::new(),
        };
        Denial { reasons: vec![reason] }
    }

    // AT-25
    #[tokio::test]
    async fn content_ends_where_it_is_cut() {
        let pin = Arc::new(Pinned(Cut::default()));
        let (send, receive) = tokio::sync::mpsc::channel(4);
        let stream = futures_util::stream::unfold(receive, |mut receive| async {
            receive.recv().await.map(|bytes: Bytes| (Ok::<_, BoxError>(Frame::data(bytes)), receive))
        });
        let response = guarded(Response::new(body::boxed(StreamBody::new(stream))), &pin);
        let mut content = BodyStream::new(response.into_body());
        send.send(Bytes::from_static(b"first")).await.unwrap();
        assert_eq!(content.next().await.unwrap().unwrap().into_data().unwrap(), "first");
        // What has arrived is not handed out any more.
        send.send(Bytes::from_static(b"second")).await.unwrap();
        pin.0.cut(denial());
        let error = content.next().await.unwrap().unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(Error::CutOff(found)) if *found == denial()), "{error}");
        assert!(content.next().await.is_none());
        // The exchange below is gone.
        assert!(send.is_closed());
    }

    // AT-25, SE-37: with the connection breaks everything that runs over it.
    #[tokio::test]
    async fn a_connection_breaks_where_it_is_cut() {
        let pin = Arc::new(Pinned(Cut::default()));
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Severed::new(near, pin.clone());
        far.write_all(b"first").await.unwrap();
        let mut first = [0; 5];
        near.read_exact(&mut first).await.unwrap();
        near.write_all(b"back").await.unwrap();
        let reading = tokio::spawn(async move {
            let error = near.read_u8().await.unwrap_err();
            (error, near.write_all(b"more").await.unwrap_err())
        });
        tokio::task::yield_now().await;
        pin.0.cut(denial());
        let (read, write) = reading.await.unwrap();
        for error in [read, write] {
            let cut = error.get_ref().and_then(|error| error.downcast_ref());
            assert!(matches!(cut, Some(Error::CutOff(found)) if *found == denial()), "{error}");
        }
        assert_eq!(Arc::strong_count(&pin), 1);
    }

    // AT-25
    #[tokio::test]
    async fn whole_content_is_not_cut() {
        let pin = Arc::new(Pinned(Cut::default()));
        let response = guarded(Response::new(body::full("whole")), &pin);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "whole");
        assert_eq!(Arc::strong_count(&pin), 1);
        let work = pin.0.unless_cut(std::future::pending::<()>());
        futures_util::pin_mut!(work);
        assert!(work.as_mut().now_or_never().is_none());
        pin.0.cut(denial());
        assert!(matches!(work.await, Err(Error::CutOff(_))));
        assert!(pin.0.is_cut());
    }
}
