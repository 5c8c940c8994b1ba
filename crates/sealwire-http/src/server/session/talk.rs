//! What is said in a WebSocket before a channel is opened in it: nothing, where the session is there already; a handshake,
//! where nothing but a WebSocket passes (TU-68); or the end of a session.

use super::{Settings, handshake};
use crate::channel::{self, Talk};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use metrics::counter;
use sealwire_session::{Error, Outside, message::Type};
use tokio::io::{AsyncRead, AsyncWrite};

/// A message that is to open a channel has come.
pub(super) struct Begun<T> {
    pub(super) talk: Talk<T>,
    pub(super) message: Bytes,
    /// behind a handshake
    pub(super) made: bool,
}

/// Answers the messages of a handshake until one comes that opens a channel; `None` where a session was closed instead.
///
/// Nothing is kept here but which message came last: a session that is made is half-open like any other, and the channel's
/// opening confirms its keys (SE-10, TU-61).
pub(super) async fn begin<T: AsyncRead + AsyncWrite + Unpin>(
    mut talk: Talk<T>,
    settings: &Settings,
    outside: &HeaderMap,
) -> Result<Option<Begun<T>>, channel::Error> {
    let mut last = None;
    loop {
        let message = match talk.hear(handshake::longest(settings)).await {
            Ok(message) => message,
            Err(error) => return Err(talk.refuse(error).await),
        };
        let kind = match Type::of(&message) {
            Ok(kind) if may_follow(last, kind) => kind,
            Ok(_) => return Err(refuse(talk, Error::Unexpected).await),
            Err(error) => return Err(refuse(talk, error).await),
        };
        if kind == Type::ChannelOpen {
            return Ok(Some(Begun { talk, message, made: last.is_some() }));
        }
        let said = match handshake::reply(settings, outside, &message).await {
            Ok(reply) => talk.say(reply).await,
            Err(error) => return Err(refuse(talk, error).await),
        };
        if let Err(error) = said {
            return Err(talk.refuse(error).await);
        }
        if kind == Type::Close {
            talk.finish().await;
            return Ok(None);
        }
        last = Some(kind);
    }
}

/// Each message comes once, in the order of the handshake, so there are at most four.
fn may_follow(last: Option<Type>, next: Type) -> bool {
    match last {
        None => matches!(next, Type::ClientHello | Type::ChannelOpen | Type::Close),
        Some(Type::ClientHello) => {
            matches!(next, Type::HelloAgain | Type::ClientFinish | Type::ChannelOpen)
        }
        Some(Type::HelloAgain) => matches!(next, Type::ClientFinish | Type::ChannelOpen),
        Some(_) => next == Type::ChannelOpen,
    }
}

/// Ends the WebSocket with as much as the answer to a POST would have told.
async fn refuse<T: AsyncRead + AsyncWrite + Unpin>(talk: Talk<T>, error: Error) -> channel::Error {
    counter!("sealwire_refusals_total", "reason" => "handshake").increment(1);
    let status = match error.outside() {
        Outside::Overload => StatusCode::SERVICE_UNAVAILABLE,
        Outside::Session => StatusCode::CONFLICT,
        Outside::Malformed if error == Error::Authority => StatusCode::MISDIRECTED_REQUEST,
        Outside::Malformed => return talk.refuse(error.into()).await,
    };
    talk.tell(status).await;
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    // TU-60: the client speaks first, and each message once; what a server says is taken from nobody.
    #[test]
    fn messages_come_in_order() {
        use Type::{
            ChannelOpen, ChannelOpened, ClientFinish, ClientHello, Close, Closed, FinishAnswer, HelloAgain,
            Retry, ServerFlight, ServerHello,
        };
        let all = [
            ClientHello,
            Retry,
            HelloAgain,
            ServerFlight,
            ServerHello,
            ClientFinish,
            FinishAnswer,
            ChannelOpen,
            ChannelOpened,
            Close,
            Closed,
        ];
        let after = |last| all.into_iter().filter(|next| may_follow(last, *next)).collect::<Vec<_>>();
        assert_eq!(after(None), [ClientHello, ChannelOpen, Close]);
        assert_eq!(after(Some(ClientHello)), [HelloAgain, ClientFinish, ChannelOpen]);
        assert_eq!(after(Some(HelloAgain)), [ClientFinish, ChannelOpen]);
        assert_eq!(after(Some(ClientFinish)), [ChannelOpen]);
    }
}
