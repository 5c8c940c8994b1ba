//! The whole way: an application, a gateway, a relay, and the local proxy, all running; and an ordinary HTTP client.

use crate::{App, raw::Raw, stage, tap::Tap, tee::PolicyText, within};
use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sealwire::{
    connect::{self, ConnectSettings},
    relay::{self, RelaySettings},
};
use sealwire_client::{Settings, Wire};
use sealwire_gateway::{Config, Running};
use sealwire_http::{Body, body};
use std::net::SocketAddr;

/// The name by which the relay knows the gateway.
pub const NAME: &str = "unit";

/// A free port of this machine.
#[must_use]
pub fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// All of it.
pub struct Chain {
    /// the application
    pub app: App,
    /// the gateway
    pub gateway: Running,
    /// what the gateway was started with
    pub config: Config,
    /// everything between relay and gateway
    pub tap: Tap,
    /// the relay
    pub relay: relay::Running,
    /// the local proxy
    pub connect: connect::Running,
    /// an ordinary client
    pub client: Plain,
}

impl Chain {
    /// Around an application.
    pub async fn start(app: App) -> Self {
        Self::with(app, |_| {}, |_| {}).await
    }

    /// With changed configurations of gateway and relay.
    pub async fn with(
        app: App,
        change: impl FnOnce(&mut Config),
        change_relay: impl FnOnce(&mut RelaySettings),
    ) -> Self {
        let mut config = stage::config(&app.url());
        change(&mut config);
        let gateway = stage::gateway(config.clone()).await;
        let tap = Tap::before(gateway.address()).await;
        let mut settings = RelaySettings::new(loopback(), vec![(NAME.to_owned(), tap.url())]);
        // All clients here come from one address, and most are not what a limit is about.
        (settings.limits.rate, settings.limits.burst) = (100_000, 100_000);
        change_relay(&mut settings);
        let relay = relay::start(settings).await.unwrap();
        let connect = through(relay.address(), NAME).await;
        let client = Plain::new(connect.address());
        Self { app, gateway, config, tap, relay, connect, client }
    }

    /// Ends the gateway, and starts another instance of it in its place.
    pub async fn restart(mut self) -> Self {
        (self.config.listen, self.config.admin) = (self.gateway.address(), self.gateway.admin_address());
        self.gateway.shutdown().await;
        self.gateway = stage::gateway(self.config.clone()).await;
        self
    }

    /// An ordinary client of a local proxy on the oblivious wire without a relay; the tap is on its way.
    pub async fn without_relay(&self) -> (connect::Running, Plain) {
        let (to, relay, wire) = (self.tap.url(), None, Wire::Oblivious);
        let settings = Settings { to, relay, wire, ..settings_through(loopback(), NAME) };
        let connect = connect::start(ConnectSettings::new(settings, loopback())).await.unwrap();
        let client = Plain::new(connect.address());
        (connect, client)
    }

    /// A connection to the local proxy.
    pub async fn local(&self) -> Raw {
        Raw::connect(self.connect.address()).await
    }

    /// A connection to the relay.
    pub async fn at_relay(&self) -> Raw {
        Raw::connect(self.relay.address()).await
    }
}

/// Settings of a client that reaches a gateway through a relay, and never meets it.
#[must_use]
pub fn settings_through(relay: SocketAddr, name: &str) -> Settings {
    let nobody = "http://gateway.invalid".parse().unwrap();
    let mut settings = Settings::new(nobody, PolicyText::default().policy());
    settings.authority = Some(stage::AUTHORITY.to_owned());
    settings.relay = Some(format!("http://{relay}/{name}").parse().unwrap());
    settings
}

/// A local proxy to a gateway of a relay.
pub async fn through(relay: SocketAddr, name: &str) -> connect::Running {
    let settings = ConnectSettings::new(settings_through(relay, name), loopback());
    within("the local proxy", connect::start(settings)).await.unwrap()
}

/// An ordinary HTTP client of one server.
#[derive(Clone)]
pub struct Plain {
    client: Client<HttpConnector, Body>,
    base: String,
}

impl Plain {
    /// Of the server at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), base: format!("http://{address}") }
    }

    /// The URL of a path.
    #[must_use]
    pub fn uri(&self, path: &str) -> Uri {
        format!("{}{path}", self.base).parse().unwrap()
    }

    /// Sends a request whose content streams.
    pub async fn send(&self, method: Method, path: &str, content: Body) -> Response<Incoming> {
        let request = Request::builder().method(method).uri(self.uri(path)).body(content).unwrap();
        self.request(request).await
    }

    /// Sends any request.
    pub async fn request(&self, request: Request<Body>) -> Response<Incoming> {
        within("an answer", self.client.request(request)).await.unwrap()
    }

    /// GET, and the whole answer.
    pub async fn get(&self, path: &str) -> (u16, Bytes) {
        whole(self.send(Method::GET, path, body::empty()).await).await
    }

    /// POST, and the whole answer.
    pub async fn post(&self, path: &str, content: impl Into<Bytes>) -> (u16, Bytes) {
        whole(self.send(Method::POST, path, body::full(content)).await).await
    }
}

/// Status and content.
pub async fn whole(response: Response<Incoming>) -> (u16, Bytes) {
    let status = response.status().as_u16();
    (status, within("content", response.into_body().collect()).await.unwrap().to_bytes())
}
