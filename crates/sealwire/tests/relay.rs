//! The relay between a client and a gateway that are both made by hand (OB-80 to OB-88).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod raw;

use raw::{Head, Wire, ask, request};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use sealwire::relay::{self, Error, MapError, RelayLimits, RelaySettings, Running, Tap};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const SEALED: &[u8] = b"sealed bytes that mean nothing to a relay";
const POST: &str = "POST /unit/.well-known/ohttp-gateway";
const FIELDS: [&str; 2] = ["host: relay.example", "content-type: message/ohttp-chunked-req"];

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Where a hand-made gateway listens, and a relay that knows it as `unit`.
async fn set_up(change: impl FnOnce(&mut RelaySettings)) -> (TcpListener, Running) {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let gateway = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut settings = RelaySettings::new(loopback(), vec![("unit".to_owned(), gateway)]);
    change(&mut settings);
    (listener, relay::start(settings).await.unwrap())
}

async fn accept(listener: &TcpListener) -> Wire {
    Wire::over(listener.accept().await.unwrap().0)
}

/// Answers one request.
async fn answer(listener: &TcpListener, answer: &str) -> (Wire, Head, Vec<u8>) {
    let mut wire = accept(listener).await;
    let (head, body) = wire.message().await.unwrap();
    wire.send(answer).await;
    (wire, head, body)
}

async fn nobody_came(listener: &TcpListener) {
    // Whatever the relay has sent by now is in the backlog.
    assert!(futures_util::FutureExt::now_or_never(listener.accept()).is_none());
}

// OB-81: two fields and the body pass, in both directions, and nothing is added.
#[tokio::test]
async fn everything_that_could_identify_is_stripped() {
    let (listener, relay) = set_up(|_| {}).await;
    let fields = [
        "host: relay.example",
        "content-type: message/ohttp-chunked-req",
        "incremental: ?1",
        "user-agent: somebody/1.0",
        "cookie: id=1",
        "authorization: Bearer secret",
        "forwarded: for=192.0.2.1",
        "x-forwarded-for: 192.0.2.1",
        "via: 1.1 other",
        "traceparent: 00-1-2-01",
        "accept: */*",
        "accept-language: de-CH",
        "content-encoding: identity",
        "date: Sun, 06 Nov 1994 08:49:37 GMT",
        "priority: u=1",
    ];
    let reply = "HTTP/1.1 200 OK\r\ncontent-type: message/ohttp-chunked-res\r\nincremental: ?1\r\n\
                 cache-control: no-store\r\nset-cookie: id=2\r\nserver: gateway\r\nvia: 1.1 inner\r\netag: \"x\"\r\n\
                 server-timing: app;dur=53\r\nlocation: http://elsewhere\r\ncontent-length: 4\r\n\r\ndone";
    let client = ask(relay.address(), POST, &fields, SEALED);
    let ((back, content), (_, there, body)) = tokio::join!(client, answer(&listener, reply));
    assert_eq!(body, SEALED);
    assert_eq!(there.start, "POST /.well-known/ohttp-gateway HTTP/1.1");
    assert_eq!(there.names(), ["content-length", "content-type", "host", "incremental"]);
    assert_eq!(there.get("host").unwrap(), listener.local_addr().unwrap().to_string());
    assert_eq!(there.get("content-type"), Some("message/ohttp-chunked-req"));
    assert_eq!(content, b"done");
    // Date is what any server states of its own answer.
    assert_eq!(back.names(), ["content-length", "content-type", "incremental"]);
    assert_eq!(back.get("content-type"), Some("message/ohttp-chunked-res"));
}

