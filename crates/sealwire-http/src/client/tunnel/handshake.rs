//! Up to the key: nothing of the connection can be used before (TU-36).

use super::{Error, Settings};
use crate::tunnel;
use futures_util::{SinkExt, StreamExt};
use sealwire_attest::verdict::Denial;
use sealwire_tunnel::{
    client::{Presented, Trusted},
    close,
    connection::{Client, Connection},
};
use std::{future::Future, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

/// How long the last word may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Reads what the server shows, has it judged, and sends the key.
pub(super) async fn agree<T, F>(
    io: T,
    judge: impl FnOnce(Presented) -> F,
    settings: &Settings,
) -> Result<(WebSocketStream<T>, Trusted, Connection<Client>), Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Result<Trusted, Denial>>,
{
    let config = tunnel::outer(&settings.limits);
    let mut outer = WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await;
    let agreed = async {
        let first = timeout(settings.limits.handshake, first(&mut outer));
        let presented = Presented::read(&first.await.map_err(|_| Error::TimedOut)??)?;
        // Endorsements may have to be fetched: that has bounds of its own.
        let trusted = judge(presented).await?;
        let (limits, now) = (&settings.limits, settings.clock.unix_millis());
        let (client_kx, connection) = trusted.agree(limits, now, settings.random.as_ref())?;
        outer.send(Message::Binary(client_kx)).await.map_err(|_| Error::Closed)?;
        Ok((trusted, connection))
    };
    match agreed.await {
        Ok((trusted, connection)) => Ok((outer, trusted, connection)),
        Err(error) => {
            let frame = CloseFrame { code: CloseCode::from(close::POLICY), reason: "".into() };
            let _ = timeout(FAREWELL, outer.close(Some(frame))).await;
            Err(error)
        }
    }
}

/// The first binary message. What comes in text is no part of the wire.
async fn first<T>(outer: &mut WebSocketStream<T>) -> Result<Bytes, Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match outer.next().await {
            Some(Ok(Message::Binary(message))) => return Ok(message),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Error::Closed),
            Some(Ok(_)) => {}
        }
    }
}
