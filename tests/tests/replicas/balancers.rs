//! nginx and HAProxy themselves: with their default limits (SE-83), and routing by instance as the documentation says
//! (SE-44).

use super::channels::{hears, socket_of, talking};
use super::fleet::{Balancer, Member, bound, connect, enclave, facts, get, instance, send, settings};
use axum::{Router, body::Body, response::IntoResponse, routing::get as on_get};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use sealwire_client::{Connector, Settings, Wire};
use sealwire_http::body;
use sealwire_tests::{App, proxy::Proxy, redis::Redis, stage::AUTHORITY, within};
use std::{
    collections::HashSet,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::sync::mpsc;
use tower::ServiceExt;

/// More than any field of Sealwire's.
const LONG_FIELD: usize = 4 << 10;

/// nginx with its defaults, but for what is said.
fn plain_nginx(to: SocketAddr, more: &str) -> Proxy {
    Proxy::nginx(|address, _| {
        format!("server {{ listen {address}; location / {{ proxy_pass http://{to}; {more} }} }}")
    })
}

/// HAProxy with its defaults; only times have none.
fn plain_haproxy(to: SocketAddr) -> Proxy {
    Proxy::haproxy(|address, _| {
        format!(
            "defaults\n mode http\n timeout connect 2s\n timeout client 30s\n timeout server 30s\n\
             frontend f\n bind {address}\n default_backend b\nbackend b\n server s {to}"
        )
    })
}

fn longest(heads: &[HeaderMap]) -> usize {
    let lengths = heads.iter().flatten().map(|(name, value)| name.as_str().len() + value.len());
    lengths.max().unwrap()
}

// SE-83: with default limits of header sections and of bodies, handshakes in all their forms, requests of every wire, and
// early data pass; no field of ours is long, and whatever is long is in bodies. Envoy's default for a whole header section
// is 60 KiB, far more than what is counted here.
#[tokio::test]
async fn se_83_handshakes_pass_with_default_limits() {
    let (app, redis) = (App::echo().await, Redis::start());
    let member = Member::start(&app, Some(&redis.url())).await;
    let counted = Balancer::before(&[member.tap.address()]).await;
    let proxies = [
        // It speaks HTTP/1.0 to what is behind it, and holds everything back until it is whole.
        plain_nginx(counted.address, ""),
        plain_nginx(counted.address, "proxy_http_version 1.1;"),
        plain_haproxy(counted.address),
    ];
    for proxy in &proxies {
        let at = proxy.address;
        for wire in [Wire::Oblivious, Wire::Session] {
            let connector =
                connect(Settings { early_data: wire == Wire::Session, ..settings(at, wire) }).await;
            let said = "x".repeat(500 << 10);
            let answer = send(&connector, Method::POST, "/", &said).await.unwrap();
            assert_eq!(answer, (StatusCode::OK, said.into_bytes()));
            connector.close().await;
            get(&connector).await;
            let counts = connector.status().counts;
            let early = u64::from(wire == Wire::Session);
            assert_eq!((counts.early, counts.resumptions, counts.failed), (early, early, 0));
        }
        let connector = connect(enclave(at)).await;
        assert!(facts(&connector).authenticated);
        get(&connector).await;
    }
    let heads = counted.heads.lock().unwrap();
    assert!(longest(&heads) < LONG_FIELD, "{}", longest(&heads));
    let section =
        |head: &HeaderMap| head.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let longest: usize = heads.iter().map(section).max().unwrap();
    assert!(longest < LONG_FIELD, "all fields together: {longest}");
    // What has passed would have been refused as fields.
    assert!(member.tap.back.lock().unwrap().len() > 60 << 10);
}

/// An application that says what it is told to, when it is told to.
async fn streaming() -> (App, mpsc::Sender<&'static str>) {
    let (say, said) = mpsc::channel(1);
    let said = Arc::new(Mutex::new(Some(said)));
    let stream = move || {
        let mut said: mpsc::Receiver<&'static str> = said.lock().unwrap().take().unwrap();
        async move {
            let events = futures_util::stream::poll_fn(move |cx| said.poll_recv(cx));
            let events =
                futures_util::StreamExt::map(events, |event| Ok::<_, std::io::Error>(Bytes::from(event)));
            ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response()
        }
    };
    (App::new(Router::new().route("/events", on_get(stream))).await, say)
}

// SE-83: events reach the caller one by one, through both. nginx has to be told not to wait for more.
#[tokio::test]
async fn se_83_events_are_not_held_back() {
    for wire in [Wire::Session, Wire::Oblivious] {
        for nginx in [true, false] {
            let (app, say) = streaming().await;
            let member = Member::start(&app, None).await;
            let proxy = if nginx {
                plain_nginx(member.listen, "proxy_http_version 1.1; proxy_buffering off;")
            } else {
                plain_haproxy(member.listen)
            };
            let connector = connect(settings(proxy.address, wire)).await;
            let request = Request::get(format!("https://{AUTHORITY}/events")).body(body::empty()).unwrap();
            say.send("data: one\n\n").await.unwrap();
            let response = within("an answer", connector.clone().oneshot(request)).await.unwrap();
            let mut events = response.into_body();
            for (event, next) in [("data: one\n\n", Some("data: two\n\n")), ("data: two\n\n", None)] {
                let frame = within("an event", events.frame()).await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), event);
                // Only now: the first was not waiting for the second.
                if let Some(next) = next {
                    say.send(next).await.unwrap();
                }
            }
            drop(say);
            assert!(within("the end", events.frame()).await.is_none());
        }
    }
}

