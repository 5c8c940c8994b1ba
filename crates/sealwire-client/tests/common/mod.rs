//! A gateway to try the connector on: real keys, real evidence under a development root, real sockets on loopback.
//! What it does with a sealed request is scripted by the test.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic
)]

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, Uri, header, request::Parts};
use http_body_util::BodyExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use sealwire_attest::{
    KeyDocument, Policy, UnixTime,
    key_document::{self, OBLIVIOUS, Published, PublishedKey, report_data},
};
use sealwire_client::{Connector, Environment, Settings};
use sealwire_crypto::{aead::Aead, kem::Kem, random::OsRandom};
use sealwire_http::{
    Body, Clock, KeyRing, SystemClock, body, key_ring, problem,
    server::{
        RouteRules, Routes,
        oblivious::{self, ObliviousLayer},
    },
};
use sealwire_message::bhttp::RequestHead;
use sealwire_tee::{Development, Tee};
use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tower::{Layer, ServiceExt, service_fn};

pub const AUTHORITY: &str = "app.example";
pub const HOUR: Duration = Duration::from_secs(3600);

/// The one development TEE of all tests: its root takes seconds to make.
pub fn tee() -> &'static Development {
    static TEE: OnceLock<Development> = OnceLock::new();
    TEE.get_or_init(|| Development::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("tee")).unwrap())
}

/// Accepts that TEE.
pub fn policy() -> Policy {
    policy_for(&hex(&tee().measurement()))
}

pub fn policy_for(measurement: &str) -> Policy {
    let root = hex(&tee().root_fingerprint());
    Policy::from_toml(&format!(
        r#"
        version = 1
        max-lifetime = "24h"
        max-age = "24h"
        any-operator = true
        [[accept]]
        kind = "development"
        roots = ["sha256:{root}"]
        measurement = ["{measurement}"]
        host-data = {{ any = "a test" }}
        minimum-tcb = {{ any = "a test" }}
        vmpl = {{ any = "a test" }}
        crl = "if-available"
        "#
    ))
    .unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The machine's clock, set by the test.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn ahead(by: Duration) -> Arc<Self> {
        let clock = Arc::new(Self::default());
        clock.advance(by);
        clock
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs() as i64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.0.load(Ordering::SeqCst) as u64)
    }
}

/// What the gateway does with one sealed request.
pub enum Act {
    /// opens it, and answers sealed
    Serve,
    /// reads it all, then 400 ohttp-key
    Stale,
    /// this, in clear
    Plainly(Response<Body>),
    /// reads it all, then ends the exchange without an answer
    Cut,
    /// REFUSED_STREAM
    Refuse,
}

/// An exchange without an answer.
#[derive(Debug)]
pub struct Cut(Option<h2::Error>);

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_ref().map(|error| error as _)
    }
}

pub struct Gateway {
    pub address: SocketAddr,
    pub state: Arc<State>,
    task: JoinHandle<()>,
}

pub struct State {
    pub instance: Mutex<[u8; 16]>,
    pub authority: Mutex<String>,
    serial: AtomicU64,
    ring: Mutex<Arc<KeyRing>>,
    published: Mutex<Option<Bytes>>,
    /// answers to the next fetches of the document, before the real one
    pub documents: Mutex<VecDeque<Response<Body>>>,
    /// what to do with the next sealed requests; then [`Act::Serve`]
    pub acts: Mutex<VecDeque<Act>>,
    pub fetches: watch::Sender<usize>,
    pub posts: AtomicUsize,
    /// requests that reached the application
    pub served: AtomicUsize,
    pub outer: Mutex<Vec<Parts>>,
    /// inner requests
    pub inner: Mutex<Vec<Parts>>,
    kems: Vec<Kem>,
    pub lifetime: Mutex<Duration>,
    /// before the well-known paths
    prefix: &'static str,
}

struct AnyRoute;

impl Routes for AnyRoute {
    fn rules(&self, _: &RequestHead) -> RouteRules {
        RouteRules::default()
    }
}

