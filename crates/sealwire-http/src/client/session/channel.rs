//! The channel of a session: the upgrade outside, and what runs in it (SE-37).

use super::Live;
use crate::{
    Body, BoxError, body,
    channel::{Error, SUBPROTOCOL, Settings, Talk},
    client::{
        channel::{self, Channel, Connection, Stream},
        exchange,
    },
    problem,
    websocket::Asking,
    wire::single,
};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sealwire_crypto::random::Random;
use sealwire_session::{Error as SessionError, channel::MAX_RECORD, message::MAX_FLIGHT, request::BASE_ID};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Service, ServiceExt};

/// Asks at `place` ([`crate::channel::PATH`]) for a WebSocket on which a session can be made, or closed. The transport
/// speaks HTTP/1.1, and its answer gives its connection away ([`hyper::upgrade::on`]).
///
/// # Errors
/// [`Error::Transport`], [`Error::NotUpgraded`]
pub async fn talk<T>(
    transport: T,
    place: &Uri,
    settings: &Settings,
    random: &dyn Random,
) -> Result<Talk<TokioIo<Upgraded>>, Error>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<BoxError>,
{
    let io = upgraded(transport, place, None, random).await?;
    Ok(Talk::client(io, MAX_FLIGHT, settings.opening).await)
}

impl Live {
    /// Opens a channel of this session at `place`, as [`talk`] asks there.
    ///
    /// # Errors
    /// [`Error::Transport`], [`Error::NotUpgraded`], and those of [`channel::connect`]; of [`Error::Fault`] also those of a
    /// session that is over, or has used up its numbers.
    pub async fn open_channel<T>(
        &self,
        transport: T,
        place: &Uri,
        settings: &Settings,
    ) -> Result<Stream, Error>
    where
        T: Service<Request<Body>, Response = Response<Body>>,
        T::Error: Into<BoxError>,
    {
        if !self.is_usable() {
            return Err(SessionError::Closed.into());
        }
        let io = upgraded(transport, place, Some(&self.base_id), self.settings.random.as_ref()).await?;
        self.open_channel_in(Talk::client(io, MAX_RECORD, settings.opening).await).await
    }

    /// The same in a WebSocket that is there, such as the one on which the session was made.
    ///
    /// # Errors
    /// As [`Self::open_channel`].
    pub async fn open_channel_in(&self, talk: Talk<TokioIo<Upgraded>>) -> Result<Stream, Error> {
        // Not before: the window has no patience with a number that comes late.
        let number = self.number()?;
        talk.open(&self.id, &self.secrets, number, self.settings.random.as_ref()).await
    }

    /// Has requests go through a channel. What `wrap` gives may stand between it and what runs inside.
    ///
    /// # Errors
    /// [`Error::Http`]
    pub async fn carry<I>(
        self: &Arc<Self>,
        stream: Stream,
        settings: &Settings,
        wrap: impl FnOnce(Stream) -> I,
    ) -> Result<(Channel, Connection), Error>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let progress = stream.progress();
        let (channel, connection) = channel::over(wrap(stream), progress, settings).await?;
        let in_use = self.use_by_channel();
        let connection = Box::pin(async move {
            let _in_use = in_use;
            connection.await
        });
        Ok((channel, connection))
    }
}

/// A connection that has become a WebSocket. Nothing shows but whose session it is, if there is one.
pub(super) async fn upgraded<T>(
    transport: T,
    place: &Uri,
    base_id: Option<&HeaderValue>,
    random: &dyn Random,
) -> Result<TokioIo<Upgraded>, Error>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<BoxError>,
{
    let (mut head, content) = Request::new(body::empty()).into_parts();
    head.uri = place.clone();
    head.headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Some(base_id) = base_id {
        head.headers.insert(HeaderName::from_static(BASE_ID), base_id.clone());
    }
    let asking = Asking::ask(&mut head, random);
    let asking = asking.map_err(|_| Error::Request("there is no randomness for its key"))?;
    let answer = transport.oneshot(Request::from_parts(head, content)).await;
    let answer = answer.map_err(|error| Error::Transport(error.into()))?;
    let status = answer.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let (parts, content) = answer.into_parts();
        let is_hint = status == StatusCode::CONFLICT
            && exchange::is_problem(&parts.headers, content, problem::SESSION).await;
        return Err(if is_hint { Error::Unknown } else { Error::NotUpgraded(status) });
    }
    // Whoever answers by rote has not understood what was asked (RFC 6455 section 4.1).
    let chosen = single(answer.headers(), &header::SEC_WEBSOCKET_PROTOCOL) == Some(SUBPROTOCOL);
    let extended = answer.headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
    if !asking.is_met(&answer) || !chosen || extended {
        return Err(Error::NotUpgraded(status));
    }
    let io = hyper::upgrade::on(answer).await.map_err(|error| Error::Transport(error.into()))?;
    Ok(TokioIo::new(io))
}
