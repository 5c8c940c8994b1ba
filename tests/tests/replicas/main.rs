//! Gateways behind one name, and a balancer that sends every connection to another one (SE-44).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use axum::{Router, body::Body};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sealwire_client::{Connector, Error, Settings, Wire};
use sealwire_gateway::{Config, Running, config::Registry};
use sealwire_http::body;
use sealwire_tests::{App, document::Server, raw::Raw, redis::Redis, stage, stage::AUTHORITY, within};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tower::ServiceExt;

/// A proxy that sends each request to the next gateway.
struct Balancer {
    address: SocketAddr,
    gateways: Gateways,
    _server: Server,
}

type Gateways = Arc<Mutex<Vec<SocketAddr>>>;

impl Balancer {
    async fn before(gateways: &[&Running]) -> Self {
        let all = Gateways::default();
        let (to, next) = (all.clone(), Arc::new(AtomicUsize::new(0)));
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let pass = move |mut request: axum::extract::Request| {
            let to = {
                let to = to.lock().unwrap();
                to[next.fetch_add(1, Ordering::SeqCst) % to.len()]
            };
            let path = request.uri().path_and_query().unwrap().clone();
            *request.uri_mut() = format!("http://{to}{path}").parse().unwrap();
            let client = client.clone();
            async move {
                match client.request(request).await {
                    Ok(response) => response.map(Body::new),
                    Err(error) => panic!("the balancer cannot reach {to}: {error}"),
                }
            }
        };
        let server = Server::start(Router::new().fallback(pass)).await;
        let balancer = Self { address: server.address, gateways: all, _server: server };
        balancer.route(gateways);
        balancer
    }

    /// Sends what comes from now on to these.
    fn route(&self, gateways: &[&Running]) {
        *self.gateways.lock().unwrap() = gateways.iter().map(|gateway| gateway.address()).collect();
    }
}

/// A gateway that tells `registry` where it is.
async fn gateway(app: &App, registry: Option<&str>) -> Running {
    // The port has to be known before it is advertised.
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let registry = registry.map(|url| Registry {
        url: url.to_owned(),
        advertise: format!("http://{listen}"),
        ttl: Duration::from_secs(30),
    });
    stage::gateway(Config { listen, registry, ..stage::config(&app.url()) }).await
}

async fn connect(at: SocketAddr, wire: Wire) -> Connector {
    let settings = Settings { wire, ..stage::settings(at) };
    within("a connector", Connector::connect(settings)).await.unwrap()
}

async fn post(connector: &Connector, said: &str) -> Result<(StatusCode, Vec<u8>), Error> {
    let request = Request::builder().method(Method::POST).uri(format!("https://{AUTHORITY}/"));
    let request = request.body(body::full(said.to_owned())).unwrap();
    let response = within("an answer", connector.clone().oneshot(request)).await?;
    let status = response.status();
    Ok((status, within("content", response.into_body().collect()).await.unwrap().to_bytes().to_vec()))
}

