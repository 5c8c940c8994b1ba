//! The local proxy as a program meets it: a real application behind a real gateway, and plain HTTP by hand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod raw;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::{any, get},
};
use raw::{Head, Wire, ask, request};
use sealwire::{
    connect::{self, ConnectSettings, Error},
    relay::{self, RelaySettings, Tap},
};
use sealwire_attest::Policy;
use sealwire_client::{self as client, Settings};
use sealwire_gateway::{Config, Environment, Gateway, config::Tee};
use sealwire_http::client::oblivious::Form;
use sealwire_tee::Development;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc};

const AUTHORITY: &str = "app.example";

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// One for all tests: its root takes seconds to make.
fn tee() -> &'static Arc<Development> {
    static TEE: OnceLock<Arc<Development>> = OnceLock::new();
    TEE.get_or_init(|| {
        Arc::new(Development::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("tee")).unwrap())
    })
}

fn policy(operator: &str) -> Policy {
    let root = hex::encode(tee().root_fingerprint());
    let measurement = hex::encode(tee().measurement());
    Policy::from_toml(&format!(
        r#"
        version = 1
        max-lifetime = "24h"
        max-age = "24h"
        {operator}
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

/// The application, which knows nothing of any of this.
struct App {
    address: SocketAddr,
    reached: Arc<AtomicUsize>,
    events: mpsc::Sender<&'static str>,
}

type Events = Arc<Mutex<Option<mpsc::Receiver<&'static str>>>>;

impl App {
    async fn start() -> Self {
        let listener = TcpListener::bind(loopback()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let reached = Arc::new(AtomicUsize::new(0));
        let (events, from) = mpsc::channel(1);
        let count = reached.clone();
        let router = Router::new()
            .route("/seen", any(seen))
            .route("/echo", any(|content: Body| async { content }))
            .route("/redirect", get(redirect))
            .route("/events", get(stream_events))
            .with_state(Arc::new(Mutex::new(Some(from))))
            .layer(axum::middleware::from_fn(move |request: Request, next: axum::middleware::Next| {
                count.fetch_add(1, Ordering::SeqCst);
                next.run(request)
            }));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, reached, events }
    }

    fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }
}

async fn seen(request: Request) -> Json<Value> {
    let (head, content) = request.into_parts();
    let content = axum::body::to_bytes(content, 1 << 20).await.unwrap();
    let fields: serde_json::Map<String, Value> =
        head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
    Json(json!({
        "method": head.method.as_str(),
        "path": head.uri.to_string(),
        "fields": fields,
        "content": String::from_utf8(content.to_vec()).unwrap(),
    }))
}

async fn redirect(fields: HeaderMap) -> impl IntoResponse {
    let host = fields[header::HOST].to_str().unwrap();
    let place = format!("https://{host}/there?x#y");
    (StatusCode::SEE_OTHER, [(header::LOCATION, place.clone()), (header::CONTENT_LOCATION, place)])
}

async fn stream_events(State(events): State<Events>) -> impl IntoResponse {
    let from = events.lock().unwrap().take().unwrap();
    let stream = futures_util::stream::unfold(from, |mut from| async {
        let event = from.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(format!("data: {event}\n\n"))), from))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream))
}

async fn gateway(app: &App, change: impl FnOnce(&mut Config)) -> sealwire_gateway::Running {
    let mut config = Config {
        listen: loopback(),
        tee: Tee::Development,
        upstream: Some(format!("http://{}", app.address)),
        authorities: vec![AUTHORITY.to_owned()],
        ..Config::default()
    };
    config.limits.drain_time = Duration::from_millis(10);
    change(&mut config);
    Gateway::start_in(config, Environment { tee: Some(tee().clone().into()), ..Environment::default() })
        .await
        .unwrap()
}

fn client(gateway: SocketAddr, operator: &str) -> Settings {
    let mut settings = Settings::new(format!("http://{gateway}").parse().unwrap(), policy(operator));
    settings.authority = Some(AUTHORITY.to_owned());
    settings
}

/// All of it, by a policy that accepts any operator.
struct Stage {
    app: App,
    gateway: sealwire_gateway::Running,
    proxy: connect::Running,
}

impl Stage {
    async fn set(change: impl FnOnce(&mut ConnectSettings)) -> Self {
        let app = App::start().await;
        let gateway = gateway(&app, |_| {}).await;
        let client = client(gateway.address(), "any-operator = true");
        let mut settings = ConnectSettings::new(client, loopback());
        change(&mut settings);
        let proxy = connect::start(settings).await.unwrap();
        Self { app, gateway, proxy }
    }

