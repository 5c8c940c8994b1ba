//! The parties, on free loopback ports of this machine.

use super::{app::App, meddler::Meddler, plain::Plain, tap::Seen};
use crate::cli::{
    exit::Failure,
    source::{Shown, Source},
    values::Url,
};
use anyhow::Context;
use http::Uri;
use sealwire::{
    connect::{self, ConnectSettings},
    relay::{self, RelaySettings},
};
use sealwire_attest::Policy;
use sealwire_client::Settings;
use sealwire_gateway::{Config, Environment, Gateway, Running, StartError, config::Tee, default_state};
use sealwire_tee::Development;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

/// The relay knows the gateway by this name.
const NAME: &str = "demo";

/// Everything that runs.
pub(super) struct Stage {
    /// the demo's own application; `None` with `--upstream`
    pub(super) app: Option<App>,
    pub(super) upstream: Uri,
    /// what all parties attest themselves with
    pub(super) tee: Arc<Development>,
    pub(super) gateway: Running,
    pub(super) relay: relay::Running,
    pub(super) proxy: connect::Running,
    /// a relay that changes what it forwards
    pub(super) meddler: Meddler,
    /// what the honest relay saw
    pub(super) seen: Arc<Seen>,
    /// what the gateway proves
    pub(super) shown: Shown,
    /// text of the policy that accepts exactly that
    pub(super) policy: String,
    /// an ordinary program, pointed at the proxy
    pub(super) program: Plain,
}

impl Stage {
    pub(super) async fn start(upstream: Option<Uri>, state: Option<PathBuf>) -> Result<Self, Failure> {
        let (app, upstream) = match upstream {
            Some(upstream) => (None, upstream),
            None => {
                let app = App::start().await?;
                let upstream = format!("http://{}", app.address).parse::<Uri>()?;
                (Some(app), upstream)
            }
        };
        let state = state.or_else(default_state).context("no folder for the development root")?;
        let tee = Arc::new(tokio::task::spawn_blocking(move || Development::open(&state)).await??);
        let config = Config {
            admin: Some(loopback()),
            upstream: Some(upstream.to_string().trim_end_matches('/').to_owned()),
            ..config()
        };
        let gateway = Box::pin(start(&tee, config)).await?;
        let at: Uri = format!("http://{}", gateway.address()).parse()?;

        let seen = Arc::new(Seen::default());
        let mut settings = RelaySettings::new(loopback(), vec![(NAME.to_owned(), at.clone())]);
        settings.tap = Some(seen.clone());
        let relay = relay::start(settings).await?;
        let through: Uri = format!("http://{}/{NAME}", relay.address()).parse()?;
        let meddler = Meddler::start(gateway.address()).await?;

        // What a person does once with `sealwire policy init`.
        let shown = Shown::fetch(&Url(at.clone()), &Source::default(), true).await?;
        let policy = {
            let verified = shown.require_genuine()?;
            Policy::exactly(verified, Some(&shown.document().config_digest), None)
        };
        let settings = settings_for(&at, Some(through), &policy)?;
        let proxy = connect::start(ConnectSettings::new(settings, loopback())).await?;
        let program = Plain::new(proxy.address());
        seen.take();
        Ok(Self { app, upstream, tee, gateway, relay, proxy, meddler, seen, shown, policy, program })
    }

    /// Another gateway, on the same machine.
    pub(super) async fn gateway(&self, config: Config) -> Result<Running, StartError> {
        Box::pin(start(&self.tee, config)).await
    }

    /// Where the application is.
    pub(super) fn application(&self) -> String {
        match &self.app {
            Some(app) => format!("http://{} (the demo's own)", app.address),
            None => format!("{} (yours)", self.upstream),
        }
    }

    /// How many requests have reached the application: by its own count, or by the gateway's where it is somebody's.
    pub(super) async fn reached(&self) -> anyhow::Result<u64> {
        match &self.app {
            Some(app) => Ok(app.seen()),
            None => self.metric("sealwire_upstream_responses_total").await,
        }
    }

    /// The sum of a counter's lines.
    pub(super) async fn metric(&self, name: &str) -> anyhow::Result<u64> {
        let admin = self.gateway.admin_address().context("no admin address")?;
        let (_, text) = Plain::new(admin).get("/metrics").await?;
        let text = String::from_utf8(text.to_vec())?;
        let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.split_whitespace().last());
        lines.map(|value| Ok(value.parse::<u64>()?)).sum()
    }

    /// Settings of a client that goes through `relay`, by a policy.
    pub(super) fn settings(&self, relay: Option<SocketAddr>, policy: &str) -> Result<Settings, Failure> {
        let relay = relay.map(|relay| format!("http://{relay}").parse()).transpose()?;
        settings_for(&format!("http://{}", self.gateway.address()).parse()?, relay, policy)
    }

    /// Lets everything finish what is open.
    pub(super) async fn stop(self) {
        self.proxy.shutdown().await;
        self.relay.shutdown().await;
        self.gateway.shutdown().await;
    }
}

fn settings_for(gateway: &Uri, relay: Option<Uri>, policy: &str) -> Result<Settings, Failure> {
    let policy = Policy::from_toml(policy).context("the policy that was just written")?;
    let mut settings = Settings::new(gateway.clone(), policy);
    settings.relay = relay;
    Ok(settings)
}

/// Of a gateway on a free port of this machine.
pub(super) fn config() -> Config {
    Config { listen: loopback(), tee: Tee::Development, ..Config::default() }
}

async fn start(tee: &Arc<Development>, config: Config) -> Result<Running, StartError> {
    let environment = Environment { tee: Some(Arc::clone(tee).into()), ..Environment::default() };
    Gateway::start_in(config, environment).await
}

pub(super) fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