fn ring(kems: &[Kem]) -> Arc<KeyRing> {
    let settings = key_ring::Settings {
        kems: kems.to_vec(),
        aeads: vec![Aead::Aes128Gcm],
        overlap: HOUR,
        list_lifetime: HOUR,
        register_capacity: 1000,
    };
    Arc::new(KeyRing::new(settings, Arc::new(SystemClock), &OsRandom).unwrap())
}

impl Gateway {
    pub async fn start() -> Self {
        Self::start_with(&[Kem::X25519], HOUR, "").await
    }

    pub async fn start_with(kems: &[Kem], lifetime: Duration, prefix: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, State::new(kems, lifetime, prefix))
    }

    /// The same gateway on a listener of the test's.
    pub fn on(listener: TcpListener, state: Arc<State>) -> Self {
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(accept(listener, state.clone()));
        Self { address, state, task }
    }

    pub fn uri(&self) -> Uri {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.uri(), policy());
        settings.authority = Some(AUTHORITY.to_owned());
        settings
    }

    pub async fn connector(&self) -> Connector {
        Connector::connect(self.settings()).await.unwrap()
    }

    pub async fn connector_at(&self, clock: Arc<TestClock>) -> Connector {
        let environment = Environment { clock, ..Environment::default() };
        Connector::connect_in(self.settings(), environment).await.unwrap()
    }

    /// Stops listening, and cuts every connection.
    pub async fn stop(self) -> (SocketAddr, Arc<State>) {
        self.task.abort();
        let _ = self.task.await;
        (self.address, self.state)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // Connections end with this task.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream, state.clone()));
    }
}

pub fn serve(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    state: Arc<State>,
) -> BoxFuture<'static, ()> {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let state = state.clone();
        async move { state.handle(request.map(body::boxed)).await }
    });
    Box::pin(async move {
        let _ = auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .await;
    })
}

impl State {
    pub fn new(kems: &[Kem], lifetime: Duration, prefix: &'static str) -> Arc<Self> {
        Arc::new(Self {
            instance: Mutex::new([1; 16]),
            authority: Mutex::new(AUTHORITY.to_owned()),
            serial: AtomicU64::new(1),
            ring: Mutex::new(ring(kems)),
            published: Mutex::new(None),
            documents: Mutex::default(),
            acts: Mutex::default(),
            fetches: watch::Sender::new(0),
            posts: AtomicUsize::new(0),
            served: AtomicUsize::new(0),
            outer: Mutex::default(),
            inner: Mutex::default(),
            kems: kems.to_vec(),
            lifetime: Mutex::new(lifetime),
            prefix,
        })
    }

    /// A restart: new keys, a new instance; what was sealed to the old is unknown.
    pub fn restart(&self) {
        self.instance.lock().unwrap()[0] += 1;
        *self.ring.lock().unwrap() = ring(&self.kems);
        *self.published.lock().unwrap() = None;
    }

    /// A rotation: new keys, the old ones are gone at once.
    pub fn rotate(&self) {
        *self.ring.lock().unwrap() = ring(&self.kems);
        self.reissue();
    }

    /// The same keys under a new serial.
    pub fn reissue(&self) {
        self.serial.fetch_add(1, Ordering::SeqCst);
        *self.published.lock().unwrap() = None;
    }

    pub fn act(&self, acts: impl IntoIterator<Item = Act>) {
        self.acts.lock().unwrap().extend(acts);
    }

    pub fn fetches(&self) -> usize {
        *self.fetches.borrow()
    }

    pub fn posts(&self) -> usize {
        self.posts.load(Ordering::SeqCst)
    }

    pub fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    /// The document as it would be published now.
    pub fn document(&self) -> KeyDocument {
        let now = UnixTime(SystemClock.unix_seconds());
        let not_after = now.saturating_add(*self.lifetime.lock().unwrap());
        let keys = self.ring.lock().unwrap().current();
        let keys = keys.advertised().iter().map(|live| {
            let config = live.as_ref().as_ref().config();
            PublishedKey {
                id: vec![config.key_id],
                purpose: OBLIVIOUS.to_owned(),
                not_before: now,
                not_after,
                bytes: config.encode(),
            }
        });
        let authorities = vec![self.authority.lock().unwrap().clone()];
        KeyDocument {
            instance: *self.instance.lock().unwrap(),
            serial: self.serial.load(Ordering::SeqCst),
            issued_at: now,
            not_after,
            role: key_document::GATEWAY.to_owned(),
            authorities,
            keys: keys.collect(),
            wires: vec![OBLIVIOUS.to_owned()],
            suites: Default::default(),
            limits: Default::default(),
            config_digest: [7; 48],
            operator: None,
        }
    }