    fn host(&self) -> String {
        format!("host: {}", self.proxy.address())
    }

    async fn ask(&self, start: &str, fields: &[&str], content: &[u8]) -> (Head, Vec<u8>) {
        let host = self.host();
        ask(self.proxy.address(), start, &[&[host.as_str()][..], fields].concat(), content).await
    }
}

fn problem(head: &Head, content: &[u8]) -> Value {
    assert_eq!(head.get("content-type"), Some("application/problem+json"), "{head:?}");
    let problem: Value = serde_json::from_slice(content).unwrap();
    assert_eq!(problem["status"], head.status());
    for member in ["type", "title", "detail"] {
        assert!(!problem[member].as_str().unwrap().is_empty(), "{problem}");
    }
    problem
}

fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap().strip_prefix("tag:sealwire,2026:").unwrap()
}

#[tokio::test]
async fn a_program_notices_nothing() {
    for wire in [client::Wire::Session, client::Wire::Oblivious] {
        Box::pin(nothing_is_noticed(wire)).await;
    }
}

async fn nothing_is_noticed(by: client::Wire) {
    let stage = Stage::set(|settings| settings.client.wire = by).await;
    let fields = [
        "content-type: application/json",
        "authorization: Bearer key",
        "connection: keep-alive, x-mine",
        "x-mine: 1",
        "proxy-connection: keep-alive",
        "te: trailers",
    ];
    let (head, content) = stage.ask("POST /seen?q=1", &fields, b"{\"a\":1}").await;
    assert_eq!(head.status(), 200);
    let seen: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(
        (&seen["method"], &seen["path"], &seen["content"]),
        (&json!("POST"), &json!("/seen?q=1"), &json!("{\"a\":1}"))
    );
    let fields = seen["fields"].as_object().unwrap();
    assert_eq!(fields["authorization"], "Bearer key");
    assert_eq!(fields["host"], AUTHORITY);
    // OB-62
    assert!(fields.contains_key("date") || by == client::Wire::Session);
    for name in ["x-mine", "proxy-connection", "connection"] {
        assert!(!fields.contains_key(name), "{name}");
    }

    let mut wire = Wire::connect(stage.proxy.address()).await;
    wire.send(request("HEAD /seen", &[&stage.host()], b"")).await;
    let head = wire.head().await.unwrap();
    assert_eq!((head.status(), head.get("content-type")), (200, Some("application/json")));
    let (head, content) = stage.ask(&format!("GET http://{}/seen", stage.proxy.address()), &[], b"").await;
    assert_eq!(head.status(), 200);
    assert_eq!(serde_json::from_slice::<Value>(&content).unwrap()["path"], "/seen");
    let (head, _) = stage.ask("GET /nothing", &[], b"").await;
    assert_eq!(head.status(), 404);
}

// DNS rebinding, and pages of other origins.
#[tokio::test]
async fn strangers_are_kept_out() {
    let stage =
        Stage::set(|settings| settings.allow_origins = vec!["https://pages.example".to_owned()]).await;
    let (address, port) = (stage.proxy.address(), stage.proxy.address().port());
    let local = format!("host: localhost:{port}");
    for fields in [
        vec!["host: rebound.example"],
        vec!["host: 127.0.0.1"],
        vec![],
        vec![local.as_str(), "origin: https://evil.example"],
        vec![local.as_str(), "origin: null"],
    ] {
        let mut wire = Wire::connect(address).await;
        let version = if fields.is_empty() { "1.0" } else { "1.1" };
        wire.send(format!("POST /seen HTTP/{version}\r\n{}\r\n\r\n", fields.join("\r\n"))).await;
        let (head, content) = wire.message().await.unwrap();
        assert_eq!(head.status(), 403, "{fields:?}");
        assert_eq!(kind(&problem(&head, &content)), "not-allowed");
    }
    assert_eq!(stage.app.reached(), 0);
    for origin in [format!("origin: http://localhost:{port}"), "origin: https://pages.example".to_owned()] {
        let (head, content) = ask(address, "POST /seen", &[&local, &origin], b"").await;
        assert_eq!(head.status(), 200);
        let seen: Value = serde_json::from_slice(&content).unwrap();
        let expected =
            if origin.contains("localhost") { "https://app.example" } else { "https://pages.example" };
        assert_eq!(seen["fields"]["origin"], expected);
    }
}

