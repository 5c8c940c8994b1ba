//! One connection: handshake, protocol, the first request's deadline, drain.

use super::{
    ConnectionLimits,
    linger::Lingering,
    track::{Activity, Tracking},
};
use http::{Method, Request, Response, Version, header};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use metrics::{Counter, Gauge};
use sealwire_http::{Body, BoxError, body, websocket::Occupied};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt, util::Oneshot};

/// Smallest read buffer that hyper takes for HTTP/1.1.
const MIN_BUFFER: usize = 8192;
/// How often a silent HTTP/2 connection is asked whether it is still there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(30);
/// How long an HTTP/2 connection without a request is kept, at least.
const IDLE: Duration = Duration::from_secs(60);

/// Tells connections to drain, and when all have.
pub(super) type Graceful = GracefulShutdown;

/// How connections are served; one for all of a listener.
pub(super) struct Protocol {
    builder: auto::Builder<TokioExecutor>,
    header_time: Duration,
    send_time: Duration,
    open: Gauge,
    failed: Counter,
    late: Counter,
}

impl Protocol {
    pub(super) fn new(limits: &ConnectionLimits, date: bool, websockets: bool) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .auto_date_header(date)
            .header_read_timeout(limits.header_time)
            // The read buffer bounds the header section: 431 when it is full before the section has ended.
            .max_buf_size(limits.header_bytes.max(MIN_BUFFER));
        builder
            .http2()
            .timer(TokioTimer::new())
            .auto_date_header(date)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.streams)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        if websockets {
            builder.http2().enable_connect_protocol();
        }
        Self {
            builder,
            header_time: limits.header_time,
            send_time: limits.send_time,
            open: metrics::gauge!(crate::metrics::CONNECTIONS),
            failed: metrics::counter!(crate::metrics::CONNECTION_ERRORS, "reason" => "protocol"),
            late: metrics::counter!(crate::metrics::CONNECTION_ERRORS, "reason" => "timeout"),
        }
    }

    /// Serves one connection to its end. What goes wrong concerns its peer alone, hence no result.
    pub(super) async fn serve<S>(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tls: Option<TlsAcceptor>,
        service: S,
        watcher: Watcher,
        slot: OwnedSemaphorePermit,
    ) where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let counted = Arc::new(Counted { _open: Open::new(&self.open), _slot: slot });
        let deadline = Instant::now() + self.header_time;
        // Answers are written whole; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        set_send_time(&stream, self.send_time);
        let outcome = match tls {
            None => self.serve_stream(stream, peer, deadline, service, watcher, counted).await,
            Some(acceptor) => match timeout_at(deadline, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.serve_stream(stream, peer, deadline, service, watcher, counted).await,
                Ok(Err(error)) => Err(Failure::Protocol(error.into())),
                Err(_) => Err(Failure::Late),
            },
        };
        match outcome {
            Ok(()) => {}
            Err(Failure::Late) => self.late.increment(1),
            Err(Failure::Protocol(error)) => {
                self.failed.increment(1);
                // Without the peer: a relay must keep nothing that joins an address with a time (OB-84).
                tracing::debug!(error = error.as_ref(), "connection failed");
            }
        }
    }

    async fn serve_stream<S>(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        deadline: Instant,
        service: S,
        watcher: Watcher,
        counted: Arc<Counted>,
    ) -> Result<(), Failure>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let activity = Arc::new(Activity::default());
        let send_time = self.send_time;
        let service = PerConnection { service, peer, activity: activity.clone(), send_time, counted };
        let served =
            watcher.watch(self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        tokio::pin!(served);
        // hyper's own timer starts with the first byte, and HTTP/2 has none: a peer that says nothing, or half a
        // preface, is given up here.
        tokio::select! {
            biased;
            result = &mut served => return result.map_err(Failure::from),
            () = sleep_until(deadline) => {
                if !activity.has_begun() {
                    return Err(Failure::Late);
                }
            }
        }
        // HTTP/2 is kept open by pings alone: a connection that is used for nothing makes room for others.
        tokio::select! {
            biased;
            result = &mut served => result.map_err(Failure::from),
            () = activity.idle(IDLE) => Ok(()),
        }
    }
}

/// Has the operating system end a connection whose peer takes nothing for so long: neither hyper nor this gateway
/// gives up what waits to be written, and with it wait the exchange and its upstream (RFC 5482).
fn set_send_time(stream: &TcpStream, send_time: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(send_time)) {
        tracing::debug!(%error, "no bound on sending");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, send_time);
}

/// What a connection is counted by for as long as it lives, in its task or, after an upgrade, wherever it went.
struct Counted {
    _open: Open,
    _slot: OwnedSemaphorePermit,
}

/// Counts a connection, also when its task is cut.
struct Open(Gauge);

impl Open {
    fn new(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Why a connection ended badly.
enum Failure {
    Late,
    Protocol(BoxError),
}

impl From<BoxError> for Failure {
    fn from(error: BoxError) -> Self {
        match error.downcast_ref::<hyper::Error>() {
            Some(error) if error.is_timeout() => Self::Late,
            _ => Self::Protocol(error),
        }
    }
}

/// The service, as hyper wants it, on one connection.
struct PerConnection<S> {
    service: S,
    peer: SocketAddr,
    activity: Arc<Activity>,
    send_time: Duration,
    counted: Arc<Counted>,
}

impl<S> hyper::service::Service<Request<Incoming>> for PerConnection<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Tracking<Oneshot<S, Request<Body>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let version = request.version();
        let exchange = self.activity.begin(version);
        let waits = request.headers().contains_key(header::EXPECT);
        let mut request = request.map(|content| {
            // An empty body needs no allocation.
            if http_body::Body::is_end_stream(&content) {
                body::empty()
            } else if version < Version::HTTP_2 {
                body::boxed(Lingering::new(content, waits))
            } else {
                // A stream that is given up harms no other (RFC 9113 section 8.1).
                body::boxed(content)
            }
        });
        request.extensions_mut().insert(self.peer);
        if version < Version::HTTP_2 && request.headers().contains_key(header::UPGRADE) {
            request.extensions_mut().insert(Occupied(self.counted.clone()));
        } else if request.method() == Method::CONNECT {
            // An exchange more, which ends with the tunnel and not with its answer.
            request.extensions_mut().insert(Occupied(Arc::new(self.activity.begin(version))));
        }
        Tracking::new(self.service.clone().oneshot(request), exchange, self.send_time)
    }
}
