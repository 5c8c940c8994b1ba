//! Another configuration while requests run.

use crate::support::{
    ByHand, LOOPBACK, NAME, get, named, nobody, plain, plain_route, published, send, start, status, until,
};
use sealwire_attest::KeyDocument;
use sealwire_gateway::ReloadError;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_request_that_has_begun_ends_where_it_began() {
    let upstream = ByHand::new().await;
    let mut config = plain(upstream.address());
    let gateway = start(config.clone()).await;
    let mut caller = send(gateway.address(), format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n")).await;
    let (mut arrived, _) = upstream.accept_request().await;
    config.routes = vec![plain_route("/", named("new").await)];
    gateway.reload(config).await.unwrap();
    assert!(get(gateway.address(), "/").await.ends_with("new"));
    arrived.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold").await.unwrap();
    until(&mut caller, "old").await;
    // the same connection takes the new way
    caller.write_all(format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n").as_bytes()).await.unwrap();
    until(&mut caller, "new").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_drop_no_request() {
    let (a, b) = (named("a").await, named("b").await);
    let gateway = start(plain(a)).await;
    let address = gateway.address();
    let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (done, answered) = (done.clone(), answered.clone());
            tokio::spawn(async move {
                let head = format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n");
                let mut stream = send(address, "").await;
                while !done.load(Ordering::Relaxed) {
                    stream.write_all(head.as_bytes()).await.unwrap();
                    let answer = until(&mut stream, "content-length: 1\r\n").await;
                    assert_eq!(status(&answer), 200);
                    if !answer.contains("\r\n\r\n") || answer.ends_with("\r\n\r\n") {
                        // headers and content may come apart
                        while !stream_has_letter(&mut stream).await {}
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for i in 0..20 {
        let seen = answered.load(Ordering::Relaxed);
        gateway.reload(plain(if i % 2 == 0 { b } else { a })).await.unwrap();
        crate::support::eventually(|| async { answered.load(Ordering::Relaxed) > seen + 10 }).await;
    }
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
}

async fn stream_has_letter(stream: &mut tokio::net::TcpStream) -> bool {
    let mut byte = [0];
    tokio::io::AsyncReadExt::read_exact(stream, &mut byte).await.unwrap();
    [b'a', b'b'].contains(&byte[0])
}

#[tokio::test]
async fn what_is_settled_at_start_needs_a_restart() {
    let config = plain(named("a").await);
    let gateway = start(config.clone()).await;
    let mut other = config.clone();
    other.admin = Some(LOOPBACK);
    other.limits.connections = 7;
    other.keys.rotation = Duration::from_secs(3600);
    other.session.window = 7;
    match gateway.reload(other).await.unwrap_err() {
        ReloadError::Restart(keys) => assert_eq!(keys, ["admin", "limits.connections", "keys", "session"]),
        error => panic!("{error}"),
    }
    let mut other = config;
    other.routes = vec![plain_route("/", nobody().await), plain_route("/", nobody().await)];
    assert!(matches!(gateway.reload(other).await.unwrap_err(), ReloadError::Config(_)));
    assert!(get(gateway.address(), "/").await.ends_with("a"), "the old one stays in force");
}

// AT-44
#[tokio::test]
async fn only_another_digest_makes_other_keys() {
    let upstream = named("a").await;
    let config = plain(upstream);
    let gateway = start(config.clone()).await;
    let document = async || KeyDocument::decode(&published(gateway.address()).await.document).unwrap();
    let first = document().await;

    // what a document does not show
    let mut other = config.clone();
    other.routes[0].timeout = Some(Duration::from_secs(5));
    gateway.reload(other).await.unwrap();
    assert_eq!(document().await, first);

    // what it shows, but not where plaintext goes
    let mut other = config.clone();
    other.limits.message = 5 << 20;
    gateway.reload(other).await.unwrap();
    let second = document().await;
    assert!(second.serial > first.serial);
    assert_eq!(second.limits["oblivious"], 5 << 20);
    assert_eq!(second.config_digest, first.config_digest);
    assert_eq!(second.ohttp_key_list(), first.ohttp_key_list());

    // where plaintext goes
    let mut other = config;
    other.routes[0].plaintext = false;
    gateway.reload(other.clone()).await.unwrap();
    let third = document().await;
    assert!(third.serial > second.serial);
    assert_eq!(third.config_digest, other.digest().unwrap());
    assert_eq!(gateway.config_digest(), third.config_digest);
    for key in &third.keys {
        assert!(second.keys.iter().all(|old| old.id != key.id && old.bytes != key.bytes));
    }
    assert_eq!(status(&get(gateway.address(), "/").await), 403, "requests in clear have verified nothing");
}
