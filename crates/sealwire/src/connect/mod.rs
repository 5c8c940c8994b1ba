//! The local proxy: plain HTTP on this machine, a sealed channel beyond, to an attested gateway or to a server whose key the
//! user vouches for.
//!
//! Any program that can be given a base URL talks to it unchanged. It attests first, and sends nothing where the policy
//! says no. Requests and answers stream both ways.

mod far;
mod guard;
mod page;
mod problem;
mod proxy;
mod rewrite;
mod status;
mod websocket;

use crate::serving::{Bound, Serving};
pub use far::Far;
use guard::Guard;
use http::Uri;
use proxy::{Counters, Proxy};
use sealwire_client::{Connector, Status, pinned, ra_tunnel};
use sealwire_gateway::listener::ConnectionLimits;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use websocket::Sockets;

/// How long a program may keep a connection without a request: longer than their pools usually do, so that none is
/// closed just when a request is written to it.
const IDLE_TIME: Duration = Duration::from_secs(120);
/// Requests at once in one connection of HTTP/2: long calls of gRPC, and WebSockets, share it.
const STREAMS: u32 = 1_000;
/// How long open exchanges may take once the proxy stops.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// How long the gateway's word on the end of a session is awaited.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a local proxy runs.
#[derive(Clone)]
pub struct ConnectSettings<S = sealwire_client::Settings> {
    /// the gateway, the relay, and what they must prove; or a server, and the key that it is believed for
    pub client: S,
    /// where programs come; what is sent to it is not yet sealed, so it belongs on this machine
    pub listen: SocketAddr,
    /// where the status page is
    pub status: SocketAddr,
    /// names besides `localhost` and the address itself by which programs call the proxy, with or without a port
    pub allow_hosts: Vec<String>,
    /// origins of web pages elsewhere that may use the proxy, for example `https://app.example`
    pub allow_origins: Vec<String>,
}

impl<S> ConnectSettings<S> {
    /// On `listen`, with a status page on a free port of this machine, for local programs and pages alone.
    #[must_use]
    pub fn new(client: S, listen: SocketAddr) -> Self {
        let status = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { client, listen, status, allow_hosts: Vec::new(), allow_origins: Vec::new() }
    }
}

/// Why a local proxy does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The gateway was refused, or cannot be reached. Nothing was sent.
    #[error(transparent)]
    Client(#[from] sealwire_client::Error),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// which
        address: SocketAddr,
        /// what the operating system says
        source: io::Error,
    },
    /// A name that cannot be one.
    #[error("`{0}` is no host name, with or without a port")]
    Host(String),
    /// An origin that cannot be one.
    #[error("`{0}` is no origin: it looks like https://app.example, without a path")]
    Origin(String),
}

/// Attests the gateway, then listens. Needs a Tokio runtime.
///
/// # Errors
/// [`Error::Client`] with every rule that failed where the policy refuses the gateway: there is no proxy then.
pub async fn start(settings: ConnectSettings) -> Result<Running, Error> {
    let near = Near::of(&settings).await?;
    let connector = Connector::connect(settings.client.clone()).await?;
    let development = connector.status().acceptance.claims.get().development;
    let (to, relay) = (&settings.client.to, settings.client.relay.as_ref());
    let running = near.serve(connector, to, relay);
    tracing::info!(address = %running.address(), status = %running.status_address(), development, "local proxy started");
    Ok(running)
}

/// Listens for a server that attests nothing, by a key that the user vouches for. Needs a Tokio runtime.
///
/// # Errors
/// Settings that cannot be used, an address that cannot be had. Whether the server is there shows with the first request.
pub async fn start_pinned(
    settings: ConnectSettings<pinned::Settings>,
) -> Result<Running<pinned::Connector>, Error> {
    let near = Near::of(&settings).await?;
    let connector = pinned::Connector::new(settings.client.clone())?;
    let running = near.serve(connector, &settings.client.to, None);
    tracing::warn!(
        address = %running.address(),
        status = %running.status_address(),
        "local proxy started to a server that is not attested: its key is pinned, and nothing proves what runs there"
    );
    Ok(running)
}

