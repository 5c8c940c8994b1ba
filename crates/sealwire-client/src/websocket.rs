//! WebSockets for callers without a framework: `connector.websocket("/path").await`.

use crate::{Connector, Error};
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response, Version, header, request};
use hyper::{ext::Protocol, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use sealwire_http::{body, websocket::Occupied};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};
use tower::ServiceExt;

/// A WebSocket to the application, sealed on its way (SE-37).
pub type WebSocket = WebSocketStream<Tunnel>;

/// What a [`WebSocket`] runs over.
pub struct Tunnel {
    io: TokioIo<Upgraded>,
    _occupied: Option<Occupied>,
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A WebSocket in the making. Awaiting it opens it.
#[must_use = "a WebSocket is not opened until it is awaited"]
pub struct WebSocketBuilder {
    connector: Connector,
    request: request::Builder,
    config: Option<WebSocketConfig>,
}

impl Connector {
    /// A WebSocket; `path` begins with a slash and may have a query. It needs a session ([`crate::Wire::Session`]).
    pub fn websocket(&self, path: &str) -> WebSocketBuilder {
        let request = Request::connect(path)
            .version(Version::HTTP_2)
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .extension(Protocol::from_static("websocket"));
        WebSocketBuilder { connector: self.clone(), request, config: None }
    }
}

impl WebSocketBuilder {
    /// Adds a field.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        HeaderName: TryFrom<N>,
        <HeaderName as TryFrom<N>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.request = self.request.header(name, value);
        self
    }

    /// A subprotocol that this side speaks; the answer says which the application has chosen.
    pub fn protocol(self, name: &str) -> Self {
        self.header(header::SEC_WEBSOCKET_PROTOCOL, name)
    }

    /// Sizes of messages and buffers.
    pub fn config(mut self, config: WebSocketConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// Opens it; gives the application's answer too, which has no content.
    ///
    /// # Errors
    /// As the [`Connector`] service; [`Error::NeedsSession`], [`Error::NoWebSocket`], [`Error::WebSocket`].
    pub async fn open(self) -> Result<(WebSocket, Response<()>), Error> {
        let mut answer = self.connector.oneshot(self.request.body(body::empty())?).await?;
        if !answer.status().is_success() {
            return Err(Error::NoWebSocket(answer.status()));
        }
        if answer.headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
            return Err(Error::WebSocket("the application chose an extension, which nobody offered"));
        }
        let upgraded = hyper::upgrade::on(&mut answer).await;
        let io = TokioIo::new(upgraded.map_err(|error| Error::Channel(error.into()))?);
        let tunnel = Tunnel { io, _occupied: answer.extensions_mut().remove() };
        let stream = WebSocketStream::from_raw_socket(tunnel, Role::Client, self.config).await;
        Ok((stream, answer.map(drop)))
    }
}

impl IntoFuture for WebSocketBuilder {
    type Output = Result<(WebSocket, Response<()>), Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}
