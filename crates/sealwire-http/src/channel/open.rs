//! The first two messages of the WebSocket.

use super::{
    ChannelStream, Error, Settings,
    socket::{Goodbye, Incoming, Socket},
};
use bytes::Bytes;
use sealwire_crypto::random::Random;
use sealwire_session::{
    self as session, Secrets, SessionId,
    channel::{Channel, MAX_OPENING},
    message::{ChannelOpen, ChannelOpened},
};
use std::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::Role;

/// What the table of sessions says to an opening.
pub enum Verdict<T> {
    /// the channel may be used; what its opener is known by
    Open(ChannelOpened, Channel, T),
    /// the MAC has held, but a limit is reached or the session is over: the client is told so under the channel's keys
    Over(ChannelOpened, Channel),
    /// no such session, a MAC that does not hold, or a number that was used (SE-72)
    Unknown,
}

/// The client's side: opens a channel over a connection that has been upgraded to a WebSocket. The number is one of the
/// session's, as for a request.
///
/// # Errors
/// [`Error::Unknown`], [`Error::TimedOut`], [`Error::Fault`]
pub async fn connect<T>(
    io: T,
    session: &SessionId,
    secrets: &Secrets,
    number: u64,
    settings: &Settings,
    random: &dyn Random,
) -> Result<ChannelStream<T>, Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let (open, awaited) = secrets.open_channel(session, number, random)?;
    let mut socket = Socket::new(io, Role::Client).await;
    let opened = async {
        send(&mut socket, open.encode()).await?;
        let answer = receive(&mut socket).await?;
        Ok(awaited.receive(&secrets.channel, &ChannelOpened::decode(&answer)?)?)
    };
    let opened = timeout(settings.opening, opened).await.unwrap_or(Err(Error::TimedOut));
    match opened {
        Ok(channel) => Ok(ChannelStream::new(socket, channel)),
        Err(error) => Err(end(socket, Goodbye::Refused, error).await),
    }
}

/// The server's side: takes the opening of a channel from a connection that has been upgraded to a WebSocket.
///
/// `admit` looks up the session, holds the MAC against it ([`Secrets::admit_channel`]), has its window mark the number,
/// looks at the limits and answers, in this order.
///
/// # Errors
/// [`Error::Unknown`], [`Error::TimedOut`], [`Error::Fault`]; [`session::Error::Closed`] where the session is over.
pub async fn accept<T, P>(
    io: T,
    admit: impl FnOnce(&ChannelOpen) -> Verdict<P>,
    settings: &Settings,
) -> Result<(ChannelStream<T>, P), Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut socket = Socket::new(io, Role::Server).await;
    let opened = async {
        let open = ChannelOpen::decode(&receive(&mut socket).await?)?;
        let (opened, channel, peer) = match admit(&open) {
            Verdict::Open(opened, channel, peer) => (opened, channel, Some(peer)),
            Verdict::Over(opened, channel) => (opened, channel, None),
            Verdict::Unknown => return Err(Error::Unknown),
        };
        send(&mut socket, opened.encode()).await?;
        Ok((channel, peer))
    };
    match timeout(settings.opening, opened).await.unwrap_or(Err(Error::TimedOut)) {
        Ok((channel, Some(peer))) => Ok((ChannelStream::new(socket, channel), peer)),
        Ok((channel, None)) => {
            let mut stream = ChannelStream::new(socket, channel);
            // Told or not, it is over.
            let _ = timeout(settings.opening, poll_fn(|cx| stream.poll_close(cx))).await;
            Err(session::Error::Closed.into())
        }
        Err(Error::Unknown) => Err(end(socket, Goodbye::Unknown, Error::Unknown).await),
        Err(error) => Err(end(socket, Goodbye::Refused, error).await),
    }
}

async fn send<T: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<T>,
    message: Vec<u8>,
) -> Result<(), Error> {
    poll_fn(|cx| socket.poll_ready(cx)).await?;
    socket.send(message.into())?;
    Ok(poll_fn(|cx| socket.poll_flush(cx)).await?)
}

async fn receive<T: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<T>) -> Result<Bytes, Error> {
    loop {
        match poll_fn(|cx| socket.poll_next(cx)).await? {
            Incoming::Nothing => {}
            Incoming::Message(message) if message.len() > MAX_OPENING => {
                return Err(session::Error::TooLong.into());
            }
            Incoming::Message(message) => return Ok(message),
            Incoming::End { unknown: true } => return Err(Error::Unknown),
            Incoming::End { unknown: false } => return Err(session::Error::Truncated.into()),
        }
    }
}

/// Ends a WebSocket in which there is no channel. It is not waited for longer than it takes to hand it to a peer that
/// reads.
async fn end<T: AsyncRead + AsyncWrite + Unpin>(mut socket: Socket<T>, why: Goodbye, error: Error) -> Error {
    socket.end(why);
    let _ = poll_fn(|cx| std::task::Poll::Ready(socket.poll_flush(cx))).await;
    error
}