/// Opens a tunnel of version 0 to a server whose quote the policy accepts, then listens. Needs a Tokio runtime.
///
/// # Errors
/// [`Error::Client`] with every rule that failed where the policy refuses the server: there is no proxy then.
pub async fn start_tunnel_v0(
    settings: ConnectSettings<ra_tunnel::Settings>,
) -> Result<Running<ra_tunnel::Connector>, Error> {
    let near = Near::of(&settings).await?;
    let connector = ra_tunnel::Connector::connect(settings.client.clone()).await?;
    let development = connector.status().claims.claims().development;
    let running = near.serve(connector, &settings.client.to, None);
    tracing::warn!(
        address = %running.address(),
        status = %running.status_address(),
        development,
        "local proxy started by version 0 of the RA tunnel: order, loss and end are not protected (TU-40), it is not forward \
         secret (TU-43), and nobody can tell when the quote was made (TU-44)"
    );
    Ok(running)
}

/// The side of a proxy that is here.
struct Near {
    programs: Bound,
    status: Bound,
    guard: Guard,
    status_guard: Guard,
}

impl Near {
    /// Addresses first: who asks for one that is taken should know before anything goes out.
    async fn of<S>(settings: &ConnectSettings<S>) -> Result<Self, Error> {
        let programs = bind(settings.listen).await?;
        let status = bind(settings.status).await?;
        let guard = Guard::new(programs.address(), &settings.allow_hosts, &settings.allow_origins)?;
        let status_guard = Guard::new(status.address(), &settings.allow_hosts, &[])?;
        Ok(Self { programs, status, guard, status_guard })
    }

    fn serve<C: Far>(self, connector: C, to: &Uri, relay: Option<&Uri>) -> Running<C> {
        let Self { programs, status, guard, status_guard } = self;
        let address = programs.address();
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "programs elsewhere can reach the proxy, and what they send to it is not sealed yet");
        }
        let counters = Arc::new(Counters::default());
        let limits = ConnectionLimits {
            header_time: IDLE_TIME,
            drain_time: DRAIN_TIME,
            streams: STREAMS,
            ..ConnectionLimits::default()
        };
        let sockets = Arc::new(Sockets::new());
        let way = problem::Way::new(to, relay);
        let proxy = Proxy::new(connector.clone(), guard, way, counters.clone(), sockets.clone());
        let view = status::View::new(to, relay, address, connector.clone(), counters, sockets.clone());
        let programs = programs.with_websockets().serve(proxy, limits);
        let status = status.serve(page::service(view, status_guard), limits);
        Running { programs, status, connector, sockets }
    }
}

async fn bind(address: SocketAddr) -> Result<Bound, Error> {
    Bound::bind(address, None).await.map_err(|source| Error::Listen { address, source })
}

/// A running local proxy. Dropped, it takes no new connections.
pub struct Running<C = Connector> {
    programs: Serving,
    status: Serving,
    connector: C,
    sockets: Arc<Sockets>,
}

impl<C: Far> Running<C> {
    /// Where programs come.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.programs.address()
    }

    /// Where the status page is.
    #[must_use]
    pub fn status_address(&self) -> SocketAddr {
        self.status.address()
    }

    /// The channel, for who wants to use it without the proxy.
    #[must_use]
    pub fn connector(&self) -> &C {
        &self.connector
    }

    /// Takes no new connections, waits a little for open exchanges, and ends the session where there is one.
    pub async fn shutdown(self) {
        let connector = self.connector().clone();
        // Nobody knows where a frame ends in what is carried: a WebSocket that has not ended by then is cut.
        tokio::join!(self.programs.shutdown(), self.sockets.drain(DRAIN_TIME));
        // Nobody waits long for a gateway that does not answer: it finds out by its clock.
        let _ = tokio::time::timeout(FAREWELL, connector.close()).await;
        self.status.shutdown().await;
    }
}

impl Running {
    /// What was verified, when, and how it went since.
    #[must_use]
    pub fn status(&self) -> Status {
        self.connector.status()
    }
}
