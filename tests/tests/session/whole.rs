//! The whole way, for programs that know nothing of it.

use sealwire::connect::{self, ConnectSettings};
use sealwire_client::{Settings, Wire};
use sealwire_gateway::{Config, Running};
use sealwire_tests::{
    chain::{Plain, loopback},
    stage,
    tap::Tap,
    within,
};
use std::net::SocketAddr;

/// A gateway, and the local proxy that uses sessions of it.
pub(super) struct Whole {
    gateway: Option<Running>,
    config: Config,
    pub(super) connect: connect::Running,
    /// between proxy and gateway
    pub(super) tap: Option<Tap>,
}

impl Whole {
    pub(super) async fn start(app: SocketAddr) -> Self {
        Self::with(app, |_| {}, |_| {}).await
    }

    pub(super) async fn with(
        app: SocketAddr,
        change: impl FnOnce(&mut Config),
        change_connect: impl FnOnce(&mut ConnectSettings),
    ) -> Self {
        Self::made(app, change, change_connect, false).await
    }

    /// With a tap between proxy and gateway.
    pub(super) async fn through_tap(app: SocketAddr) -> Self {
        Self::made(app, |_| {}, |_| {}, true).await
    }

    pub(super) async fn made(
        app: SocketAddr,
        change: impl FnOnce(&mut Config),
        change_connect: impl FnOnce(&mut ConnectSettings),
        tapped: bool,
    ) -> Self {
        let mut config = stage::config(&format!("http://{app}"));
        change(&mut config);
        let gateway = stage::gateway(config.clone()).await;
        let tap = if tapped { Some(Tap::before(gateway.address()).await) } else { None };
        let settings = stage::settings(gateway.address());
        let to = tap.as_ref().map_or(settings.to.clone(), Tap::url);
        let client = Settings { wire: Wire::Session, to, ..settings };
        let mut settings = ConnectSettings::new(client, loopback());
        change_connect(&mut settings);
        let connect = within("the local proxy", Box::pin(connect::start(settings))).await.unwrap();
        Self { gateway: Some(gateway), config, connect, tap }
    }

    pub(super) fn gateway(&self) -> &Running {
        self.gateway.as_ref().unwrap()
    }

    /// Ends the gateway, and starts another instance in its place.
    pub(super) async fn restart(&mut self) {
        let gateway = self.gateway.take().unwrap();
        (self.config.listen, self.config.admin) = (gateway.address(), gateway.admin_address());
        gateway.shutdown().await;
        self.gateway = Some(stage::gateway(self.config.clone()).await);
    }

    pub(super) async fn status_json(&self) -> serde_json::Value {
        let (status, content) = Plain::new(self.connect.status_address()).get("/status.json").await;
        assert_eq!(status, 200);
        serde_json::from_slice(&content).unwrap()
    }
}
