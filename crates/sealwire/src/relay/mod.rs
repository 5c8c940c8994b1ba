//! The oblivious relay (RFC 9458; OB-80 to OB-88): forwards sealed messages between clients and gateways, and tells
//! neither about the other.
//!
//! A relay is to be run by somebody else than the gateway (OB-86): who runs both sees who asks, and what. It forwards
//! by a fixed map of names, streams both ways, and keeps nothing that joins an address with a time.

mod admin;
mod admit;
mod answer;
mod carried;
mod forward;
mod map;
mod metrics;

pub use map::MapError;

use crate::serving::{Bound, Serving};
use forward::Relay;
use http::Uri;
use map::Map;
use sealwire_client::transport::Transport;
use sealwire_gateway::listener::ConnectionLimits;
use sealwire_http::BoxError;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};

/// How a relay runs.
#[derive(Clone)]
pub struct RelaySettings {
    /// where clients come; without TLS only on this machine (OB-82)
    pub listen: SocketAddr,
    /// TLS towards clients
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// gateways by name; `https://` unless they are on this machine (OB-82). The gateway `unit` is reached under
    /// `/unit/`, and a single one also under `/`
    pub gateways: Vec<(String, Uri)>,
    /// what clients may ask for
    pub limits: RelayLimits,
    /// certificates in DER that TLS towards gateways trusts besides the system's
    pub tls_roots: Vec<Vec<u8>>,
    /// where `/healthz` and `/metrics` are
    pub admin: Option<SocketAddr>,
    /// shown every byte that is forwarded
    pub tap: Option<Arc<dyn Tap>>,
}

impl RelaySettings {
    /// With the default limits, and nothing optional.
    #[must_use]
    pub fn new(listen: SocketAddr, gateways: Vec<(String, Uri)>) -> Self {
        Self {
            listen,
            tls: None,
            gateways,
            limits: RelayLimits::default(),
            tls_roots: Vec::new(),
            admin: None,
            tap: None,
        }
    }
}

/// What one client, and all of them together, may ask for (OB-85).
#[derive(Debug, Clone, Copy)]
pub struct RelayLimits {
    /// bytes of a request's body
    pub body: u64,
    /// exchanges at once
    pub exchanges: usize,
    /// exchanges at once of one client: one IPv4 address, or 64 bits of IPv6
    pub exchanges_per_client: u16,
    /// requests per second of one client
    pub rate: u32,
    /// requests that one client may make at once before the rate counts
    pub burst: u32,
    /// longest silence inside a request's body
    pub idle_time: Duration,
    /// set-up of a connection to a gateway
    pub connect_time: Duration,
    /// connections from clients
    pub connections: ConnectionLimits,
}

impl Default for RelayLimits {
    /// 1 GiB and the overhead of its chunks, 4096 exchanges, 64 of one client, 100 per second with 200 at once, 60 s,
    /// 10 s.
    fn default() -> Self {
        Self {
            body: (1 << 30) + (16 << 20),
            exchanges: 4096,
            exchanges_per_client: 64,
            rate: 100,
            burst: 200,
            idle_time: Duration::from_secs(60),
            connect_time: Duration::from_secs(10),
            connections: ConnectionLimits::default(),
        }
    }
}

/// Sees what the relay sees: slices of bodies as they are forwarded. For demonstrations that a relay learns nothing;
/// called while forwarding, so it must be quick.
pub trait Tap: Send + Sync {
    /// A slice towards a gateway.
    fn request(&self, slice: &[u8]);
    /// A slice towards a client.
    fn response(&self, slice: &[u8]);
}

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OB-80, OB-82
    #[error(transparent)]
    Map(#[from] MapError),
    /// OB-82
    #[error(
        "{0} is not on this machine alone: clients must come by TLS (OB-82); give a certificate, or listen on 127.0.0.1 behind a server that has one"
    )]
    Plain(SocketAddr),
    /// A rate of zero forwards nothing.
    #[error("the rate and the burst must be at least 1")]
    Rate,
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// which
        address: SocketAddr,
        /// what the operating system says
        source: io::Error,
    },
    /// TLS towards gateways cannot be set up.
    #[error("TLS: {0}")]
    Tls(BoxError),
    /// Metrics cannot be set up.
    #[error("metrics: {0}")]
    Metrics(BoxError),
}

/// Starts a relay on the current Tokio runtime.
///
/// # Errors
/// Settings that cannot be used, addresses that cannot be had.
pub async fn start(settings: RelaySettings) -> Result<Running, Error> {
    let map = Map::new(&settings.gateways)?;
    if settings.tls.is_none() && !settings.listen.ip().is_loopback() {
        return Err(Error::Plain(settings.listen));
    }
    let transport = Transport::new(map.resources(), &settings.tls_roots, settings.limits.connect_time);
    let (metrics, handle) = metrics::Metrics::new().map_err(Error::Metrics)?;
    let relay = Relay::new(&settings, map, transport.map_err(Error::Tls)?, metrics)?;
    let clients = bind(settings.listen, settings.tls).await?;
    let admin = match settings.admin {
        Some(address) => Some(bind(address, None).await?),
        None => None,
    };
    let clients = clients.without_date().serve(relay, settings.limits.connections);
    let admin = admin.map(|bound| bound.serve(admin::service(handle), ConnectionLimits::default()));
    // Nothing about any client is logged, here or later (OB-84).
    tracing::info!(address = %clients.address(), gateways = settings.gateways.len(), "relay started");
    Ok(Running { clients, admin })
}

async fn bind(address: SocketAddr, tls: Option<Arc<rustls::ServerConfig>>) -> Result<Bound, Error> {
    Bound::bind(address, tls).await.map_err(|source| Error::Listen { address, source })
}

/// A running relay. Dropped, it takes no new connections.
pub struct Running {
    clients: Serving,
    admin: Option<Serving>,
}

impl Running {
    /// Where clients come.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.clients.address()
    }

    /// Where `/healthz` and `/metrics` are.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Serving::address)
    }

    /// Takes no new connections, and waits for open exchanges.
    pub async fn shutdown(self) {
        self.clients.shutdown().await;
        if let Some(admin) = self.admin {
            admin.shutdown().await;
        }
    }
}
