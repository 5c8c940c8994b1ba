//! HTTP/2 in a channel.

use crate::ends::{AUTHORITY, Http, http};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_http::{
    Body, BoxError, Identity, Peer, Wire, body,
    channel::{Error, Fault},
};
use sealwire_session as session;
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::{mpsc, oneshot},
};
use tower::{Service, ServiceExt};

fn get(path: &str) -> Request<Body> {
    Request::get(format!("https://{AUTHORITY}{path}")).body(body::empty()).unwrap()
}

async fn text(answer: Response<Body>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// A body that is told what it gives, and ends when that is dropped.
fn fed() -> (mpsc::Sender<Result<Frame<Bytes>, BoxError>>, Body) {
    let (feed, frames) = mpsc::channel(1);
    let frames =
        stream::unfold(frames, |mut frames| async { frames.recv().await.map(|frame| (frame, frames)) });
    (feed, body::boxed(StreamBody::new(frames.boxed())))
}

fn is_truncated(error: &Error) -> bool {
    matches!(error, Error::Fault(Fault::Record(session::Error::Truncated)))
}

// SE-37: many at once, each with its own answer; who called, and by which wire, goes with each.
#[tokio::test]
async fn requests_run_at_once() {
    let (a, b) = duplex(4096);
    let mut http = http(a, b, |request| async move {
        let peer = Peer { wire: Wire::SessionChannel, identity: Identity::Nobody };
        assert_eq!(request.extensions().get::<Peer>(), Some(&peer));
        assert_eq!(request.version(), Version::HTTP_2);
        let path = request.uri().path().to_owned();
        let content = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(body::full([path.as_bytes(), b" ", &content].concat()))
    })
    .await;
    let asking = (0..400).map(|number: usize| {
        let mut channel = http.channel.clone();
        async move {
            let content = number.to_string().repeat(number);
            let request = Request::post(format!("https://{AUTHORITY}/{number}"));
            let request = request.body(body::full(content.clone())).unwrap();
            let answer = channel.ready().await.unwrap().call(request).await.unwrap();
            assert_eq!(text(answer).await, format!("/{number} {content}"));
        }
    });
    futures_util::future::join_all(asking).await;
    // The same connection all the time, which ends when nobody wants it any more, cleanly on both sides.
    assert!(!http.connection.is_finished());
    http.channel.ready().await.unwrap();
    drop(http.channel);
    http.connection.await.unwrap().unwrap();
    http.server.await.unwrap().unwrap();
}

// SE-37: trailers, both ways (gRPC needs them).
#[tokio::test]
async fn trailers_cross() {
    let (a, b) = duplex(4096);
    let mut http = http(a, b, |request| async move {
        assert_eq!(request.headers()[header::TE], "trailers");
        let collected = request.into_body().collect().await.unwrap();
        let trailers = collected.trailers().unwrap().clone();
        let frames = [Ok::<_, BoxError>(Frame::data(collected.to_bytes())), Ok(Frame::trailers(trailers))];
        Response::new(body::boxed(StreamBody::new(stream::iter(frames))))
    })
    .await;
    let trailers = HeaderMap::from_iter([(
        header::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    let frames = [Ok::<_, BoxError>(Frame::data("data".into())), Ok(Frame::trailers(trailers.clone()))];
    let request = Request::post(format!("https://{AUTHORITY}/"))
        .header("te", "trailers")
        .body(body::boxed(StreamBody::new(stream::iter(frames))))
        .unwrap();
    let answer = http.channel.call(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.trailers(), Some(&trailers));
    assert_eq!(answer.to_bytes(), "data");
}

// SE-37: both directions of one request stream at the same time.
#[tokio::test]
async fn both_sides_of_a_request_stream() {
    let (a, b) = duplex(4096);
    let mut http = http(a, b, |request| async move { Response::new(request.into_body()) }).await;
    let (feed, content) = fed();
    let request = Request::post(format!("https://{AUTHORITY}/")).body(content).unwrap();
    let mut answer = http.channel.call(request).await.unwrap().into_body();
    for word in ["one", "two", "three"] {
        feed.send(Ok(Frame::data(word.into()))).await.unwrap();
        assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), word);
    }
    drop(feed);
    assert!(answer.collect().await.unwrap().to_bytes().is_empty());
}

// SE-36: the inside is for the authority of the session, and hop-by-hop fields do not cross.
#[tokio::test]
async fn only_the_authority_of_the_session_is_served() {
    let reached = Arc::new(AtomicUsize::new(0));
    let (a, b) = duplex(4096);
    let mut http = http(a, b, {
        let reached = Arc::clone(&reached);
        move |request| {
            reached.fetch_add(1, Ordering::Relaxed);
            assert!(!request.headers().contains_key(header::HOST));
            assert!(!request.headers().contains_key(header::CONNECTION));
            assert!(!request.headers().contains_key("x-secret-hop"));
            async { Response::new(body::empty()) }
        }
    })
    .await;
    for (uri, status) in [
        ("https://app.example/", StatusCode::OK),
        ("https://APP.example:443/", StatusCode::OK),
        ("https://other.example/", StatusCode::MISDIRECTED_REQUEST),
        ("https://app.example:8443/", StatusCode::MISDIRECTED_REQUEST),
        ("https://app.example.evil.example/", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let request = Request::get(uri)
            .header("host", AUTHORITY)
            .header("connection", "x-secret-hop")
            .header("x-secret-hop", "1")
            .body(body::empty())
            .unwrap();
        assert_eq!(http.channel.call(request).await.unwrap().status(), status, "{uri}");
    }
    assert_eq!(reached.load(Ordering::Relaxed), 2);
    // What is no request of a channel does not leave.
    let tunnel =
        Request::builder().method(Method::CONNECT).uri("app.example:443").body(body::empty()).unwrap();
    let upgrade =
        Request::get("https://app.example/").header("upgrade", "websocket").body(body::empty()).unwrap();
    for request in [tunnel, upgrade, Request::get("/").body(body::empty()).unwrap()] {
        assert!(matches!(http.channel.call(request).await, Err(Error::Request(_))));
    }
}

/// Says when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

// SE-37: whoever no longer waits for an answer is not worked for, and others are not touched.
#[tokio::test]
async fn a_request_can_be_cancelled() {
    let (begun, mut beginning) = mpsc::unbounded_channel();
    let (a, b) = duplex(4096);
    let mut http = http(a, b, move |request| {
        let begun = begun.clone();
        async move {
            let (dropped, drop_seen) = oneshot::channel();
            let dropped = Dropped(Some(dropped));
            match request.uri().path() {
                "/never" => {
                    begun.send(drop_seen).unwrap();
                    let _dropped = dropped;
                    pending().await
                }
                "/endless" => {
                    begun.send(drop_seen).unwrap();
                    let endless = stream::unfold(dropped, |dropped| async {
                        Some((Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[0; 1000]))), dropped))
                    });
                    Response::new(body::boxed(StreamBody::new(endless)))
                }
                _ => Response::new(body::full("done")),
            }
        }
    })
    .await;
    let asked = tokio::spawn(http.channel.call(get("/never")));
    let seen = beginning.recv().await.unwrap();
    asked.abort();
    seen.await.unwrap();

    let answer = http.channel.call(get("/endless")).await.unwrap();
    let seen = beginning.recv().await.unwrap();
    let mut content = answer.into_body();
    assert!(content.frame().await.unwrap().is_ok());
    drop(content);
    seen.await.unwrap();

    assert_eq!(text(http.channel.call(get("/")).await.unwrap()).await, "done");
}

