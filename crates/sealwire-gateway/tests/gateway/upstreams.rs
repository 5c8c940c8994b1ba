//! Upstreams that are down, slow, cut their answers, or speak TLS.

use crate::support::{ByHand, NAME, application, get, nobody, plain, rest, send, start, status, until};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use sealwire_http::{Body, BoxError, body};
use std::{convert::Infallible, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};
use tower::service_fn;

fn get_head() -> String {
    format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n")
}

#[tokio::test]
async fn one_that_is_down_is_answered_502() {
    let gateway = start(plain(nobody().await)).await;
    let answer = get(gateway.address(), "/").await;
    assert_eq!(status(&answer), 502);
    assert!(answer.contains("cannot be reached"), "{answer}");
}

#[tokio::test]
async fn one_that_is_slow_is_answered_504() {
    let upstream = ByHand::new().await;
    let mut config = plain(upstream.address());
    config.routes[0].timeout = Some(Duration::from_millis(50));
    let gateway = start(config).await;
    let mut caller = send(gateway.address(), get_head()).await;
    let (mut arrived, _) = upstream.accept_request().await;
    assert_eq!(status(&until(&mut caller, "too long").await), 504);
    assert_eq!(rest(&mut arrived).await, "", "the exchange is aborted");
}

#[tokio::test]
async fn an_upload_is_not_slow_while_it_moves() {
    let upstream = ByHand::new().await;
    let mut config = plain(upstream.address());
    config.routes[0].timeout = Some(Duration::from_secs(2));
    let gateway = start(config).await;
    let head = format!("POST / HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: 6\r\n\r\n");
    let mut caller = send(gateway.address(), head).await;
    let (mut arrived, _) = upstream.accept_request().await;
    // Longer than the timeout in all, but never between two parts: here time is what is tested.
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        caller.write_all(b"x").await.unwrap();
        until(&mut arrived, "x").await;
    }
    arrived.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    assert_eq!(status(&until(&mut caller, "ok").await), 200);
}

/// Writes zeros for as long as somebody takes them; how many that were.
async fn flood(mut to: impl AsyncWrite + Unpin, most: usize) -> usize {
    let part = vec![0; 1 << 20];
    let mut taken = 0;
    while taken < most && to.write_all(&part).await.is_ok() {
        taken += part.len();
    }
    taken
}

#[tokio::test]
async fn one_that_takes_no_content_is_slow() {
    let upstream = ByHand::new().await;
    let mut config = plain(upstream.address());
    config.routes[0].timeout = Some(Duration::from_millis(200));
    config.limits.idle_time = Duration::from_millis(300);
    let gateway = start(config).await;
    let head = format!("POST / HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: 100000000\r\n\r\n");
    let caller = send(gateway.address(), head).await;
    let (arrived, _) = upstream.accept_request().await;
    let (mut read, write) = caller.into_split();
    let writing = tokio::spawn(flood(write, 100_000_000));
    let mut answer = Vec::new();
    // Ends because both connections do, though nobody on either side has hung up.
    let _ = read.read_to_end(&mut answer).await;
    assert_eq!(status(&String::from_utf8(answer).unwrap()), 504);
    // Back-pressure: what nobody takes is not gathered (OB-48). The operating system's buffers hold some MiB.
    let taken = writing.await.unwrap();
    assert!(taken < 50_000_000, "{taken}");
    drop(arrived);
}

#[tokio::test]
async fn a_caller_that_never_reads_is_given_up() {
    let upstream = ByHand::new().await;
    let mut config = plain(upstream.address());
    config.limits.idle_time = Duration::from_millis(300);
    config.routes[0].timeout = Some(Duration::from_millis(300));
    let gateway = start(config).await;
    let caller = send(gateway.address(), get_head()).await;
    let (mut arrived, _) = upstream.accept_request().await;
    arrived.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n").await.unwrap();
    // Ends because the gateway gives up the caller, and with it the exchange.
    let taken = flood(arrived, 100_000_000).await;
    assert!(taken < 50_000_000, "{taken}");
    drop(caller);
}

#[tokio::test]
async fn one_that_hangs_up_is_answered_502() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "junk\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ] {
        let upstream = ByHand::new().await;
        let gateway = start(plain(upstream.address())).await;
        let mut caller = send(gateway.address(), get_head()).await;
        let (mut arrived, _) = upstream.accept_request().await;
        arrived.write_all(answer.as_bytes()).await.unwrap();
        drop(arrived);
        assert_eq!(status(&until(&mut caller, "broke off").await), 502, "{answer}");
    }
}