// OB-44: answered here, because it must not travel.
#[tokio::test]
async fn expectations_are_met_here() {
    let stage = Stage::set(|_| {}).await;
    let mut wire = Wire::connect(stage.proxy.address()).await;
    let fields = [&stage.host(), "expect: 100-continue", "content-length: 5"].map(str::to_owned);
    let fields = fields.each_ref().map(String::as_str);
    wire.send(request("POST /echo", &fields, b"")).await;
    assert_eq!(wire.head().await.unwrap().start, "HTTP/1.1 100 Continue");
    wire.send("hello").await;
    assert_eq!(wire.message().await.unwrap().1, b"hello");

    let (head, content) = stage.ask("POST /echo", &["expect: miracles"], b"").await;
    assert_eq!(head.status(), 417);
    problem(&head, &content);
}

// OB-46
#[tokio::test]
async fn what_needs_a_connection_is_told_so() {
    let stage = Stage::set(|settings| settings.client.wire = client::Wire::Oblivious).await;
    let websocket = ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
    let (head, content) = stage.ask("GET /seen", &websocket, b"").await;
    assert_eq!(head.status(), 501);
    assert!(problem(&head, &content)["detail"].as_str().unwrap().contains("--wire session"));
    let (head, content) = stage.ask(&format!("CONNECT {}", stage.proxy.address()), &[], b"").await;
    assert_eq!(head.status(), 501);
    assert_eq!(kind(&problem(&head, &content)), "no-upgrade");
    assert_eq!(stage.app.reached(), 0);
    // An offer of HTTP/2 may be passed over (RFC 9110 section 7.8).
    let offer = ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"];
    let (head, content) = stage.ask("GET /seen", &offer, b"").await;
    assert_eq!(head.status(), 200);
    let seen: Value = serde_json::from_slice(&content).unwrap();
    assert!(seen["fields"].get("upgrade").is_none() && seen["fields"].get("http2-settings").is_none());
}

#[tokio::test]
async fn places_lead_back_here() {
    let stage = Stage::set(|_| {}).await;
    for host in [stage.proxy.address().to_string(), format!("localhost:{}", stage.proxy.address().port())] {
        let (head, _) = ask(stage.proxy.address(), "GET /redirect", &[&format!("host: {host}")], b"").await;
        let place = format!("http://{host}/there?x#y");
        assert_eq!(head.status(), 303);
        assert_eq!(head.get("location"), Some(place.as_str()));
        assert_eq!(head.get("content-location"), Some(place.as_str()));
    }
}

// OB-27: each event as it happens; the next is sent only when the last has arrived.
#[tokio::test]
async fn events_come_one_by_one() {
    let stage = Stage::set(|_| {}).await;
    let mut wire = Wire::connect(stage.proxy.address()).await;
    wire.send(request("GET /events", &[&stage.host()], b"")).await;
    assert_eq!(wire.head().await.unwrap().get("content-type"), Some("text/event-stream"));
    for event in ["one", "two", "three"] {
        stage.app.events.send(event).await.unwrap();
        assert_eq!(wire.chunk().await.unwrap(), format!("data: {event}\n\n").as_bytes());
    }
}

// OB-48: the answer comes while the request still goes.
#[tokio::test]
async fn bodies_stream_both_ways() {
    let stage = Stage::set(|_| {}).await;
    let mut wire = Wire::connect(stage.proxy.address()).await;
    wire.send(request("POST /echo", &[&stage.host(), "transfer-encoding: chunked"], b"")).await;
    wire.send_chunk(b"begin").await;
    assert_eq!(wire.head().await.unwrap().status(), 200);
    assert_eq!(wire.chunk().await.unwrap(), b"begin");
    for text in [&b"and"[..], b"so", b"on"] {
        wire.send_chunk(text).await;
        assert_eq!(wire.chunk().await.unwrap(), text);
    }
    wire.send("0\r\n\r\n").await;
    assert_eq!(wire.chunk().await.unwrap(), b"");

    let large: Vec<u8> = (0..4u32 << 20).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    let (head, content) = stage.ask("POST /echo", &[], &large).await;
    assert_eq!(head.status(), 200);
    assert!(content == large);
}

// OB-26
#[tokio::test]
async fn whole_messages_work_too() {
    let single = |settings: &mut ConnectSettings| {
        (settings.client.wire, settings.client.form) = (client::Wire::Oblivious, Form::Single);
    };
    let stage = Stage::set(single).await;
    let (head, content) = stage.ask("POST /echo", &[], b"whole").await;
    assert_eq!((head.status(), &content[..]), (200, &b"whole"[..]));
    let (head, content) = stage.ask("POST /echo", &[], &vec![0; 2 << 20]).await;
    assert_eq!(head.status(), 413);
    assert_eq!(kind(&problem(&head, &content)), "too-long");
}

