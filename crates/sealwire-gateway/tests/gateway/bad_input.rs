//! Half requests, lies about lengths, slow callers, too many of them.

use crate::support::{
    ByHand, NAME, application, get, named, plain, recorder, rest, send, start, status, until,
};
use http::Response;
use sealwire_http::body;
use std::{sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, sync::Notify};
use tower::service_fn;

fn post(more: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: {NAME}\r\n{more}\r\n")
}

// OB-25
#[tokio::test]
async fn a_request_that_is_cut_is_never_completed() {
    for (head, part, sign) in [
        (post("content-length: 10\r\n"), "hello", "hello"),
        (post("transfer-encoding: chunked\r\n"), "5\r\nhello\r\n", "hello"),
    ] {
        let upstream = ByHand::new().await;
        let gateway = start(plain(upstream.address())).await;
        let mut caller = send(gateway.address(), head).await;
        caller.write_all(part.as_bytes()).await.unwrap();
        let mut arrived = upstream.accept().await;
        until(&mut arrived, sign).await;
        drop(caller);
        let after = rest(&mut arrived).await;
        assert!(!after.contains("0\r\n\r\n"), "the end was made up: {after:?}");
    }
}

#[tokio::test]
async fn content_past_its_length_is_no_part_of_the_request() {
    let (upstream, seen) = recorder().await;
    let gateway = start(plain(upstream)).await;
    let mut caller =
        send(gateway.address(), post("content-length: 5\r\n") + "hello, and more of it\r\n\r\n").await;
    let answers = rest(&mut caller).await;
    assert_eq!(status(&answers), 200);
    assert!(answers.contains("HTTP/1.1 400"), "{answers}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].content, "hello");
}

#[tokio::test]
async fn lengths_that_disagree_are_refused() {
    let (upstream, seen) = recorder().await;
    let gateway = start(plain(upstream)).await;
    for more in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5x\r\n",
        "content-length: -1\r\n",
        "content-length: 99999999999999999999999\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, gzip\r\n",
    ] {
        let mut caller = send(gateway.address(), post(more) + "hello").await;
        assert_eq!(status(&rest(&mut caller).await), 400, "{more}");
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn both_framings_at_once_smuggle_nothing() {
    let (upstream, seen) = recorder().await;
    let gateway = start(plain(upstream)).await;
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: gateway.test\r\n\r\n";
    let more = format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", smuggled.len());
    let mut caller = send(gateway.address(), post(&more) + smuggled).await;
    until(&mut caller, "\r\n\r\n").await;
    drop(caller);
    gateway.shutdown().await;
    // One framing is believed by gateway and application alike: what follows is a request of its own, or none at all.
    for seen in seen.lock().unwrap().iter() {
        assert!(seen.content.is_empty(), "{seen:?}");
        assert!(
            !seen.headers.contains_key("content-length") || !seen.headers.contains_key("transfer-encoding")
        );
    }
}

#[tokio::test]
async fn a_request_that_stalls_is_given_up() {
    let upstream = ByHand::new().await;
    let mut config = plain(upstream.address());
    config.limits.idle_time = Duration::from_millis(50);
    let gateway = start(config).await;
    let mut caller = send(gateway.address(), post("content-length: 10\r\n") + "hello").await;
    let mut arrived = upstream.accept().await;
    until(&mut arrived, "hello").await;
    let answer = until(&mut caller, "stalled").await;
    assert_eq!(status(&answer), 408);
    assert_eq!(rest(&mut arrived).await, "", "the upstream exchange is aborted");
}

#[tokio::test]
async fn a_slow_header_section_is_given_up() {
    let mut config = plain(named("never").await);
    config.limits.header_time = Duration::from_millis(50);
    let gateway = start(config).await;
    let mut caller = send(gateway.address(), "GET / HTTP/1.1\r\nhost: gate").await;
    assert!(!rest(&mut caller).await.contains("never"));
    // nobody else is harmed
    assert!(get(gateway.address(), "/").await.ends_with("never"));
}

#[tokio::test]
async fn a_header_section_that_is_too_long_is_refused() {
    let mut config = plain(named("never").await);
    config.limits.header_size = 8 << 10;
    let gateway = start(config).await;
    let mut caller = send(gateway.address(), "GET / HTTP/1.1\r\nx-long: ").await;
    let _ = caller.write_all(&[b'x'; 9000]).await;
    assert_eq!(status(&until(&mut caller, "\r\n").await), 431);
}

#[tokio::test]
async fn requests_above_the_limit_are_shed() {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let service = {
        let (begun, release) = (begun.clone(), release.clone());
        service_fn(move |_| {
            let (begun, release) = (begun.clone(), release.clone());
            async move {
                begun.notify_one();
                release.notified().await;
                Ok(Response::new(body::full("late")))
            }
        })
    };
    let mut config = plain(application(service).await);
    config.limits.requests = 1;
    let gateway = start(config).await;
    let mut first = send(gateway.address(), format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n")).await;
    begun.notified().await;
    let shed = get(gateway.address(), "/").await;
    assert_eq!(status(&shed), 503);
    assert!(shed.contains("retry-after: 1\r\n"), "{shed}");
    release.notify_one();
    until(&mut first, "late").await;
    release.notify_one();
    // the slot is free again once the last byte has been taken
    crate::support::eventually(|| async { status(&get(gateway.address(), "/").await) == 200 }).await;
}

#[tokio::test]
async fn a_caller_that_leaves_takes_its_exchange_with_it() {
    let upstream = ByHand::new().await;
    let gateway = start(plain(upstream.address())).await;
    let caller = send(gateway.address(), format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n")).await;
    let (mut arrived, _) = upstream.accept_request().await;
    drop(caller);
    assert_eq!(rest(&mut arrived).await, "");
}

#[tokio::test]
async fn an_expectation_is_met_here() {
    let (upstream, seen) = recorder().await;
    let gateway = start(plain(upstream)).await;
    let mut caller =
        send(gateway.address(), post("expect: 100-continue\r\ncontent-length: 5\r\nconnection: close\r\n"))
            .await;
    until(&mut caller, "HTTP/1.1 100 Continue\r\n\r\n").await;
    caller.write_all(b"hello").await.unwrap();
    assert_eq!(status(&rest(&mut caller).await), 200);
    let seen = seen.lock().unwrap()[0].clone();
    assert_eq!(seen.content, "hello");
    assert!(!seen.headers.contains_key("expect"));
}
