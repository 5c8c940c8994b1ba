//! An application and a gateway in front of it, both running.

use crate::{
    App,
    message::{self, Sealing},
    metrics::Metrics,
    raw::{Answer, Raw, request},
    tee::{self, PolicyText},
};
use sealwire_client::{Settings, Wire};
use sealwire_gateway::{
    Config, Environment, Gateway, Running,
    config::{Route, Tee},
};
use sealwire_http::wire::OBLIVIOUS_PATH;
use sealwire_oblivious::{Limits, config, media};
use std::{net::SocketAddr, sync::OnceLock};
use tokio::sync::{Mutex, MutexGuard};

/// The name that the gateway serves.
pub const AUTHORITY: &str = "app.example";

/// Both.
pub struct Stage {
    /// the application
    pub app: App,
    /// the gateway
    pub gateway: Running,
    /// what the gateway was started with
    pub config: Config,
    _alone: Option<MutexGuard<'static, ()>>,
}

/// Metrics are the process's, and add up over its gateways: tests that read them run one after the other.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: OnceLock<Mutex<()>> = OnceLock::new();
    ALONE.get_or_init(Mutex::default).lock().await
}

/// A configuration with one route to `upstream`, everything on free ports.
#[must_use]
pub fn config(upstream: &str) -> Config {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        listen: free,
        admin: Some(free),
        tee: Tee::Development,
        authorities: vec![AUTHORITY.to_owned()],
        routes: vec![Route::new("/", upstream)],
        ..Config::default()
    }
}

/// Starts a gateway under the development TEE that all tests share.
pub async fn gateway(config: Config) -> Running {
    let environment = Environment { tee: Some(tee::development().into()), ..Environment::default() };
    Box::pin(Gateway::start_in(config, environment)).await.unwrap()
}

impl Stage {
    /// With the defaults, in front of an application that echoes.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with a changed configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::before(App::echo().await, change).await
    }

    /// In front of another application.
    pub async fn before(app: App, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&app.url());
        change(&mut config);
        let gateway = gateway(config.clone()).await;
        Self { app, gateway, config, _alone: None }
    }

    /// As [`Self::before`], while no other test of this kind runs: metrics can be read.
    pub async fn alone(app: App, change: impl FnOnce(&mut Config)) -> Self {
        let alone = alone().await;
        Self { _alone: Some(alone), ..Self::before(app, change).await }
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// A connection to the gateway.
    pub async fn connect(&self) -> Raw {
        Raw::connect(self.address()).await
    }

    /// GET of a resource of the gateway's own.
    pub async fn get(&self, path: &str) -> Answer {
        self.connect().await.send(request("GET", path, &[])).await.answer().await
    }

    /// What its admin address says.
    pub async fn metrics(&self) -> Metrics {
        Metrics::of(self.gateway.admin_address().unwrap()).await
    }

    /// Its advertised keys, as whoever seals by hand learns them.
    pub async fn keys(&self) -> Vec<config::KeyConfig> {
        let answer = self.get(OBLIVIOUS_PATH).await;
        assert_eq!((answer.status, answer.field("content-type")), (200, media::KEYS));
        config::parse_list(&answer.content, &Limits::default()).unwrap()
    }

    /// Seals to its X25519 key.
    pub async fn sealing(&self) -> Sealing {
        Sealing::first(&self.keys().await)
    }

    /// Settings of a client that reaches it directly, by the oblivious wire unless the test wants another.
    #[must_use]
    pub fn settings(&self) -> Settings {
        settings(self.address())
    }

    /// Whether an ordinary sealed exchange works, over `raw` or, where that has been closed, over another connection.
    pub async fn works(&self, raw: &mut Raw) {
        let sealing = self.sealing().await;
        let plaintext = message::plaintext(&message::head("POST", "/works"), b"still");
        let (sealed, opener) = sealing.chunked(&[&plaintext]);
        let fields = [("content-type", media::CHUNKED_REQUEST)];
        raw.post(OBLIVIOUS_PATH, &fields, &sealed).await;
        let answer = match raw.try_answer().await {
            Some(answer) => answer,
            None => {
                *raw = self.connect().await;
                raw.post(OBLIVIOUS_PATH, &fields, &sealed).await.answer().await
            }
        };
        let inner = message::open_chunked(&answer, opener);
        assert_eq!((inner.status, inner.complete), (200, true));
    }
}

/// Settings of a client of the gateway at `address`, by the oblivious wire unless the test wants another.
#[must_use]
pub fn settings(address: SocketAddr) -> Settings {
    let to = format!("http://{address}").parse().unwrap();
    let mut settings = Settings::new(to, PolicyText::default().policy());
    settings.authority = Some(AUTHORITY.to_owned());
    settings.wire = Wire::Oblivious;
    settings
}