/// The only block of this kind in the documentation.
fn documented(kind: &str) -> String {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operate.md")).unwrap();
    let fence = format!("\n```{kind}\n");
    let mut blocks = text.split(&fence).skip(1);
    let block = blocks.next().unwrap().split("\n```").next().unwrap().to_owned();
    assert!(blocks.next().is_none(), "several blocks of {kind}");
    block
}

/// Puts in what a reader would: addresses, and where the certificate lies.
fn with(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in\n{text}");
        text.replace(from, to)
    })
}

struct Documented {
    proxy: Proxy,
    /// in DER
    root: Vec<u8>,
}

impl Documented {
    fn start(nginx: bool, first: SocketAddr, second: SocketAddr) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (chain, key) = (cert.pem(), signing_key.serialize_pem());
        let (first, second) = (first.to_string(), second.to_string());
        let gateways = [("10.0.0.5:8443", first.as_str()), ("10.0.0.6:8443", second.as_str())];
        let file = |folder: &Path, name: &str, content: &str| {
            let path = folder.join(name);
            fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let proxy = if nginx {
            Proxy::nginx(|address, folder| {
                let (chain, key) = (file(folder, "chain.pem", &chain), file(folder, "key.pem", &key));
                let listen = format!("listen {address} ssl");
                let files = [
                    ("listen 443 ssl", listen.as_str()),
                    ("/etc/ssl/gateway.pem", chain.as_str()),
                    ("/etc/ssl/gateway.key", key.as_str()),
                ];
                with(&with(&documented("nginx"), &gateways), &files)
            })
        } else {
            Proxy::haproxy(|address, folder| {
                let both = file(folder, "both.pem", &format!("{chain}{key}"));
                let listen = format!("bind {address} ssl");
                let files = [("bind :443 ssl", listen.as_str()), ("/etc/haproxy/gateway.pem", both.as_str())];
                with(&with(&documented("haproxy"), &gateways), &files)
            })
        };
        Self { proxy, root: cert.der().to_vec() }
    }

    fn settings(&self, settings: impl Fn(SocketAddr) -> Settings) -> Settings {
        let at = self.proxy.address;
        let to = format!("https://{at}").parse().unwrap();
        Settings { to, tls_roots: vec![self.root.clone()], ..settings(at) }
    }
}