// AT-42, AT-23: no proxy for a gateway that the policy refuses.
#[tokio::test]
async fn a_refused_gateway_gets_no_proxy() {
    let app = App::start().await;
    let gateway = gateway(&app, |_| {}).await;
    let client = client(gateway.address(), &format!("config-digests = [\"sha384:{}\"]", "00".repeat(48)));
    let Err(Error::Client(sealwire_client::Error::Denied(denial))) =
        connect::start(ConnectSettings::new(client, loopback())).await
    else {
        panic!("not denied")
    };
    assert_eq!(denial.reasons[0].code, "operator");
    assert_eq!(app.reached(), 0);
}

// SE-43, AT-45: a restart is a new instance. What may be repeated is, and what may not be is said.
#[tokio::test]
async fn a_restart_is_survived() {
    let stage = Stage::set(|_| {}).await;
    let address = stage.gateway.address();
    assert_eq!(stage.ask("GET /seen", &[], b"").await.0.status(), 200);

    let Stage { app, gateway: old, proxy } = stage;
    old.shutdown().await;
    let new = gateway(&app, |config| config.listen = address).await;
    let stage = Stage { app, gateway: new, proxy };
    let reached = stage.app.reached();
    let (head, content) = stage.ask("POST /seen", &[], b"once").await;
    assert_eq!(head.status(), 502);
    assert_eq!(kind(&problem(&head, &content)), "outcome-unknown");
    assert_eq!(stage.app.reached(), reached);
    for start in ["POST /seen", "GET /seen"] {
        assert_eq!(stage.ask(start, &[], b"").await.0.status(), 200);
    }
    assert_eq!(stage.proxy.status().counts.renewals, 1);
}

// AT-42, AT-23: the same name, another configuration. Every rule that failed is named, nothing is sent.
#[tokio::test]
async fn a_gateway_that_changes_is_refused() {
    let app = App::start().await;
    let old = gateway(&app, |_| {}).await;
    let address = old.address();
    let pinned = format!("config-digests = [\"sha384:{}\"]", hex::encode(old.config_digest()));
    let proxy = connect::start(ConnectSettings::new(client(address, &pinned), loopback())).await.unwrap();
    old.shutdown().await;
    let elsewhere = App::start().await;
    let new = gateway(&elsewhere, |config| config.listen = address).await;
    let stage = Stage { app: elsewhere, gateway: new, proxy };
    for _ in 0..2 {
        let (head, content) = stage.ask("GET /seen", &[], b"").await;
        assert_eq!(head.status(), 502);
        let problem = problem(&head, &content);
        assert_eq!(kind(&problem), "denied");
        let reason = &problem["reasons"][0];
        assert_eq!(reason["code"], "operator");
        for member in ["rule", "expected", "found"] {
            assert!(!reason[member].as_str().unwrap().is_empty(), "{problem}");
        }
    }
    assert_eq!(stage.app.reached(), 0);

    let status = stage.proxy.status_address();
    let (_, content) = ask(status, "GET /status.json", &[&format!("host: {status}")], b"").await;
    let shown: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(shown["state"], "refused");
    assert_eq!(shown["refused"][0]["code"], "operator");
    assert_eq!(shown["refusals"][0]["reasons"][0]["code"], "operator");
}

#[tokio::test]
async fn a_gateway_that_is_away_is_a_502() {
    let Stage { app, gateway, proxy } = Stage::set(|_| {}).await;
    gateway.shutdown().await;
    let host = format!("host: {}", proxy.address());
    for start in ["GET /seen", "POST /seen"] {
        let (head, content) = ask(proxy.address(), start, &[&host], b"").await;
        assert_eq!(head.status(), 502);
        let problem = problem(&head, &content);
        assert_eq!(kind(&problem), "unreachable");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("Tried http://127.0.0.1:"), "{detail}");
    }
    assert_eq!(app.reached(), 0);
}

