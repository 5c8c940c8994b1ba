//! Gateways, applications and raw clients.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use sealwire_attest::{
    Policy, UnixTime, Verifier,
    key_document::{Acceptance, Published, Seen, Wanted, accept},
};
use sealwire_gateway::{
    Config, Environment, Gateway, Running,
    config::Route,
    listener::{ConnectionLimits, Listener},
};
use sealwire_http::{Body, body};
use sealwire_tee::{Development, Produced, Tee};
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::{Service, service_fn};

pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// The name that test gateways serve.
pub(crate) const NAME: &str = "gateway.test";

/// One development root for all tests; it takes seconds to make.
pub(crate) fn tee() -> Arc<Development> {
    static TEE: OnceLock<Arc<Development>> = OnceLock::new();
    let state = Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/development"));
    TEE.get_or_init(|| Arc::new(Development::open(state).unwrap())).clone()
}

/// A configuration with no route.
pub(crate) fn config() -> Config {
    Config { listen: LOOPBACK, authorities: vec![NAME.to_owned()], ..Config::default() }
}

/// A configuration with one route, which takes requests in clear.
pub(crate) fn plain(upstream: SocketAddr) -> Config {
    let mut config = config();
    config.routes = vec![plain_route("/", upstream)];
    config
}

pub(crate) fn plain_route(path: &str, upstream: SocketAddr) -> Route {
    let mut route = Route::new(path, format!("http://{upstream}"));
    route.plaintext = true;
    route
}

pub(crate) fn environment() -> Environment {
    Environment { tee: Some(tee().into()), ..Environment::default() }
}

pub(crate) async fn start(config: Config) -> Running {
    Gateway::start_in(config, environment()).await.unwrap()
}

/// An application behind a gateway.
pub(crate) async fn application<S>(service: S) -> SocketAddr
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let listener = Listener::bind(LOOPBACK, None).await.unwrap();
    let address = listener.local_addr();
    tokio::spawn(listener.serve(service, ConnectionLimits::default(), CancellationToken::new()));
    address
}

/// An application that answers with its name.
pub(crate) async fn named(name: &'static str) -> SocketAddr {
    application(service_fn(move |_| async move { Ok(Response::new(body::full(name))) })).await
}

/// What an application saw of a request.
#[derive(Debug, Clone)]
pub(crate) struct Seen1 {
    pub(crate) line: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) content: Bytes,
}

/// An application that keeps what it sees, and answers `seen`.
pub(crate) async fn recorder() -> (SocketAddr, Arc<Mutex<Vec<Seen1>>>) {
    let seen = Arc::<Mutex<Vec<Seen1>>>::default();
    let log = seen.clone();
    let service = service_fn(move |request: Request<Body>| {
        let log = log.clone();
        async move {
            let (parts, content) = request.into_parts();
            // Only what has ended is kept.
            if let Ok(collected) = content.collect().await {
                let line = format!("{} {}", parts.method, parts.uri);
                let content = collected.to_bytes();
                log.lock().unwrap().push(Seen1 { line, headers: parts.headers, content });
            }
            Ok(Response::new(body::full("seen")))
        }
    });
    (application(service).await, seen)
}

pub(crate) async fn send(to: SocketAddr, bytes: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    stream
}

/// What arrives until the other side closes.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut out = Vec::new();
    // A reset after the last byte is as good as a close.
    let _ = stream.read_to_end(&mut out).await;
    String::from_utf8_lossy(&out).into_owned()
}

/// What arrives until `end` has.
pub(crate) async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut out = Vec::new();
    while !String::from_utf8_lossy(&out).contains(end) {
        let read = stream.read_buf(&mut out).await.unwrap();
        assert_ne!(read, 0, "closed before {end:?}: {:?}", String::from_utf8_lossy(&out));
    }
    String::from_utf8(out).unwrap()
}