// SE-38: a server that stops says so, finishes what it has, and closes by its keys.
#[tokio::test]
async fn a_server_can_stop() {
    let (feed, content) = fed();
    let content = std::sync::Mutex::new(Some(content));
    let (a, b) = duplex(4096);
    let Http { mut channel, connection, server, shutdown, .. } = http(a, b, move |_| {
        let content = content.lock().unwrap().take().unwrap();
        async { Response::new(content) }
    })
    .await;
    let answer = channel.call(get("/")).await.unwrap();
    shutdown.send(()).unwrap();
    feed.send(Ok(Frame::data("the rest".into()))).await.unwrap();
    drop(feed);
    assert_eq!(text(answer).await, "the rest");
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
    assert!(channel.ready().await.is_err());
}

/// A pipe between the two that can be cut, and altered.
struct Middle {
    cut: oneshot::Sender<()>,
    a: DuplexStream,
    b: DuplexStream,
}

fn middle() -> Middle {
    let (a, mut left) = duplex(4096);
    let (mut right, b) = duplex(4096);
    let (cut, cutting) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut left, &mut right) => {}
            _ = cutting => {}
        }
    });
    Middle { cut, a, b }
}

// SE-37: a connection that is cut in the middle of an answer, of a request, or while nothing runs, ends nothing cleanly.
#[tokio::test]
async fn a_cut_is_an_error_everywhere() {
    // In the middle of an answer.
    let (feed, content) = fed();
    let content = std::sync::Mutex::new(Some(content));
    let Middle { cut, a, b } = middle();
    let mut carried = http(a, b, move |_| {
        let content = content.lock().unwrap().take().unwrap();
        async { Response::new(content) }
    })
    .await;
    let mut answer = carried.channel.call(get("/")).await.unwrap().into_body();
    feed.send(Ok(Frame::data("half".into()))).await.unwrap();
    assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    cut.send(()).unwrap();
    assert!(answer.frame().await.unwrap().is_err());
    assert!(is_truncated(&carried.connection.await.unwrap().unwrap_err()));
    assert!(is_truncated(&carried.server.await.unwrap().unwrap_err()));
    assert!(carried.channel.ready().await.is_err());

    // In the middle of a request.
    let (got, half) = oneshot::channel();
    let (ended, end) = oneshot::channel();
    let told = std::sync::Mutex::new(Some((got, ended)));
    let Middle { cut, a, b } = middle();
    let mut carried = http(a, b, move |request| {
        let (got, ended) = told.lock().unwrap().take().unwrap();
        async move {
            let mut content = request.into_body();
            tokio::spawn(async move {
                assert_eq!(content.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
                got.send(()).unwrap();
                ended.send(content.frame().await).unwrap();
            });
            pending().await
        }
    })
    .await;
    let (feed, content) = fed();
    let asking = carried.channel.call(Request::post("https://app.example/").body(content).unwrap());
    let asking = tokio::spawn(asking);
    feed.send(Ok(Frame::data("half".into()))).await.unwrap();
    half.await.unwrap();
    cut.send(()).unwrap();
    if let Some(last) = end.await.unwrap() {
        assert!(last.is_err());
    } else {
        panic!("a request that was cut has ended");
    }
    assert!(asking.await.unwrap().is_err());

    // While nothing runs.
    let Middle { cut, a, b } = middle();
    let mut carried = http(a, b, |_| async { Response::new(body::empty()) }).await;
    carried.channel.call(get("/")).await.unwrap();
    cut.send(()).unwrap();
    assert!(is_truncated(&carried.connection.await.unwrap().unwrap_err()));
    assert!(is_truncated(&carried.server.await.unwrap().unwrap_err()));
}

// SE-37: one bit, anywhere in what either side says, and nothing of it is believed.
#[tokio::test]
async fn altered_bytes_reach_nobody() {
    for back in [false, true] {
        let (a, mut left) = duplex(4096);
        let (mut right, b) = duplex(4096);
        let (alter, mut altering) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let (mut from_client, mut to_client) = tokio::io::split(&mut left);
            let (mut from_server, mut to_server) = tokio::io::split(&mut right);
            let mut buffers = ([0; 2000], [0; 2000]);
            let mut on = false;
            loop {
                tokio::select! {
                    biased;
                    _ = &mut altering, if !on => on = true,
                    len = from_client.read(&mut buffers.0) => {
                        let Ok(len @ 1..) = len else { return };
                        if on && !back { buffers.0[len - 1] ^= 1; }
                        if to_server.write_all(&buffers.0[..len]).await.is_err() { return }
                    }
                    len = from_server.read(&mut buffers.1) => {
                        let Ok(len @ 1..) = len else { return };
                        if on && back { buffers.1[len - 1] ^= 1; }
                        if to_client.write_all(&buffers.1[..len]).await.is_err() { return }
                    }
                }
            }
        });
        let reached = Arc::new(AtomicUsize::new(0));
        let mut carried = http(a, b, {
            let reached = Arc::clone(&reached);
            move |_| {
                reached.fetch_add(1, Ordering::Relaxed);
                async { Response::new(body::full("answer")) }
            }
        })
        .await;
        assert_eq!(text(carried.channel.call(get("/")).await.unwrap()).await, "answer");
        alter.send(()).unwrap();
        assert!(carried.channel.call(get("/")).await.is_err());
        assert_eq!(reached.load(Ordering::Relaxed), if back { 2 } else { 1 });
        let who_saw = if back { carried.connection } else { carried.server };
        let error = who_saw.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Fault(Fault::Record(session::Error::Record))), "{error}");
    }
}

// SE-38: more at once than the server takes wait for their turn.
#[tokio::test]
async fn requests_wait_for_their_turn() {
    let most = usize::try_from(sealwire_http::channel::Settings::default().streams).unwrap();
    let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (a, b) = duplex(1 << 16);
    let carried = http(a, b, {
        let running = Arc::clone(&running);
        move |_| {
            let running = Arc::clone(&running);
            async move {
                let now = running.0.fetch_add(1, Ordering::SeqCst) + 1;
                running.1.fetch_max(now, Ordering::SeqCst);
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                running.0.fetch_sub(1, Ordering::SeqCst);
                Response::new(body::empty())
            }
        }
    })
    .await;
    let mut first = carried.channel.clone();
    first.call(get("/")).await.unwrap();
    let asking = (0..2 * most).map(|_| carried.channel.clone().oneshot(get("/")));
    for answer in futures_util::future::join_all(asking).await {
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    assert!(running.1.load(Ordering::SeqCst) <= most);
}