#[tokio::test]
async fn the_status_page_says_what_was_verified() {
    let stage = Stage::set(|_| {}).await;
    stage.ask("GET /seen", &[], b"").await;
    ask(stage.proxy.address(), "GET /seen", &["host: evil.example"], b"").await;
    let status = stage.proxy.status_address();
    let host = format!("host: {status}");

    let (head, content) = ask(status, "GET /status.json", &[&host], b"").await;
    assert_eq!(head.get("content-type"), Some("application/json"));
    let shown: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(shown["state"], "attested");
    // AT-07
    assert_eq!(shown["development"], true);
    assert_eq!(shown["authority"], AUTHORITY);
    assert_eq!(
        (&shown["wire"]["name"], &shown["wire"]["group"]),
        (&json!("session"), &json!("X25519MLKEM768"))
    );
    assert_eq!(shown["verified"]["verdict"]["verdict"], "accepted");
    assert!(!shown["verified"]["verdict"]["checks"].as_object().unwrap().is_empty());
    assert_eq!(shown["verified"]["age"]["known"], "self-asserted");
    assert_eq!(shown["document"]["instance"].as_str().unwrap().len(), 32);
    assert_eq!(shown["counts"]["requests"], 1);
    assert_eq!(shown["counts"]["not-let-in"], 1);
    assert_eq!(shown["refusals"], json!([]));

    let (head, content) = ask(status, "GET /", &[&host], b"").await;
    assert!(head.get("content-type").unwrap().starts_with("text/html"));
    assert!(head.get("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let page = String::from_utf8(content).unwrap();
    for text in [AUTHORITY, "development", "session", "X25519MLKEM768", "self-asserted"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("<script"));

    for fields in [vec!["host: evil.example"], vec![host.as_str(), "origin: https://evil.example"]] {
        assert_eq!(ask(status, "GET /status.json", &fields, b"").await.0.status(), 403);
    }
    assert_eq!(ask(status, "GET /other", &[&host], b"").await.0.status(), 404);
    assert_eq!(ask(status, "POST /", &[&host], b"").await.0.status(), 405);
    stage.proxy.shutdown().await;
    assert!(tokio::net::TcpStream::connect(status).await.is_err());
}

#[derive(Default)]
struct Seen(Mutex<Vec<u8>>);

impl Tap for Seen {
    fn request(&self, slice: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(slice);
    }
    fn response(&self, slice: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(slice);
    }
}

// OB-88, OB-40: through a relay, keys and all; the relay sees no plaintext.
#[tokio::test]
async fn through_a_relay() {
    const SECRET: &[u8] = b"nobody else's business";
    let app = App::start().await;
    let gateway = gateway(&app, |_| {}).await;
    let seen = Arc::new(Seen::default());
    let at = format!("http://{}", gateway.address()).parse().unwrap();
    let mut settings = RelaySettings::new(loopback(), vec![("unit".to_owned(), at)]);
    settings.tap = Some(seen.clone());
    let relay = relay::start(settings).await.unwrap();

    // Nobody listens at the gateway's own address: the proxy must not try.
    let mut client = client(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), "any-operator = true");
    client.relay = Some(format!("http://{}/unit", relay.address()).parse().unwrap());
    let proxy = connect::start(ConnectSettings::new(client, loopback())).await.unwrap();
    let stage = Stage { app, gateway, proxy };
    let (head, content) = stage.ask("POST /echo", &[], SECRET).await;
    assert_eq!((head.status(), &content[..]), (200, SECRET));
    {
        let seen = seen.0.lock().unwrap();
        assert!(seen.len() > SECRET.len() * 2);
        assert!(!seen.windows(SECRET.len()).any(|window| window == SECRET));
    }

    let status = stage.proxy.status_address();
    let (_, shown) = ask(status, "GET /status.json", &[&format!("host: {status}")], b"").await;
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown["relay"], format!("http://{}/unit", relay.address()));
    assert_eq!((&shown["wire"]["name"], &shown["wire"]["kem"]), (&json!("oblivious"), &json!("X-Wing")));
}

#[tokio::test]
async fn addresses_and_names_are_checked_first() {
    let taken = TcpListener::bind(loopback()).await.unwrap();
    let nobody = client(taken.local_addr().unwrap(), "any-operator = true");
    let mut settings = ConnectSettings::new(nobody, taken.local_addr().unwrap());
    assert!(matches!(connect::start(settings.clone()).await, Err(Error::Listen { .. })));
    settings.listen = loopback();
    settings.allow_origins = vec!["*".to_owned()];
    assert!(matches!(connect::start(settings.clone()).await, Err(Error::Origin(_))));
    settings.allow_origins.clear();
    settings.allow_hosts = vec!["a b".to_owned()];
    assert!(matches!(connect::start(settings).await, Err(Error::Host(_))));
}

// An answer of HTTP/1.0 ends with its connection, so one that is cut would look whole.
#[tokio::test]
async fn http_1_0_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let stage = Stage::set(|_| {}).await;
    let mut program = tokio::net::TcpStream::connect(stage.proxy.address()).await.unwrap();
    program.write_all(format!("GET /seen HTTP/1.0\r\n{}\r\n\r\n", stage.host()).as_bytes()).await.unwrap();
    let mut answer = String::new();
    program.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 505") && answer.contains("tag:sealwire,2026:version"), "{answer}");
    assert_eq!(stage.app.reached(), 0);
}
