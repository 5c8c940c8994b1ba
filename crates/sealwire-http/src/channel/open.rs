//! The first two messages of a channel.

use super::{ChannelStream, Error, Settings, Talk, socket::Goodbye};
use http::StatusCode;
use sealwire_crypto::random::Random;
use sealwire_session::{
    self as session, Secrets, SessionId,
    channel::{Channel, MAX_OPENING, MAX_RECORD},
    message::{ChannelOpen, ChannelOpened},
};
use std::future::poll_fn;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

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
    Talk::client(io, MAX_RECORD, settings.opening).await.open(session, secrets, number, random).await
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
    let mut talk = Talk::server(io, MAX_RECORD, settings.opening).await;
    match talk.hear(MAX_OPENING).await {
        Ok(opening) => talk.admit(&opening, admit).await,
        Err(error) => Err(talk.refuse(error).await),
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Talk<T> {
    /// Opens a channel of a session.
    pub(crate) async fn open(
        mut self,
        session: &SessionId,
        secrets: &Secrets,
        number: u64,
        random: &dyn Random,
    ) -> Result<ChannelStream<T>, Error> {
        let (open, awaited) = secrets.open_channel(session, number, random)?;
        let opened = async {
            self.say(open.encode()).await?;
            let answer = self.hear(MAX_OPENING).await?;
            Ok(awaited.receive(&secrets.channel, &ChannelOpened::decode(&answer)?)?)
        };
        match opened.await {
            Ok(channel) => Ok(ChannelStream::new(self.into_socket(), channel)),
            Err(error) => Err(self.refuse(error).await),
        }
    }

    /// Answers the opening of a channel.
    pub(crate) async fn admit<P>(
        mut self,
        opening: &[u8],
        admit: impl FnOnce(&ChannelOpen) -> Verdict<P>,
    ) -> Result<(ChannelStream<T>, P), Error> {
        let opened = async {
            if opening.len() > MAX_OPENING {
                return Err(session::Error::TooLong.into());
            }
            let (opened, channel, peer) = match admit(&ChannelOpen::decode(opening)?) {
                Verdict::Open(opened, channel, peer) => (opened, channel, Some(peer)),
                Verdict::Over(opened, channel) => (opened, channel, None),
                Verdict::Unknown => return Err(Error::Unknown),
            };
            self.say(opened.encode()).await?;
            Ok((channel, peer))
        };
        match opened.await {
            Ok((channel, Some(peer))) => Ok((ChannelStream::new(self.into_socket(), channel), peer)),
            Ok((channel, None)) => {
                let patience = self.patience();
                let mut stream = ChannelStream::new(self.into_socket(), channel);
                // Told or not, it is over.
                let _ = timeout(patience, poll_fn(|cx| stream.poll_close(cx))).await;
                Err(session::Error::Closed.into())
            }
            Err(error @ Error::Unknown) => {
                self.end(Goodbye::Told(StatusCode::CONFLICT)).await;
                Err(error)
            }
            Err(error) => Err(self.refuse(error).await),
        }
    }
}