// Content that has arrived and is not read makes the closing a reset.
#[tokio::test]
async fn one_that_answers_before_the_content_has_come_is_heard() {
    let upstream = ByHand::new().await;
    let gateway = start(plain(upstream.address())).await;
    for _ in 0..20 {
        let head = format!("POST / HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: 5000000\r\n\r\n");
        let mut caller = send(gateway.address(), head).await;
        let refusing = async {
            let (mut arrived, _) = upstream.accept_request().await;
            arrived.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
        };
        let (sent, ()) = tokio::join!(flood(&mut caller, 5_000_000), refusing);
        assert!(sent >= 5_000_000);
        assert!(until(&mut caller, "\r\n\r\nno").await.starts_with("HTTP/1.1 403"));
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_is_never_completed() {
    for (head, end) in [
        ("content-length: 10\r\n\r\nhello", "hello"),
        ("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello\r\n"),
    ] {
        let upstream = ByHand::new().await;
        let gateway = start(plain(upstream.address())).await;
        let mut caller = send(gateway.address(), get_head()).await;
        let (mut arrived, _) = upstream.accept_request().await;
        arrived.write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes()).await.unwrap();
        until(&mut caller, "hello").await;
        drop(arrived);
        let after = rest(&mut caller).await;
        assert!(end.ends_with(&after), "the end was made up: {after:?}");
    }
}

#[tokio::test]
async fn a_request_is_not_repeated() {
    let upstream = ByHand::new().await;
    let gateway = start(plain(upstream.address())).await;
    let head = format!("POST / HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: 5\r\n\r\nhello");
    let mut caller = send(gateway.address(), head).await;
    let (mut arrived, _) = upstream.accept_request().await;
    // The first exchange puts its connection into the pool, the second finds it there and meets its end.
    arrived.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    until(&mut caller, "ok").await;
    caller
        .write_all(format!("POST / HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: 5\r\n\r\nagain").as_bytes())
        .await
        .unwrap();
    until(&mut arrived, "again").await;
    drop(arrived);
    assert_eq!(status(&until(&mut caller, "broke off").await), 502);
    let once_more = tokio::time::timeout(Duration::from_millis(100), upstream.accept()).await;
    assert!(once_more.is_err(), "the request was sent a second time");
}

/// An application that answers with what a channel gives, frame by frame.
async fn streaming() -> (std::net::SocketAddr, mpsc::Sender<Result<Frame<Bytes>, BoxError>>) {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
    let service = service_fn(move |_: Request<Body>| {
        let mut receiver: mpsc::Receiver<Result<Frame<Bytes>, BoxError>> =
            receiver.lock().unwrap().take().unwrap();
        async move {
            let frames = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
            Ok::<_, Infallible>(Response::new(body::boxed(StreamBody::new(frames))))
        }
    });
    (application(service).await, sender)
}

// OB-27, OB-48
#[tokio::test]
async fn events_leave_as_they_come() {
    let (upstream, events) = streaming().await;
    let gateway = start(plain(upstream)).await;
    let mut caller = send(gateway.address(), get_head()).await;
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        // Each is there before the next has been made.
        events.send(Ok(Frame::data(Bytes::from_static(event.as_bytes())))).await.unwrap();
        until(&mut caller, event).await;
    }
    drop(events);
    until(&mut caller, "0\r\n\r\n").await;
}

#[tokio::test]
async fn a_caller_that_does_not_read_holds_the_upstream_back() {
    let (upstream, parts) = streaming().await;
    let gateway = start(plain(upstream)).await;
    let mut caller = send(gateway.address(), get_head()).await;
    until(&mut caller, "\r\n\r\n").await;
    let part = Bytes::from(vec![0; 1 << 20]);
    let mut taken = 0;
    while let Ok(Ok(())) =
        tokio::time::timeout(Duration::from_millis(300), parts.send(Ok(Frame::data(part.clone())))).await
    {
        taken += part.len();
        assert!(taken < 100 << 20, "nothing holds it back");
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let upstream = ByHand::new().await;
    let gateway = start(plain(upstream.address())).await;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {NAME}\r\nte: trailers\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
         4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n"
    );
    let mut caller = send(gateway.address(), head).await;
    let mut arrived = upstream.accept().await;
    let request = until(&mut arrived, "0\r\nx-sum: 42\r\n\r\n").await;
    assert!(request.contains("te: trailers\r\n"), "{request}");
    arrived
        .write_all(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-took\r\n\r\n4\r\nbody\r\n0\r\nx-took: 7\r\n\r\n",
        )
        .await
        .unwrap();
    until(&mut caller, "0\r\nx-took: 7\r\n\r\n").await;
}
