//! The channel of a session: the upgrade outside, and what runs in it (SE-37).

use super::Live;
use crate::{
    Body, BoxError, body,
    channel::{Error, SUBPROTOCOL, Settings},
    client::{
        channel::{self, Channel, Connection},
        exchange,
    },
    problem,
    websocket::Asking,
    wire::single,
};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sealwire_session::{Error as SessionError, request::BASE_ID};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Service, ServiceExt};

impl Live {
    /// Opens a channel of this session at `place` ([`crate::channel::PATH`]). The transport speaks HTTP/1.1, and its answer
    /// gives its connection away ([`hyper::upgrade::on`]). `wrap` may stand between that connection and the channel.
    ///
    /// # Errors
    /// [`Error::Transport`], [`Error::NotUpgraded`], and those of [`channel::connect`]; of [`Error::Fault`] also those of a
    /// session that is over, or has used up its numbers.
    pub async fn open_channel<T, I>(
        self: &Arc<Self>,
        transport: T,
        place: &Uri,
        settings: &Settings,
        wrap: impl FnOnce(TokioIo<Upgraded>) -> I,
    ) -> Result<(Channel, Connection), Error>
    where
        T: Service<Request<Body>, Response = Response<Body>>,
        T::Error: Into<BoxError>,
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if !self.is_usable() {
            return Err(SessionError::Closed.into());
        }
        let (asking, request) = self.upgrade(place)?;
        let answer = transport.oneshot(request).await.map_err(|error| Error::Transport(error.into()))?;
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
        let io = wrap(TokioIo::new(io));
        // Not before: the window has no patience with a number that comes late.
        let number = self.number()?;
        let random = self.settings.random.as_ref();
        let opening = channel::connect(io, &self.id, &self.secrets, number, settings, random);
        let (channel, connection) = opening.await?;
        let in_use = self.use_by_channel();
        let connection = Box::pin(async move {
            let _in_use = in_use;
            connection.await
        });
        Ok((channel, connection))
    }

    /// The outer request: nothing shows but whose session it is.
    fn upgrade(&self, place: &Uri) -> Result<(Asking, Request<Body>), Error> {
        let (mut head, content) = Request::new(body::empty()).into_parts();
        head.uri = place.clone();
        head.headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        head.headers.insert(HeaderName::from_static(BASE_ID), self.base_id.clone());
        let asking = Asking::ask(&mut head, self.settings.random.as_ref());
        let asking = asking.map_err(|_| Error::Request("there is no randomness for its key"))?;
        Ok((asking, Request::from_parts(head, content)))
    }
}
