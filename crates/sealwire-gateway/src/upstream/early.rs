//! Answers that come before the request has ended.
//!
//! An application that refuses a request answers and closes, and does not wait for content that it does not want. The
//! next write then fails, and hyper gives up at once, although the answer has arrived or is about to. So a failed write
//! is not told: what is written after it is thrown away, and reading shows whether there is an answer.

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use std::{
    future::Future,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::net::TcpStream;
use tower::Service;

/// Makes connections that are read to their end.
#[derive(Clone)]
pub(super) struct EarlyAnswers<C>(pub(super) C);

impl<C> Service<Uri> for EarlyAnswers<C>
where
    C: Service<Uri, Response = TokioIo<TcpStream>>,
    C::Future: Send + 'static,
{
    type Response = ReadToTheEnd<C::Response>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move { Ok(ReadToTheEnd { stream: connecting.await?, deaf: false }) })
    }
}

/// A connection whose writes do not fail because the other side has closed.
pub(super) struct ReadToTheEnd<S> {
    stream: S,
    /// the other side takes nothing any more
    deaf: bool,
}

impl<S: Unpin> ReadToTheEnd<S> {
    fn write(
        &mut self,
        len: usize,
        write: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Ready(Ok(len));
        }
        let written = ready!(write(Pin::new(&mut self.stream)));
        Poll::Ready(written.or_else(|error| match error.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                self.deaf = true;
                Ok(len)
            }
            _ => Err(error),
        }))
    }
}

impl<S: Read + Unpin> Read for ReadToTheEnd<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: Write + Unpin> Write for ReadToTheEnd<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.write(data.len(), |stream| stream.poll_write(cx, data))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = data.iter().fold(0_usize, |len, slice| len.saturating_add(slice.len()));
        self.write(len, |stream| stream.poll_write_vectored(cx, data))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deaf { Poll::Ready(Ok(())) } else { Pin::new(&mut self.stream).poll_flush(cx) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: Connection> Connection for ReadToTheEnd<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
