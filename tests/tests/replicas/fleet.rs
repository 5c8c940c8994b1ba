//! What stands behind a name: gateways that can be killed, taps before them, and a balancer.

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sealwire::attester::Machine;
use sealwire_client::{Connector, Error, SealedWith, Settings, Wire};
use sealwire_gateway::{
    Config, Running,
    config::{Asked, Callers, Registry},
};
use sealwire_http::{body, client::session::Facts, session::message::Instance, websocket};
use sealwire_tests::{
    App,
    document::Server,
    stage::{self, AUTHORITY},
    tap::Tap,
    tee::{self, PolicyText},
    until, within,
};
use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// A free address of this machine, known before anybody listens there.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A gateway on threads of its own, so that it can be killed as a process is; and a tap, which is all that anybody
/// knows of where it is.
pub(crate) struct Member {
    pub(crate) listen: SocketAddr,
    pub(crate) tap: Tap,
    pub(crate) running: Option<Running>,
    runtime: Option<Runtime>,
    config: Config,
    _callers: TempDir,
}

impl Member {
    pub(crate) async fn start(app: &App, registry: Option<&str>) -> Self {
        Self::with(app, registry, |_| {}).await
    }

    pub(crate) async fn with(app: &App, registry: Option<&str>, change: impl FnOnce(&mut Config)) -> Self {
        Self::at(free(), app, registry, change).await
    }

    /// One that listens there, and takes callers that attest themselves.
    pub(crate) async fn at(
        listen: SocketAddr,
        app: &App,
        registry: Option<&str>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let tap = Tap::before(listen).await;
        let registry = registry.map(|url| Registry {
            url: url.to_owned(),
            advertise: format!("http://{}", tap.address()),
            ttl: Duration::from_secs(30),
        });
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("callers.toml");
        fs::write(&policy, PolicyText::default().toml()).unwrap();
        let callers = Some(Callers { policy, attested: Asked::Wanted, revocation_list: None });
        let mut config = Config { listen, registry, callers, ..stage::config(&app.url()) };
        change(&mut config);
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = threads.unwrap();
        let running = within("a gateway", runtime.spawn(stage::gateway(config.clone()))).await.unwrap();
        Self { listen, tap, running: Some(running), runtime: Some(runtime), config, _callers: folder }
    }

    /// Has it take `outer` for the name that it serves, in bound mode.
    pub(crate) async fn is_also(&mut self, outer: SocketAddr) {
        self.config.session.authority_aliases.insert(outer.to_string(), AUTHORITY.to_owned());
        self.running.as_ref().unwrap().reload(self.config.clone()).await.unwrap();
    }

    /// Ends it in the middle of whatever it does; it takes nothing back.
    pub(crate) async fn kill(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
        self.running = None;
        until("the end of a gateway", || async { TcpStream::connect(self.listen).is_err() }).await;
        self.tap.cut();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A proxy that sends each request to the next of its gateways.
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    /// fields of all that went through, both ways
    pub(crate) heads: Arc<Mutex<Vec<HeaderMap>>>,
    gateways: Arc<Mutex<Vec<SocketAddr>>>,
    _server: Server,
}

impl Balancer {
    pub(crate) async fn before(gateways: &[SocketAddr]) -> Self {
        Self::that_drops(None, gateways).await
    }

