use super::{
    Fault, Progress,
    socket::{Goodbye, Incoming, Socket},
};
use bytes::{Buf, BytesMut};
use sealwire_session::{
    self as session,
    channel::{Channel, Received, Receiver, Sealed, Sender},
};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A channel that is open, as a stream of bytes.
///
/// Its end (a read of nothing) is the other side's authenticated close, and nothing else is: a connection that breaks
/// off, whatever it says meanwhile, is [`io::ErrorKind::UnexpectedEof`]. A shutdown closes this side's direction and
/// leaves the other. One record each way is all that it keeps, besides the buffers of the WebSocket.
pub struct ChannelStream<T> {
    socket: Socket<T>,
    /// until it is closed
    sender: Option<Sender>,
    receiver: Receiver,
    /// data of the record that was opened last, as far as nobody has read them
    received: BytesMut,
    /// where the next record is sealed
    record: BytesMut,
    /// whether data came
    heard: bool,
    progress: Arc<Progress>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> ChannelStream<T> {
    pub(super) fn new(socket: Socket<T>, channel: Channel) -> Self {
        let Channel { sender, receiver } = channel;
        Self {
            socket,
            sender: Some(sender),
            receiver,
            received: BytesMut::new(),
            record: BytesMut::new(),
            heard: false,
            progress: Arc::default(),
        }
    }

    /// What will be known of it, for whoever gives it away.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Closes this side's direction, and sees it off: the other learns that it has everything.
    ///
    /// # Errors
    /// What went wrong before, or does now.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.progress.check()?;
        if self.sender.is_some() {
            ready!(self.socket.poll_ready(cx))?;
        }
        if let Some(sender) = self.sender.take() {
            sender.close(&mut self.record)?;
            self.socket.send(self.record.split().freeze())?;
        }
        if self.receiver.is_closed() {
            self.socket.end(Goodbye::Done);
        }
        self.socket.poll_flush(cx)
    }

    /// Takes the next message. What was read before it is forgotten.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        match ready!(self.socket.poll_next(cx))? {
            Incoming::Nothing => {}
            Incoming::End { .. } => self.receiver.end()?,
            Incoming::Message(message) => {
                self.received.clear();
                self.received.extend_from_slice(&message);
                match self.receiver.open(&mut self.received)? {
                    Received::Data => self.heard = true,
                    Received::KeyUpdate => {}
                    Received::Close => self.closed(cx),
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The other side's direction is closed.
    fn closed(&mut self, cx: &mut Context<'_>) {
        if !self.heard {
            self.progress.over();
        }
        if self.sender.is_none() {
            self.socket.end(Goodbye::Done);
            // Nothing depends on it.
            let _ = self.socket.poll_flush(cx);
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Fault>> {
        loop {
            ready!(self.socket.poll_ready(cx))?;
            let Some(sender) = &mut self.sender else {
                return Poll::Ready(Err(session::Error::AfterClose.into()));
            };
            let sealed = sender.seal(parts.iter().map(|part| &**part), &mut self.record)?;
            self.socket.send(self.record.split().freeze())?;
            if let Sealed::Data(len) = sealed {
                return Poll::Ready(Ok(len));
            }
        }
    }

    /// After a fault nothing is taken and nothing is said, but that it is over.
    fn fail(&mut self, cx: &mut Context<'_>, fault: Fault) -> io::Error {
        if self.progress.fail(fault) {
            self.sender = None;
            self.received.clear();
            self.socket.end(Goodbye::Refused);
            let _ = self.socket.poll_flush(cx);
        }
        fault.into()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for ChannelStream<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.progress.asked();
        while this.received.is_empty() && buffer.remaining() > 0 {
            this.progress.check()?;
            if this.receiver.is_closed() {
                return Poll::Ready(Ok(()));
            }
            if let Err(fault) = ready!(this.poll_receive(cx)) {
                return Poll::Ready(Err(this.fail(cx, fault)));
            }
        }
        let len = buffer.remaining().min(this.received.len());
        buffer.put_slice(this.received.get(..len).unwrap_or_default());
        this.received.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ChannelStream<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.progress.check()?;
        if parts.iter().all(|part| part.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        if this.sender.is_none() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(this.poll_send(cx, parts)).map_err(|fault| this.fail(cx, fault)).into()
    }

    /// A head and what follows it are one record.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.progress.check()?;
        ready!(this.socket.poll_flush(cx)).map_err(|fault| this.fail(cx, fault)).into()
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match ready!(this.poll_close(cx)) {
            // Whoever has closed its own direction may have gone: it wanted nothing more.
            Err(_) if this.receiver.is_closed() => Poll::Ready(Ok(())),
            result => result.map_err(|fault| this.fail(cx, fault)).into(),
        }
    }
}
