//! A gateway from start to end.

mod core;
mod keeper;
mod live;
mod reload;
mod signals;
mod tee;

pub use reload::ReloadError;
pub use signals::run_until_signalled;

use crate::{
    admin,
    config::{self, Config, Plan, Served},
    destination::Destination,
    instance,
    listener::{ConnectionLimits, Listener},
    metrics::{self, UpstreamMetrics},
    tls::Certificate,
};
pub(crate) use core::Core;
pub(crate) use live::{Front, State};
use sealwire_http::crypto::random::{OsRandom, Random};
use sealwire_http::{Clock, SystemClock};
use sealwire_tee::Platform;
use std::{env, io, net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What is wrong with the configuration.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// the address
        address: SocketAddr,
        /// what the system says
        source: io::Error,
    },
    /// There is nothing that makes evidence (AT-60).
    #[error(transparent)]
    Tee(#[from] sealwire_tee::Error),
    /// No folder for the development root is known.
    #[error("the development TEE needs a folder for its root; set `state`, or the variable HOME")]
    NoState,
    /// No key document could be published.
    #[error(transparent)]
    Instance(#[from] instance::Error),
    /// TLS, of the listener or to upstreams.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// Endorsements cannot be fetched or kept as configured.
    #[error("endorsements: {0}")]
    Endorsements(#[from] sealwire_collateral::Failure),
    /// The registry's URL cannot be used (SE-44).
    #[error(transparent)]
    Registry(#[from] sealwire_store::registry::Error),
    /// hpke-http cannot be served as it is configured (HH-17, HH-41, HH-65).
    #[error("hpke-http: {0}")]
    HpkeHttp(#[from] crate::hpke_http::Failure),
    /// The audit of secrets cannot be written (SE-20).
    #[error("the audit of secrets cannot be written to {path}: {source}", path = .path.display())]
    Audit {
        /// the file
        path: PathBuf,
        /// what the system says
        source: io::Error,
    },
}

impl From<live::Error> for StartError {
    fn from(error: live::Error) -> Self {
        match error {
            live::Error::Instance(error) => Self::Instance(error),
            live::Error::Tls(error) => Self::Tls(error),
            live::Error::Audit { path, source } => Self::Audit { path, source },
            live::Error::HpkeHttp(failure) => Self::HpkeHttp(failure),
        }
    }
}

/// What a gateway gets from its surroundings.
pub struct Environment {
    /// makes the evidence; `None` for what the configuration says. The companions of the configuration are added to it
    pub tee: Option<Platform>,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness of keys, ids and nonces
    pub random: Arc<dyn Random>,
}

impl Default for Environment {
    /// The machine's.
    fn default() -> Self {
        Self { tee: None, clock: Arc::new(SystemClock), random: Arc::new(OsRandom) }
    }
}

/// Starts gateways.
pub struct Gateway;

impl Gateway {
    /// Starts one: it listens, has made its keys and has published its first document.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(config: Config) -> Result<Running, StartError> {
        Self::start_in(config, Environment::default()).await
    }

    /// The same, in surroundings that the caller chooses.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start_in(config: Config, environment: Environment) -> Result<Running, StartError> {
        // Plan and keys make the state of this large, and every caller's future would hold it.
        Box::pin(Self::set_up(config, environment)).await
    }

    async fn set_up(config: Config, environment: Environment) -> Result<Running, StartError> {
        // Counters that are looked up before there is a recorder count nothing.
        metrics::recorder();
        let tls = Plan::new(&config, Served::At(config.listen))?.tls.map(Certificate::new);
        let server_config = tls.clone().map(Certificate::server_config).transpose()?;
        let listen = |address, tls| async move {
            Listener::bind(address, tls).await.map_err(|source| StartError::Listen { address, source })
        };
        let listener = listen(config.listen, server_config).await?.with_websockets();
        let admin = match config.admin {
            Some(address) => Some(listen(address, None).await?),
            None => None,
        };
        let plan = Plan::new(&config, Served::At(listener.local_addr()))?;
        let destination = Destination::Upstreams(Arc::new(UpstreamMetrics::new()));
        // On the heap: what it makes is large, and every caller's future would hold it.
        let mut core = Box::pin(Core::start(&config, plan, environment, destination)).await?;

        let shutdown = CancellationToken::new();
        let limits = ConnectionLimits {
            connections: config.limits.connections,
            header_time: config.limits.header_time,
            header_bytes: config.limits.header_size,
            streams: config.limits.streams,
            send_time: config.limits.idle_time,
            drain_time: config.limits.drain_time,
        };
        let address = listener.local_addr();
        let admin_address = admin.as_ref().map(Listener::local_addr);
        let development = core.state.live().attested.is_development();
        tracing::info!(%address, admin = admin_address.map(tracing::field::display), development, "gateway listens");
        let serving = {
            let (front, shutdown, tunnels) = (core.front(), shutdown.clone(), core.tunnels.clone());
            tokio::spawn(async move {
                let drained = async {
                    shutdown.cancelled().await;
                    tunnels.drain(limits.drain_time).await;
                };
                tokio::join!(listener.serve(front, limits, shutdown.clone()), drained);
            })
        };
        if let Some(listener) = admin {
            let (state, in_flight, slots) = (core.state.clone(), core.in_flight.clone(), core.slots);
            let health = admin::Health { state, shutdown: shutdown.clone(), in_flight, slots };
            core.helpers.push(tokio::spawn(admin::serve(listener, health, core.finished.clone())));
        }
        let config = tokio::sync::Mutex::new(config);
        Ok(Running { address, admin_address, config, tls, core, shutdown, serving })
    }
}

/// A gateway that runs. It is cut short when this is dropped.
pub struct Running {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    config: tokio::sync::Mutex<Config>,
    tls: Option<Arc<Certificate>>,
    core: Core,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl Running {
    /// Where requests arrive.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are served.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The digest that the published document carries (AT-44).
    #[must_use]
    pub fn config_digest(&self) -> [u8; 48] {
        self.core.state.live().current.plan.digest
    }

    /// Replaces the keys now, instead of when it is time.
    ///
    /// # Errors
    /// When the new keys cannot be attested; the old ones then stay.
    pub async fn rotate(&self) -> Result<(), ReloadError> {
        Ok(self.core.state.rotate().await?)
    }

    /// Stops: refuses new connections, lets open exchanges finish for the drain time, wipes the keys.
    pub async fn shutdown(mut self) {
        self.shutdown.cancel();
        // A task that panicked has stopped, too.
        let _ = (&mut self.serving).await;
        self.core.finish().await;
        tracing::info!(address = %self.address, "gateway has stopped");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.serving.abort();
    }
}

/// Where `state` is when nobody says (XDG base directories).
#[must_use]
pub fn default_state() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("sealwire"))
}
