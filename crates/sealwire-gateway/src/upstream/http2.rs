//! Upstreams that are spoken to over HTTP/2 alone, as gRPC wants it: with prior knowledge, or agreed on under TLS (RFC
//! 9113 section 3). Here a request's own authority is its `:authority`.

use super::{Connector, RequestBody};
use futures_util::FutureExt as _;
use http::{Request, Response, Uri};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::{
    client::legacy::connect::Connection as _,
    rt::{TokioExecutor, TokioTimer},
};
use sealwire_http::BoxError;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tower::ServiceExt as _;

/// Exchanges of one connection, from which on another one is made: what servers usually take at once.
const STREAMS: usize = 100;
/// Content that is held of one answer, and of all of a connection, for a slow reader, in bytes.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// What is held of one request until the upstream takes it, in bytes.
const SEND_BUFFER: usize = 256 << 10;
/// Longest head of an answer, bytes.
const HEAD: u32 = 64 << 10;

/// Connections, by upstream.
pub(super) struct Http2 {
    connector: Connector,
    upstreams: Mutex<HashMap<Uri, Arc<Connections>>>,
}

/// Connections to one upstream.
#[derive(Default)]
struct Connections {
    /// held by whoever makes one
    opening: tokio::sync::Mutex<()>,
    open: Mutex<Vec<Connection>>,
}

struct Connection {
    requests: SendRequest<RequestBody>,
    /// one for each exchange, and one more
    exchanges: Arc<()>,
}

/// Counts an exchange of a connection until it is dropped.
pub(super) struct Exchange(#[allow(dead_code, reason = "held, never read")] Arc<()>);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no connection")]
    Connect(#[source] BoxError),
    #[error("the upstream does not speak HTTP/2")]
    OtherProtocol,
    #[error("the exchange broke off")]
    Exchange(#[source] hyper::Error),
}

impl Http2 {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, upstreams: Mutex::default() }
    }

    /// `upstream` is its scheme and authority. A request that no connection has taken up is sent over another one, once.
    pub(super) async fn request(
        &self,
        upstream: &Uri,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Exchange), Error> {
        let mut again = true;
        loop {
            let (mut requests, exchange) = self.connection(upstream).await?;
            match requests.try_send_request(request).await {
                Ok(answer) => return Ok((answer, exchange)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if std::mem::take(&mut again) => request = unsent,
                    _ => return Err(Error::Exchange(error.into_error())),
                },
            }
        }
    }

    /// A connection that has room for an exchange. Who needs another one waits for whoever is making one.
    async fn connection(&self, upstream: &Uri) -> Result<(SendRequest<RequestBody>, Exchange), Error> {
        let connections = {
            let mut upstreams = self.upstreams.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(upstreams.entry(upstream.clone()).or_default())
        };
        if let Some(begun) = connections.begin() {
            return Ok(begun);
        }
        let _opening = connections.opening.lock().await;
        if let Some(begun) = connections.begin() {
            return Ok(begun);
        }
        let connection = self.connect(upstream).await?;
        let begun = connection.begin();
        connections.open().push(connection);
        Ok(begun)
    }

    async fn connect(&self, upstream: &Uri) -> Result<Connection, Error> {
        let io = self.connector.clone().oneshot(upstream.clone()).await.map_err(Error::Connect)?;
        if upstream.scheme() == Some(&http::uri::Scheme::HTTPS) && !io.connected().is_negotiated_h2() {
            return Err(Error::OtherProtocol);
        }
        // Without pings: servers of gRPC take them for abuse, and the operating system watches.
        let (requests, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(HEAD)
            .handshake(io)
            .await
            .map_err(Error::Exchange)?;
        tokio::spawn(connection.map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to an upstream");
            }
        }));
        Ok(Connection { requests, exchanges: Arc::new(()) })
    }
}

impl Connections {
    /// An exchange of a connection that has room for it.
    fn begin(&self) -> Option<(SendRequest<RequestBody>, Exchange)> {
        let mut open = self.open();
        // With its last handle a connection goes; one that does nothing is kept.
        let mut idle = 0;
        open.retain(|connection| {
            let is_idle = connection.exchanges() == 0;
            idle += usize::from(is_idle);
            !connection.requests.is_closed() && (!is_idle || idle <= 1)
        });
        open.iter().find(|connection| connection.exchanges() < STREAMS).map(Connection::begin)
    }

    fn open(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn exchanges(&self) -> usize {
        Arc::strong_count(&self.exchanges).saturating_sub(1)
    }

    fn begin(&self) -> (SendRequest<RequestBody>, Exchange) {
        (self.requests.clone(), Exchange(Arc::clone(&self.exchanges)))
    }
}