async fn prefixed(app: &App, prefix: u8) -> Member {
    Member::with(app, None, |config| config.instance_prefix = vec![prefix]).await
}

/// Many requests at once, over as many connections as that needs.
async fn all_well(connector: &Connector) {
    let mut all = tokio::task::JoinSet::new();
    for number in 0..20 {
        let connector = connector.clone();
        all.spawn(async move {
            let said = format!("request {number}");
            let answer = send(&connector, Method::POST, "/", &said).await;
            assert_eq!(answer.unwrap(), (StatusCode::OK, said.into_bytes()));
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

// SE-44: what docs/operate.md tells people to write, with nothing changed but addresses and files: all that is of one
// session goes to one instance, without any registry; and where that is gone, the caller is told by the other.
async fn the_documented_balancer_routes_by_instance(nginx: bool) {
    let app = talking().await;
    let (mut first, mut second) = (prefixed(&app, 1).await, prefixed(&app, 2).await);
    let balancer = Documented::start(nginx, first.listen, second.listen);
    for member in [&mut first, &mut second] {
        member.is_also(balancer.proxy.address).await;
    }
    let mut met = HashSet::new();
    let mut connectors = Vec::new();
    for number in 0..6 {
        if number == 2 {
            // One request more, so that handshakes are not always the same gateway's turn.
            connect(balancer.settings(|at| settings(at, Wire::Oblivious))).await;
        }
        let settings = match number % 3 {
            0 => balancer.settings(|at| settings(at, Wire::Session)),
            // Its handshake takes two requests.
            1 => balancer.settings(enclave),
            // Its GETs have content.
            _ => balancer.settings(bound),
        };
        let connector = connect(settings).await;
        all_well(&connector).await;
        get(&connector).await;
        hears(&mut socket_of(&connector).await.unwrap(), "in a channel").await;
        let counts = connector.status().counts;
        assert_eq!((counts.failed, counts.resent, counts.renewals), (0, 0, 0));
        met.insert(instance(&connector)[0]);
        connectors.push(connector);
    }
    assert_eq!(met, HashSet::from([1, 2]), "both have sessions");
    let before = app.counts().reached;
    first.kill().await;
    for connector in &connectors {
        get(connector).await;
        assert_eq!(instance(connector)[0], 2);
        assert_eq!(connector.status().counts.failed, 0);
    }
    assert_eq!(app.counts().reached - before, connectors.len());
}

// SE-44
#[tokio::test]
async fn nginx_routes_by_instance_as_documented() {
    Box::pin(the_documented_balancer_routes_by_instance(true)).await;
}

// SE-44
#[tokio::test]
async fn haproxy_routes_by_instance_as_documented() {
    Box::pin(the_documented_balancer_routes_by_instance(false)).await;
}

// SE-44: with a registry besides, everything that a balancer cannot route by finds its instance: tickets, and the oblivious
// wire.
#[tokio::test]
async fn a_registry_does_what_no_balancer_can() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let (first, second) = (Member::start(&app, Some(&url)).await, Member::start(&app, Some(&url)).await);
    for nginx in [true, false] {
        let balancer = Documented::start(nginx, first.listen, second.listen);
        for wire in [Wire::Session, Wire::Oblivious] {
            let settings = balancer.settings(|at| settings(at, wire));
            let connector = connect(Settings { early_data: wire == Wire::Session, ..settings }).await;
            for _ in 0..4 {
                all_well(&connector).await;
                connector.close().await;
                get(&connector).await;
            }
            let counts = connector.status().counts;
            let resumed = if wire == Wire::Session { 4 } else { 0 };
            assert_eq!(
                (counts.failed, counts.renewals, counts.resumptions, counts.early),
                (0, 0, resumed, resumed),
                "{wire:?}"
            );
        }
    }
}