// OB-81: trailers are fields.
#[tokio::test]
async fn trailers_do_not_pass() {
    let (listener, relay) = set_up(|_| {}).await;
    let client = async {
        let mut wire = Wire::connect(relay.address()).await;
        let head = request(
            POST,
            &["host: r", "content-type: x/y", "transfer-encoding: chunked", "trailer: id"],
            b"",
        );
        wire.send(head).await;
        wire.send("3\r\nabc\r\n0\r\nid: 1\r\n\r\n").await;
        let head = wire.head().await.unwrap();
        assert_eq!(head.get("trailer"), None);
        assert_eq!(wire.chunk().await.unwrap(), b"xyz");
        assert_eq!(wire.line().await.unwrap(), "0");
        assert_eq!(wire.line().await.unwrap(), "");
    };
    let gateway = async {
        let mut wire = accept(&listener).await;
        let head = wire.head().await.unwrap();
        assert_eq!(head.get("trailer"), None);
        assert_eq!(wire.chunk().await.unwrap(), b"abc");
        assert_eq!(wire.line().await.unwrap(), "0");
        assert_eq!(wire.line().await.unwrap(), "");
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: id\r\n\r\n").await;
        wire.send("3\r\nxyz\r\n0\r\nid: 1\r\n\r\n").await;
    };
    tokio::join!(client, gateway);
}