/// A whole answer to a request in clear, `connection: close` added.
pub(crate) async fn ask(gateway: SocketAddr, request_line: &str, more: &str) -> String {
    let head = format!("{request_line} HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n{more}\r\n");
    let mut stream = send(gateway, head).await;
    rest(&mut stream).await
}

pub(crate) async fn get(gateway: SocketAddr, path: &str) -> String {
    ask(gateway, &format!("GET {path}"), "").await
}

/// The content of an answer with Content-Length.
pub(crate) async fn get_bytes(gateway: SocketAddr, path: &str) -> (String, Vec<u8>) {
    let head = format!("GET {path} HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n\r\n");
    let mut stream = send(gateway, head).await;
    let mut out = Vec::new();
    stream.read_to_end(&mut out).await.unwrap();
    let end = out.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8(out[..end].to_vec()).unwrap(), out[end..].to_vec())
}

pub(crate) fn status(answer: &str) -> u16 {
    answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest[..3].parse().ok())
        .unwrap_or_else(|| panic!("{answer:?}"))
}

/// An upstream that is driven by hand.
pub(crate) struct ByHand(TcpListener);

impl ByHand {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind(LOOPBACK).await.unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) async fn accept(&self) -> TcpStream {
        self.0.accept().await.unwrap().0
    }

    /// A connection on which a header section has arrived.
    pub(crate) async fn accept_request(&self) -> (TcpStream, String) {
        let mut stream = self.accept().await;
        let head = until(&mut stream, "\r\n\r\n").await;
        (stream, head)
    }
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind(LOOPBACK).await.unwrap().local_addr().unwrap()
}

pub(crate) async fn published(gateway: SocketAddr) -> Published {
    let (head, content) = get_bytes(gateway, "/.well-known/sealwire").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    Published::decode(&content).unwrap()
}

/// What a client makes of a published document, with a policy that accepts this machine and any operator.
pub(crate) fn accepted(published: &Published, challenge: &[u8], at: SystemTime) -> Acceptance {
    let tee = tee();
    let any = "{ any = \"a test\" }";
    let policy = Policy::from_toml(&format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\nroots = [\"sha256:{}\"]\n\
         measurement = {any}\nhost-data = {any}\n",
        hex::encode(tee.root_fingerprint()),
    ))
    .unwrap();
    let verifier = Verifier::new(&[tee.root_fingerprint()]);
    let at = UnixTime(at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
    accept(published, &verifier, &policy, Wanted::Gateway(NAME), challenge, Seen::default(), at).unwrap()
}

/// What a [`Switched`] does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Works,
    Hangs,
    Fails,
}

/// The development TEE behind a switch.
pub(crate) struct Switched {
    tee: Arc<Development>,
    mode: Mutex<Mode>,
    changed: Condvar,
    failed: AtomicUsize,
}

impl Switched {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            tee: tee(),
            mode: Mutex::new(Mode::Works),
            changed: Condvar::new(),
            failed: AtomicUsize::new(0),
        })
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
        self.changed.notify_all();
    }
}

impl Switched {
    /// How often it has failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }
}

impl Tee for Switched {
    fn kind(&self) -> sealwire_attest::Kind {
        self.tee.kind()
    }

    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, sealwire_tee::Error> {
        let mode = self.changed.wait_while(self.mode.lock().unwrap(), |mode| *mode == Mode::Hangs).unwrap();
        match *mode {
            Mode::Fails => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                Err(sealwire_tee::Error::WrongReport)
            }
            Mode::Works | Mode::Hangs => self.tee.produce(report_data),
        }
    }
}

/// A clock that is set by hand.
pub(crate) struct Hand(Mutex<SystemTime>);

impl Hand {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(SystemTime::now())))
    }

    pub(crate) fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl sealwire_http::Clock for Hand {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// Repeats until `check` says yes; for what happens in the background, by itself.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut check: impl FnMut() -> F) {
    let waiting = async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            if check().await {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never came to be");
}
