//! Accepts connections and serves a plain HTTP service on them (HTTP/1.1 and HTTP/2, TLS where configured).

mod connection;
mod linger;
#[cfg(test)]
mod tests;
mod track;

use connection::Protocol;
use http::{Request, Response};
use rustls::ServerConfig;
use sealwire_http::Body;
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// How long to wait after the operating system refused to hand over a connection for want of resources.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds of what a connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// connections at once; more wait in the backlog
    pub connections: usize,
    /// from accept to the end of the first request's header section, also of a TLS handshake. On HTTP/1.1 the
    /// same time bounds the wait for every further request, so it is also how long an idle connection is kept
    pub header_time: Duration,
    /// bytes of a header section; HTTP/1.1 never goes below 8 KiB
    pub header_bytes: usize,
    /// concurrent streams of one HTTP/2 connection
    pub streams: u32,
    /// how long a peer may take nothing of what it is sent (on Linux; elsewhere the operating system decides)
    pub send_time: Duration,
    /// how long open exchanges may take to finish after shutdown began
    pub drain_time: Duration,
}

impl Default for ConnectionLimits {
    /// 10000 connections, 10 s, 64 KiB, 100 streams, 60 s, 30 s.
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_time: Duration::from_secs(10),
            header_bytes: 64 << 10,
            streams: 100,
            send_time: Duration::from_secs(60),
            drain_time: Duration::from_secs(30),
        }
    }
}

/// A bound listener.
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    date: bool,
    websockets: bool,
}

impl Listener {
    /// Binds.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        let address = tcp.local_addr()?;
        Ok(Self { tcp, address, tls: tls.map(TlsAcceptor::from), date: true, websockets: false })
    }

    /// Adds no Date field to answers that have none: a relay forwards and adds nothing (OB-81).
    #[must_use]
    pub fn without_date(self) -> Self {
        Self { date: false, ..self }
    }

    /// Takes extended CONNECT (RFC 8441) on HTTP/2 as well, for a service that makes WebSockets of it. Upgrades of HTTP/1.1
    /// are the service's to answer in any case.
    #[must_use]
    pub fn with_websockets(self) -> Self {
        Self { websockets: true, ..self }
    }

    /// The bound address (port 0 chooses one).
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then drains: new connections are refused, idle ones closed, and exchanges that are
    /// open may finish for [`ConnectionLimits::drain_time`] before they are cut.
    ///
    /// The peer's [`SocketAddr`] is in each request's extensions; in those of one that may take its connection over also
    /// an [`Occupied`](sealwire_http::websocket::Occupied). What was taken over is cut by who did.
    pub async fn serve<S>(self, service: S, limits: ConnectionLimits, shutdown: CancellationToken)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let slots = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let graceful = connection::Graceful::new();
        let protocol = Arc::new(Protocol::new(&limits, self.date, self.websockets));
        let mut connections = JoinSet::new();
        while let Some((stream, peer, slot)) = self.next(&slots, &mut connections, &shutdown).await {
            let (protocol, service, tls) = (protocol.clone(), service.clone(), self.tls.clone());
            let watcher = graceful.watcher();
            connections.spawn(async move {
                protocol.serve(stream, peer, tls, service, watcher, slot).await;
            });
        }
        // From here on the operating system refuses new connections.
        drop(self.tcp);
        if tokio::time::timeout(limits.drain_time, graceful.shutdown()).await.is_err() {
            tracing::info!(connections = connections.len(), "drain time is over: open exchanges are cut");
        }
        connections.shutdown().await;
    }

    /// The next connection, once there is a slot for it; `None` when it is time to stop.
    async fn next(
        &self,
        slots: &Arc<Semaphore>,
        connections: &mut JoinSet<()>,
        shutdown: &CancellationToken,
    ) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let accept = async {
            let slot = slots.clone().acquire_owned().await.ok()?;
            loop {
                match self.tcp.accept().await {
                    Ok((stream, peer)) => return Some((stream, peer, slot)),
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept connections");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::pin!(accept);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return None,
                accepted = &mut accept => return accepted,
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Whether the peer of a connection that was about to be accepted is to blame, rather than a want of resources.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