/// As many at once as make the balancer use every gateway; each is carried out once.
async fn all_arrive(connector: &Connector, app: &App) {
    let before = app.counts().completed;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..60 {
        let connector = connector.clone();
        all.spawn(async move {
            let said = format!("request {number}");
            let answer = post(&connector, &said).await;
            assert_eq!(answer.unwrap(), (StatusCode::OK, said.into_bytes()));
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    assert_eq!(app.counts().completed - before, 60);
}

// SE-44: whichever gateway they reach, requests of every wire come to the instance that they are sealed to.
#[tokio::test]
async fn every_wire_works_behind_a_balancer() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let gateways =
        [gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await];
    let balancer = Balancer::before(&gateways.each_ref()).await;
    for wire in [Wire::Oblivious, Wire::Session] {
        let connector = connect(balancer.address, wire).await;
        all_arrive(&connector, &app).await;
        let counts = connector.status().counts;
        assert_eq!((counts.failed, counts.resent, counts.renewals), (0, 0, 0), "{wire:?}");
    }
    // Nothing but names and addresses is in the registry.
    let keys = String::from_utf8(redis.say(&["KEYS", "*"])).unwrap();
    assert!(keys.contains("sealwire:instance:") && keys.contains("sealwire:ohttp-key:"), "{keys}");
}

// SE-44, SE-43: without a registry, or with one that is gone, the wrong gateway knows nothing: availability suffers, and
// nothing is carried out twice.
#[tokio::test]
async fn without_a_registry_requests_fail_and_are_never_doubled() {
    let app = App::echo().await;
    for registry in [None, Some(Redis::start())] {
        let url = registry.as_ref().map(Redis::url);
        let (first, second) = (gateway(&app, url.as_deref()).await, gateway(&app, url.as_deref()).await);
        for wire in [Wire::Oblivious, Wire::Session] {
            let balancer = Balancer::before(&[&first]).await;
            let connector = connect(balancer.address, wire).await;
            assert_eq!(post(&connector, "one").await.unwrap().0, StatusCode::OK);
            let before = app.counts().reached;
            if let Some(redis) = &registry {
                redis.say(&["FLUSHALL"]);
            }
            balancer.route(&[&second]);
            let outcome = post(&connector, "two").await;
            assert!(matches!(outcome, Err(Error::OutcomeUnknown)), "{wire:?}: {outcome:?}");
            assert_eq!(app.counts().reached, before, "not carried out, and not said to be");
            // The keys of the second are known by now.
            assert_eq!(post(&connector, "three").await.unwrap().0, StatusCode::OK);
            assert_eq!(app.counts().reached, before + 1);
        }
    }
}

// SE-44: an owner that is gone is as good as none: what may be repeated goes on with another instance.
#[tokio::test]
async fn a_dead_owner_costs_a_renewal() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let (first, second) = (gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await);
    let balancer = Balancer::before(&[&first]).await;
    let connector = connect(balancer.address, Wire::Session).await;
    assert_eq!(post(&connector, "one").await.unwrap().0, StatusCode::OK);
    let instance = hex::encode(connector.pinned().get().instance);
    let entry = format!("sealwire:instance:{instance}");
    let address = format!("http://{}", first.address());
    balancer.route(&[&second]);
    first.shutdown().await;
    // It has taken back what it had said; a gateway that was killed would not have.
    assert!(redis.say(&["GET", &entry]).starts_with(b"$-1"));
    redis.say(&["SET", &entry, &address]);
    let get = Request::get(format!("https://{AUTHORITY}/")).body(body::empty()).unwrap();
    let answer = within("an answer", connector.clone().oneshot(get)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let counts = connector.status().counts;
    assert_eq!((counts.renewals, counts.failed), (1, 0));
}

// SE-44: a registry that lies sends sealed bytes astray, and nobody there can do anything with them.
#[tokio::test]
async fn a_lying_registry_costs_availability_alone() {
    let (app, redis, stranger) = (App::echo().await, Redis::start(), App::echo().await);
    let url = redis.url();
    let second = gateway(&app, Some(&url)).await;
    for lie in [stranger.url(), "http://user@127.0.0.1:1".to_owned(), "file:///etc/passwd".to_owned()] {
        let first = gateway(&app, Some(&url)).await;
        let balancer = Balancer::before(&[&first]).await;
        let connector = connect(balancer.address, Wire::Session).await;
        assert_eq!(post(&connector, "one").await.unwrap().0, StatusCode::OK);
        let before = app.counts().reached;
        let instance = hex::encode(connector.pinned().get().instance);
        redis.say(&["SET", &format!("sealwire:instance:{instance}"), &lie]);
        balancer.route(&[&second]);
        let outcome = post(&connector, "secret").await;
        assert!(outcome.is_err(), "{lie}: {outcome:?}");
        assert_eq!(app.counts().reached, before, "{lie}");
    }
    let seen = stranger.seen();
    let paths: Vec<_> = seen.iter().map(|head| head.uri.path()).collect();
    assert_eq!(paths, ["/.well-known/sealwire/r"]);
}

// SE-44: what was forwarded is not forwarded again, so that two that take each other for the owner do not play catch.
#[tokio::test]
async fn a_request_is_forwarded_once() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let (first, second) = (gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await);
    // Whose this is, each takes the other for.
    let entry = format!("sealwire:instance:{}", "77".repeat(16));
    redis.say(&["SET", &entry, &format!("http://{}", first.address())]);
    let id = format!("\"{}\"", "77".repeat(32));
    let ticket = format!(":{}:", "A".repeat(96));
    let fields = [
        ("content-type", "message/sealwire-req"),
        ("attest-base-id", id.as_str()),
        ("attest-ticket", ticket.as_str()),
    ];
    let mut raw = Raw::connect(second.address()).await;
    let answer = raw.post("/.well-known/sealwire/r", &fields, b"sealed").await.answer().await;
    // From the second to the first, and there it ends.
    assert_eq!(answer.status, 409);
}