// OB-83: both directions at once, each slice as it comes.
#[tokio::test]
async fn bodies_stream_both_ways_at_once() {
    let (listener, relay) = set_up(|_| {}).await;
    let mut client = Wire::connect(relay.address()).await;
    client.send(request(POST, &[&FIELDS[..], &["transfer-encoding: chunked"]].concat(), b"")).await;
    client.send_chunk(b"one").await;
    let mut gateway = accept(&listener).await;
    let head = gateway.head().await.unwrap();
    // OB-45: no length where none was given.
    assert_eq!(head.get("content-length"), None);
    gateway.send("HTTP/1.1 200 OK\r\ncontent-type: x/y\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(client.head().await.unwrap().status(), 200);
    assert_eq!(gateway.chunk().await.unwrap(), b"one");
    for text in [&b"two"[..], b"three", b"four"] {
        gateway.send_chunk(text).await;
        assert_eq!(client.chunk().await.unwrap(), text);
        client.send_chunk(text).await;
        assert_eq!(gateway.chunk().await.unwrap(), text);
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(gateway.chunk().await.unwrap(), b"");
    gateway.send("0\r\n\r\n").await;
    assert_eq!(client.chunk().await.unwrap(), b"");
}

// OB-25 needs this of a relay: what is cut on one side is cut on the other, never completed.
#[tokio::test]
async fn what_is_cut_stays_cut() {
    let (listener, relay) = set_up(|_| {}).await;
    let chunked = [&FIELDS[..], &["transfer-encoding: chunked"]].concat();

    let mut client = Wire::connect(relay.address()).await;
    client.send(request(POST, &chunked, b"")).await;
    client.send_chunk(b"half").await;
    let mut gateway = accept(&listener).await;
    gateway.head().await.unwrap();
    assert_eq!(gateway.chunk().await.unwrap(), b"half");
    drop(client);
    assert_eq!(gateway.chunk().await, None);

    let client = ask_cut(relay.address());
    let gateway = async {
        let mut wire = accept(&listener).await;
        wire.message().await.unwrap();
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    };
    let (whole, ()) = tokio::join!(client, gateway);
    assert_eq!(whole, None);
}

async fn ask_cut(relay: SocketAddr) -> Option<Vec<u8>> {
    let mut wire = Wire::connect(relay).await;
    wire.send(request(POST, &FIELDS, SEALED)).await;
    let head = wire.head().await.unwrap();
    wire.body(&head).await
}

// OB-87, OB-42: the gateway's own refusals arrive as they are.
#[tokio::test]
async fn errors_of_the_gateway_pass_unchanged() {
    let (listener, relay) = set_up(|_| {}).await;
    for (status, media_type) in [
        ("400 Bad Request", "application/problem+json"),
        ("415 Unsupported Media Type", "text/plain"),
        ("429 Too Many Requests", "text/plain"),
        ("500 Internal Server Error", "text/html"),
        ("302 Found", "text/html"),
    ] {
        let reply = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
        );
        let client = ask(relay.address(), POST, &FIELDS, SEALED);
        let ((back, content), _) = tokio::join!(client, answer(&listener, &reply));
        assert!(back.start.starts_with(&format!("HTTP/1.1 {}", &status[..3])), "{back:?}");
        assert_eq!(back.get("content-type"), Some(media_type));
        assert_eq!(content, b"{}");
    }
}

// OB-88: the keys, by GET, without a query; nothing else.
#[tokio::test]
async fn keys_are_learnt_through_the_relay() {
    let (listener, relay) = set_up(|_| {}).await;
    for (path, there) in [
        ("/unit/.well-known/sealwire", "/.well-known/sealwire"),
        ("/unit/.well-known/ohttp-gateway", "/.well-known/ohttp-gateway"),
        ("/.well-known/sealwire", "/.well-known/sealwire"),
    ] {
        let reply =
            "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 4\r\nconnection: close\r\n\r\nkeys";
        let start = format!("GET {path}");
        let client = ask(relay.address(), &start, &["host: r", "accept: a/b", "content-type: c/d"], b"");
        let ((back, content), (_, head, _)) = tokio::join!(client, answer(&listener, reply));
        assert_eq!(head.start, format!("GET {there} HTTP/1.1"));
        assert_eq!(head.names(), ["host"]);
        assert_eq!((back.get("content-type"), &content[..]), (Some("a/b"), &b"keys"[..]));
    }
}

// OB-80, OB-88: never anywhere that a client names.
#[tokio::test]
async fn nothing_else_is_forwarded() {
    let (listener, relay) = set_up(|_| {}).await;
    let absolute = format!("GET http://{}/.well-known/other", listener.local_addr().unwrap());
    for (start, status) in [
        ("GET /unit/.well-known/sealwire?challenge=AAAA", 400),
        ("POST /unit/.well-known/ohttp-gateway?id=1", 400),
        ("GET /unit/.well-known/sealwire?", 400),
        ("POST /unit/.well-known/sealwire", 405),
        ("PUT /unit/.well-known/ohttp-gateway", 405),
        ("HEAD /unit/.well-known/ohttp-gateway", 405),
        ("GET /", 404),
        ("GET /unit/.well-known/other", 404),
        ("GET /other/.well-known/sealwire", 404),
        ("GET /unit/../.well-known/sealwire", 404),
        ("GET /unit/.well-known/sealwire%3Fchallenge=AAAA", 404),
        (&absolute, 404),
    ] {
        let mut wire = Wire::connect(relay.address()).await;
        wire.send(request(start, &["host: r"], b"")).await;
        assert_eq!(wire.head().await.unwrap().status(), status, "{start}");
    }
    nobody_came(&listener).await;
}

// OB-85: by the length that is announced, and by what comes.
#[tokio::test]
async fn bodies_are_capped() {
    let (listener, relay) = set_up(|settings| settings.limits.body = 10).await;
    let (head, _) = ask(relay.address(), POST, &FIELDS, &[1; 11]).await;
    assert_eq!(head.status(), 413);
    nobody_came(&listener).await;

    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let client = ask(relay.address(), POST, &FIELDS, &[1; 10]);
    let ((head, _), (mut gateway, ..)) = tokio::join!(client, answer(&listener, reply));
    assert_eq!(head.status(), 200);

    let mut client = Wire::connect(relay.address()).await;
    client.send(request(POST, &[&FIELDS[..], &["transfer-encoding: chunked"]].concat(), b"")).await;
    client.send_chunk(&[1; 10]).await;
    gateway.head().await.unwrap();
    assert_eq!(gateway.chunk().await.unwrap(), [1; 10]);
    client.send_chunk(&[1]).await;
    assert_eq!(gateway.chunk().await, None);
    assert_eq!(client.head().await.unwrap().status(), 413);
}

// OB-85
#[tokio::test]
async fn a_client_that_asks_too_often_is_told_so() {
    let (_listener, relay) = set_up(|settings| {
        settings.limits.rate = 1;
        settings.limits.burst = 2;
    })
    .await;
    for status in [404, 404, 429] {
        let (head, _) = ask(relay.address(), "GET /", &["host: r"], b"").await;
        assert_eq!(head.status(), status);
        assert_eq!(head.get("retry-after").is_some(), status == 429);
    }
}

// OB-85: exchanges at once, of one client and of all; the place is free again when the exchange is over.
#[tokio::test]
async fn exchanges_at_once_are_capped() {
    for (limit, status) in [
        (RelayLimits { exchanges: 1, ..RelayLimits::default() }, 503),
        (RelayLimits { exchanges_per_client: 1, ..RelayLimits::default() }, 429),
    ] {
        let (listener, relay) = set_up(|settings| settings.limits = limit).await;
        let mut first = Wire::connect(relay.address()).await;
        first.send(request(POST, &FIELDS, SEALED)).await;
        let mut gateway = accept(&listener).await;
        gateway.message().await.unwrap();
        let (head, _) = ask(relay.address(), POST, &FIELDS, SEALED).await;
        assert_eq!(head.status(), status);
        gateway.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n").await;
        first.head().await.unwrap();
        // The answer is not over.
        let (head, _) = ask(relay.address(), POST, &FIELDS, SEALED).await;
        assert_eq!(head.status(), status);
        gateway.send("x").await;
        first.exactly(1).await.unwrap();
        first.send(request("GET /", &["host: r"], b"")).await;
        assert_eq!(first.head().await.unwrap().status(), 404);
    }
}

// OB-85: who sends nothing holds nothing.
#[tokio::test]
async fn a_silent_body_is_given_up() {
    let (listener, relay) = set_up(|settings| settings.limits.idle_time = Duration::from_millis(300)).await;
    let mut client = Wire::connect(relay.address()).await;
    client.send(request(POST, &[&FIELDS[..], &["transfer-encoding: chunked"]].concat(), b"")).await;
    client.send_chunk(b"half").await;
    let mut gateway = accept(&listener).await;
    gateway.head().await.unwrap();
    assert_eq!(gateway.chunk().await.unwrap(), b"half");
    assert_eq!(gateway.chunk().await, None);
    assert_eq!(client.head().await.unwrap().status(), 408);
}

// OB-85, OB-167: what failed is not sent twice.
#[tokio::test]
async fn nothing_is_sent_twice() {
    let (listener, relay) = set_up(|_| {}).await;
    let gateway = async {
        let mut wire = accept(&listener).await;
        wire.message().await.unwrap();
        drop(wire);
    };
    let ((head, _), ()) = tokio::join!(ask(relay.address(), POST, &FIELDS, SEALED), gateway);
    assert_eq!(head.status(), 502);
    nobody_came(&listener).await;
    drop(listener);
    let (head, _) = ask(relay.address(), POST, &FIELDS, SEALED).await;
    assert_eq!(head.status(), 502);
}

// OB-82: the gateway cannot tell clients apart by their connections.
#[tokio::test]
async fn clients_share_connections() {
    let (listener, relay) = set_up(|_| {}).await;
    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let (_, (mut gateway, ..)) =
        tokio::join!(ask(relay.address(), POST, &FIELDS, SEALED), answer(&listener, reply));
    for _ in 0..3 {
        let second = async {
            gateway.message().await.unwrap();
            gateway.send(reply).await;
        };
        tokio::join!(ask(relay.address(), POST, &FIELDS, SEALED), second);
    }
    nobody_came(&listener).await;
}

// OB-82
#[tokio::test]
async fn legs_in_clear_are_refused_at_start() {
    let start = |listen: SocketAddr, gateway: &str| {
        let gateways = vec![("unit".to_owned(), gateway.parse().unwrap())];
        async move { relay::start(RelaySettings::new(listen, gateways)).await.err() }
    };
    let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    assert!(matches!(start(everywhere, "https://gateway.example").await, Some(Error::Plain(_))));
    let error = start(loopback(), "http://gateway.example").await;
    assert!(matches!(error, Some(Error::Map(MapError::Plain(_)))));
    let taken = TcpListener::bind(loopback()).await.unwrap().local_addr().unwrap();
    let holder = TcpListener::bind(taken).await.unwrap();
    assert!(matches!(start(taken, "https://gateway.example").await, Some(Error::Listen { .. })));
    drop(holder);
}

struct Certified {
    server: Arc<ServerConfig>,
    root: Vec<u8>,
}

fn certified() -> Certified {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Certified { server: Arc::new(server), root: made.cert.der().to_vec() }
}

// OB-82: TLS on both legs, and the gateway's certificate counts.
#[tokio::test]
async fn both_legs_by_tls() {
    let (of_relay, of_gateway) = (certified(), certified());
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let gateway = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut settings = RelaySettings::new(loopback(), vec![("unit".to_owned(), gateway)]);
    settings.tls = Some(of_relay.server.clone());
    let strict = relay::start(settings.clone()).await;
    settings.tls_roots = vec![of_gateway.root.clone()];
    let relay = relay::start(settings).await.unwrap();

    let acceptor = TlsAcceptor::from(of_gateway.server);
    let serve = async |acceptor: &TlsAcceptor| -> io::Result<()> {
        let stream = acceptor.accept(listener.accept().await?.0).await?;
        let mut wire = Wire::over(stream);
        wire.message().await.unwrap();
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        Ok(())
    };
    let (answer, served) = tokio::join!(ask_by_tls(relay.address(), &of_relay.root), serve(&acceptor));
    served.unwrap();
    assert_eq!(answer, (200, b"ok".to_vec()));

    // A machine without any root certificate refuses at start; any other refuses this gateway's.
    if let Ok(strict) = strict {
        let (answer, served) = tokio::join!(ask_by_tls(strict.address(), &of_relay.root), serve(&acceptor));
        assert_eq!(answer.0, 502);
        assert!(served.is_err());
    }
}

async fn ask_by_tls(relay: SocketAddr, root: &[u8]) -> (u16, Vec<u8>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(root.to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(relay).await.unwrap();
    let name = rustls::pki_types::ServerName::from(relay.ip());
    let mut wire = Wire::over(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap());
    wire.send(request(POST, &FIELDS, SEALED)).await;
    let (head, body) = wire.message().await.unwrap();
    (head.status(), body)
}

#[derive(Default)]
struct Seen(Mutex<(Vec<u8>, Vec<u8>)>);

impl Tap for Seen {
    fn request(&self, slice: &[u8]) {
        self.0.lock().unwrap().0.extend_from_slice(slice);
    }
    fn response(&self, slice: &[u8]) {
        self.0.lock().unwrap().1.extend_from_slice(slice);
    }
}

// OB-84: numbers, and no address.
#[tokio::test]
async fn what_is_told_is_an_aggregate() {
    let seen = Arc::new(Seen::default());
    let tap = seen.clone();
    let (listener, relay) = set_up(|settings| {
        settings.admin = Some(loopback());
        settings.tap = Some(tap);
    })
    .await;
    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
    tokio::join!(ask(relay.address(), POST, &FIELDS, SEALED), answer(&listener, reply));
    ask(relay.address(), "GET /", &["host: r"], b"").await;
    assert_eq!(*seen.0.lock().unwrap(), (SEALED.to_vec(), b"done".to_vec()));

    let admin = relay.admin_address().unwrap();
    let (head, _) = ask(admin, "GET /healthz", &["host: a"], b"").await;
    assert_eq!(head.status(), 200);
    let (_, metrics) = ask(admin, "GET /metrics", &["host: a"], b"").await;
    let metrics = String::from_utf8(metrics).unwrap();
    for line in [
        "sealwire_relay_requests_total{outcome=\"forwarded\"} 1",
        "sealwire_relay_requests_total{outcome=\"path\"} 1",
        "sealwire_relay_requests_total{outcome=\"failed\"} 0",
        &format!("sealwire_relay_bytes_total{{direction=\"request\"}} {}", SEALED.len()),
        "sealwire_relay_bytes_total{direction=\"response\"} 4",
        "sealwire_relay_exchanges 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
    assert!(!metrics.contains("127.0.0.1"));
    relay.shutdown().await;
    assert!(TcpStream::connect(admin).await.is_err());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// OB-84: at no level does a log line tell of a client.
#[tokio::test]
async fn logs_tell_nothing_of_clients() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (listener, relay) = set_up(|_| {}).await;
    let mut client = TcpStream::connect(relay.address()).await.unwrap();
    let address = client.local_addr().unwrap().to_string();
    let mut wire = Wire::over(&mut client);
    wire.send(request(POST, &FIELDS, SEALED)).await;
    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
    let (answered, _) = tokio::join!(wire.message(), answer(&listener, reply));
    assert_eq!(answered.unwrap().0.status(), 200);
    drop(wire);
    drop(client);
    relay.shutdown().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("relay started"), "{log}");
    assert!(!log.contains(&address), "{log}");
}
