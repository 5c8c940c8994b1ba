//! Accepts connections and serves a plain HTTP service on them (HTTP/1.1 and HTTP/2, TLS where configured).

use http::{Request, Response};
use rustls::ServerConfig;
use sealwire_http::Body;
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use tower::Service;

/// Bounds of what a connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// connections at once; more wait in the backlog
    pub connections: usize,
    /// from accept to the end of the first request's header section, also of a TLS handshake
    pub header_time: Duration,
    /// bytes of a header section
    pub header_bytes: usize,
    /// concurrent streams of one HTTP/2 connection
    pub streams: u32,
    /// how long open exchanges may take to finish after shutdown began
    pub drain_time: Duration,
}

/// A bound listener.
pub struct Listener {}

impl Listener {
    /// Binds.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn bind(_address: SocketAddr, _tls: Option<Arc<ServerConfig>>) -> std::io::Result<Self> {
        todo!()
    }
    /// The bound address (port 0 chooses one).
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }
    /// Serves until `shutdown`, then drains. The peer's [`SocketAddr`] is in each request's extensions.
    pub async fn serve<S>(self, _service: S, _limits: ConnectionLimits, _shutdown: CancellationToken)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        todo!()
    }
}
