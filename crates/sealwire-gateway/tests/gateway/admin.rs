//! Health, readiness, metrics.

use crate::support::{
    ByHand, Hand, LOOPBACK, Mode, NAME, Switched, ask, get, named, nobody, plain, plain_route, send, start,
    status, tee, until,
};
use sealwire_gateway::{Environment, Gateway};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::io::AsyncWriteExt;

async fn admin(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = get(address, path).await;
    (status(&answer), answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn a_gateway_is_ready_until_it_drains() {
    let upstream = ByHand::new().await;
    let mut config = plain(upstream.address());
    config.admin = Some(LOOPBACK);
    let gateway = start(config).await;
    let address = gateway.admin_address().unwrap();
    assert_eq!(admin(address, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(admin(address, "/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(admin(address, "/other").await.0, 404);
    let mut caller = send(gateway.address(), format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n")).await;
    let (mut arrived, _) = upstream.accept_request().await;
    let stopping = tokio::spawn(gateway.shutdown());
    crate::support::eventually(|| async {
        admin(address, "/readyz").await == (503, "draining\n".to_owned())
    })
    .await;
    assert_eq!(admin(address, "/healthz").await.0, 200);
    arrived.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    until(&mut caller, "ok").await;
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_gateway_whose_document_has_expired_is_not_ready() {
    let (switched, clock) = (Switched::new(), Hand::new());
    let mut config = plain(nobody().await);
    config.admin = Some(LOOPBACK);
    let environment =
        Environment { tee: Some(switched.clone().into()), clock: clock.clone(), ..Environment::default() };
    let gateway = Gateway::start_in(config, environment).await.unwrap();
    let address = gateway.admin_address().unwrap();
    assert_eq!(admin(address, "/readyz").await.0, 200);
    switched.set(Mode::Fails);
    clock.forward(Duration::from_secs(24 * 60 * 60 + 1));
    assert_eq!(admin(address, "/readyz").await.0, 503);
    assert_eq!(admin(address, "/healthz").await.0, 200);
    switched.set(Mode::Works);
    gateway.rotate().await.unwrap();
    assert_eq!(admin(address, "/readyz").await.0, 200);
}

/// The value of a series; 0 before it has one.
fn value(metrics: &str, series: &str) -> f64 {
    let found = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn what_happens_shows_in_the_metrics() {
    let mut config = plain(named("content").await);
    config.routes.push(plain_route("/down", nobody().await));
    let mut sealed = plain_route("/sealed", nobody().await);
    sealed.plaintext = false;
    config.routes.push(sealed);
    config.admin = Some(LOOPBACK);
    let environment = Environment {
        tee: Some(tee().into()),
        clock: Arc::new(sealwire_http::SystemClock),
        ..Environment::default()
    };
    let gateway = Gateway::start_in(config, environment).await.unwrap();
    let address = gateway.admin_address().unwrap();
    let before = admin(address, "/metrics").await.1;
    // An alarm on an increase needs the zero before it.
    for series in [
        "sealwire_key_documents_total{result=\"failed\"} ",
        "sealwire_key_rotations_total ",
        "sealwire_refusals_total{reason=\"key\"} ",
        "sealwire_refusals_total{reason=\"register-full\"} ",
    ] {
        assert!(before.lines().any(|line| line.starts_with(series)), "{series}\n{before}");
    }
    ask(gateway.address(), "POST /", "content-length: 5\r\n\r\nhello").await;
    get(gateway.address(), "/down").await;
    get(gateway.address(), "/sealed").await;
    get(gateway.address(), "/.well-known/sealwire").await;
    gateway.rotate().await.unwrap();
    let after = admin(address, "/metrics").await.1;
    // Other tests in this process count, too: at least so much more.
    for (series, more) in [
        ("sealwire_requests_total{wire=\"plain\",outcome=\"answered\"}", 1.0),
        ("sealwire_requests_total{wire=\"plain\",outcome=\"failed\"}", 1.0),
        ("sealwire_requests_total{wire=\"plain\",outcome=\"refused\"}", 1.0),
        ("sealwire_requests_total{wire=\"none\",outcome=\"answered\"}", 1.0),
        ("sealwire_request_seconds_count{wire=\"plain\"}", 3.0),
        ("sealwire_refusals_total{reason=\"unsealed\"}", 1.0),
        ("sealwire_upstream_responses_total{class=\"2xx\"}", 1.0),
        ("sealwire_upstream_errors_total{kind=\"connect\"}", 1.0),
        ("sealwire_content_bytes_total{direction=\"request\"}", 5.0),
        ("sealwire_content_bytes_total{direction=\"response\"}", 7.0),
        ("sealwire_key_documents_total{result=\"published\"}", 1.0),
        ("sealwire_key_rotations_total", 1.0),
        ("sealwire_quotes_total{purpose=\"document\",result=\"made\"}", 1.0),
        ("sealwire_quote_seconds_count", 1.0),
    ] {
        assert!(value(&after, series) >= value(&before, series) + more, "{series}\n{after}");
    }
    for series in [
        "sealwire_connections",
        "sealwire_requests_in_flight",
        "sealwire_replay_register_entries",
        "sealwire_key_document_remaining_seconds",
    ] {
        assert!(after.contains(&format!("# TYPE {series} gauge")), "{series}\n{after}");
    }
    let remaining = value(&after, "sealwire_key_document_remaining_seconds");
    assert!(remaining > 0.0, "{after}");
}