    pub fn published(&self) -> Bytes {
        let mut published = self.published.lock().unwrap();
        published.get_or_insert_with(|| publish(&self.document())).clone()
    }

    /// The exact bytes of the document that is published now.
    pub fn document_bytes(&self) -> Vec<u8> {
        Published::decode(&self.published()).unwrap().document
    }

    async fn handle(&self, request: Request<Body>) -> Result<Response<Body>, Cut> {
        let (mut parts, content) = request.into_parts();
        let path = parts.uri.path().strip_prefix(self.prefix).unwrap().to_owned();
        if parts.method == Method::GET && path == key_document::PATH {
            self.fetches.send_modify(|fetches| *fetches += 1);
            if let Some(response) = self.documents.lock().unwrap().pop_front() {
                return Ok(response);
            }
            return Ok(document(self.published()));
        }
        self.posts.fetch_add(1, Ordering::SeqCst);
        self.outer.lock().unwrap().push(parts.clone());
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Serve);
        match act {
            Act::Serve => {}
            Act::Stale => {
                let _ = content.collect().await;
                return Ok(problem::response(StatusCode::BAD_REQUEST, problem::OHTTP_KEY, "key", ""));
            }
            Act::Plainly(response) => return Ok(response),
            Act::Cut => {
                let _ = content.collect().await;
                return Err(Cut(None));
            }
            Act::Refuse => return Err(Cut(Some(h2::Reason::REFUSED_STREAM.into()))),
        }
        parts.uri = path.parse().unwrap();
        let request = Request::from_parts(parts, content);
        let wire = ObliviousLayer::new(oblivious::Settings {
            ring: self.ring.lock().unwrap().clone(),
            routes: Arc::new(AnyRoute),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            limits: Default::default(),
            window: Duration::from_secs(600),
        });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let inner = seen.clone();
        let application = service_fn(move |request: Request<Body>| {
            let inner = inner.clone();
            async move {
                let (parts, content) = request.into_parts();
                inner.lock().unwrap().push(parts.clone());
                Ok::<_, Infallible>(application(parts, content).await)
            }
        });
        let response = wire.layer(application).oneshot(request).await.unwrap();
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        self.served.fetch_add(seen.len(), Ordering::SeqCst);
        self.inner.lock().unwrap().extend(seen);
        Ok(response)
    }
}

/// What is behind the gateway: `/problem/N` answers with a problem of its own and N bytes of detail, the rest echoes.
async fn application(parts: Parts, content: Body) -> Response<Body> {
    let Some(length) = parts.uri.path().strip_prefix("/problem/") else { return Response::new(content) };
    let detail = "x".repeat(length.parse().unwrap());
    let mut response = problem::response(StatusCode::BAD_REQUEST, "about:blank", "its own", &detail);
    response.headers_mut().insert(header::DATE, parts.headers[header::DATE].clone());
    response
}

pub fn publish(document: &KeyDocument) -> Bytes {
    let bytes = document.encode();
    let tee = tee();
    let produced = tee.produce(&report_data(&bytes, tee.kind(), &[])).unwrap();
    let published = Published {
        document: bytes,
        evidence: produced.evidence.into(),
        endorsements: produced.endorsements,
    };
    published.encode().into()
}

pub fn document(published: Bytes) -> Response<Body> {
    Response::builder()
        .header(header::CONTENT_TYPE, key_document::MEDIA_TYPE)
        .body(body::full(published))
        .unwrap()
}

pub fn plainly(status: StatusCode) -> Response<Body> {
    Response::builder().status(status).body(body::empty()).unwrap()
}

pub async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