    /// One that takes a field away, as proxies do with what they do not know.
    pub(crate) async fn that_drops(field: Option<&'static str>, gateways: &[SocketAddr]) -> Self {
        let (all, heads) = (Arc::new(Mutex::new(gateways.to_vec())), Arc::<Mutex<Vec<HeaderMap>>>::default());
        let (to, seen, next) = (all.clone(), heads.clone(), Arc::new(AtomicUsize::new(0)));
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let pass = move |mut request: axum::extract::Request| {
            let to = {
                let to = to.lock().unwrap();
                to[next.fetch_add(1, Ordering::SeqCst) % to.len()]
            };
            if let Some(field) = field {
                request.headers_mut().remove(field);
            }
            seen.lock().unwrap().push(request.headers().clone());
            let path = request.uri().path_and_query().unwrap().clone();
            *request.uri_mut() = format!("http://{to}{path}").parse().unwrap();
            let (client, seen) = (client.clone(), seen.clone());
            let near = hyper::upgrade::on(&mut request);
            async move {
                match client.request(request).await {
                    Ok(mut response) => {
                        seen.lock().unwrap().push(response.headers().clone());
                        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                            tokio::spawn(websocket::join(near, hyper::upgrade::on(&mut response)));
                        }
                        response.map(Body::new)
                    }
                    Err(_) => {
                        let mut response = http::Response::new(Body::empty());
                        *response.status_mut() = StatusCode::BAD_GATEWAY;
                        response
                    }
                }
            }
        };
        let server = Server::start(Router::new().fallback(pass)).await;
        Self { address: server.address, heads, gateways: all, _server: server }
    }

    /// Sends what comes from now on to these.
    pub(crate) fn route(&self, gateways: &[SocketAddr]) {
        *self.gateways.lock().unwrap() = gateways.to_vec();
    }
}

/// Settings of a client that comes by `at`.
pub(crate) fn settings(at: SocketAddr, wire: Wire) -> Settings {
    Settings { wire, ..stage::settings(at) }
}

/// The same in bound mode: method, name and target show outside.
pub(crate) fn bound(at: SocketAddr) -> Settings {
    Settings { bound: Some(Vec::new()), ..settings(at, Wire::Session) }
}

/// The same for an enclave, that proves what it is.
pub(crate) fn enclave(at: SocketAddr) -> Settings {
    let attester = Arc::new(Machine::new(tee::development().into(), Vec::new()));
    Settings { attester: Some(attester), ..settings(at, Wire::Session) }
}

pub(crate) async fn connect(settings: Settings) -> Connector {
    within("a connector", Connector::connect(settings)).await.unwrap()
}

pub(crate) async fn send(
    connector: &Connector,
    method: Method,
    path: &str,
    said: &str,
) -> Result<(StatusCode, Vec<u8>), Error> {
    let request = Request::builder().method(method).uri(format!("https://{AUTHORITY}{path}"));
    answered(connector, request.body(body::full(said.to_owned())).unwrap()).await
}

/// The same over a channel, which carries calls of gRPC.
pub(crate) async fn call(
    connector: &Connector,
    path: &str,
    said: &str,
) -> Result<(StatusCode, Vec<u8>), Error> {
    let request = Request::post(format!("https://{AUTHORITY}{path}"));
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    answered(connector, request.body(body::full(said.to_owned())).unwrap()).await
}

async fn answered(
    connector: &Connector,
    request: Request<sealwire_http::Body>,
) -> Result<(StatusCode, Vec<u8>), Error> {
    let response = within("an answer", connector.clone().oneshot(request)).await?;
    let status = response.status();
    match within("content", response.into_body().collect()).await {
        Ok(content) => Ok((status, content.to_bytes().to_vec())),
        Err(_) => Err(Error::OutcomeUnknown),
    }
}

pub(crate) async fn post(connector: &Connector, said: &str) -> Result<(StatusCode, Vec<u8>), Error> {
    send(connector, Method::POST, "/", said).await
}

pub(crate) async fn get(connector: &Connector) {
    assert_eq!(send(connector, Method::GET, "/", "").await.unwrap().0, StatusCode::OK);
}

pub(crate) fn facts(connector: &Connector) -> Facts {
    let SealedWith::Session(facts) = connector.status().sealed_with else { panic!("another wire") };
    facts
}

/// The instance that a connector is at.
pub(crate) fn instance(connector: &Connector) -> Instance {
    connector.pinned().get().instance
}

/// What the registry calls it.
pub(crate) fn entry(instance: &Instance) -> String {
    format!("sealwire:instance:{}", hex::encode(instance))
}
