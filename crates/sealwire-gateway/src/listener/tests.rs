//! A listener on loopback, spoken to over raw sockets.

use super::*;
use http::StatusCode;
use http_body_util::BodyExt;
use sealwire_http::body;
use std::net::Ipv4Addr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tower::service_fn;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

struct Served {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

async fn serve<S>(service: S, limits: ConnectionLimits) -> Served
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let listener = Listener::bind(LOOPBACK, None).await.unwrap();
    let (address, shutdown) = (listener.local_addr(), CancellationToken::new());
    let task = tokio::spawn(listener.serve(service, limits, shutdown.clone()));
    Served { address, shutdown, task }
}

async fn hello(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(body::full("hello")))
}

async fn send(to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// What arrives until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut out = Vec::new();
    // A reset after the last byte is as good as a close.
    let _ = stream.read_to_end(&mut out).await;
    String::from_utf8_lossy(&out).into_owned()
}

/// What arrives until `end` has.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut out = Vec::new();
    while !String::from_utf8_lossy(&out).contains(end) {
        assert_ne!(stream.read_buf(&mut out).await.unwrap(), 0, "closed early: {out:?}");
    }
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn the_peers_address_comes_with_each_request() {
    let service = service_fn(|request: Request<Body>| async move {
        let peer = request.extensions().get::<SocketAddr>().copied();
        Ok::<_, Infallible>(Response::new(body::full(peer.map(|peer| peer.to_string()).unwrap_or_default())))
    });
    let served = serve(service, ConnectionLimits::default()).await;
    let mut stream = send(served.address, GET).await;
    let peer = stream.local_addr().unwrap().to_string();
    until(&mut stream, &peer).await;
}

#[tokio::test]
async fn both_versions_of_http_are_served_on_one_port() {
    let served = serve(service_fn(hello), ConnectionLimits::default()).await;
    for http2 in [false, true] {
        let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
            .http2_only(http2)
            .build_http::<Body>();
        let request =
            Request::get(format!("http://{}/", served.address)).body(body::empty()).expect("a request");
        let response = client.request(request).await.unwrap();
        assert_eq!(response.version() == http::Version::HTTP_2, http2);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_given_up() {
    let limits = ConnectionLimits { header_time: Duration::from_millis(50), ..Default::default() };
    let served = serve(service_fn(hello), limits).await;
    // nothing, half a header section, half an HTTP/2 preface, and a preface with nothing after it
    for start in [
        b"".as_slice(),
        b"GET / HTTP/1.1\r\nhost: a\r\nx-slo",
        b"PRI * HTTP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = send(served.address, start).await;
        let answer = rest(&mut stream).await;
        assert!(!answer.contains("hello"), "{start:?}: {answer}");
    }
}

#[tokio::test]
async fn a_header_section_that_is_too_long_is_answered_431() {
    let limits = ConnectionLimits { header_bytes: 8192, ..Default::default() };
    let served = serve(service_fn(hello), limits).await;
    let mut stream = send(served.address, b"GET / HTTP/1.1\r\nhost: a\r\nx-long: ").await;
    // The answer may come before all is written.
    let _ = stream.write_all(&[b'x'; 9000]).await;
    assert!(until(&mut stream, "\r\n").await.starts_with("HTTP/1.1 431"), "OB-70");
}

#[tokio::test]
async fn junk_is_answered_400_and_harms_nobody_else() {
    let served = serve(service_fn(hello), ConnectionLimits::default()).await;
    let mut other = send(served.address, GET).await;
    let mut junk = send(served.address, b"\x00\x01\x02 junk\r\n\r\n").await;
    assert!(rest(&mut junk).await.starts_with("HTTP/1.1 400"));
    until(&mut other, "hello").await;
    other.write_all(GET).await.unwrap();
    until(&mut other, "hello").await;
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_a_slot() {
    let limits = ConnectionLimits { connections: 1, ..Default::default() };
    let (started, mut starts) = mpsc::unbounded_channel();
    let service = service_fn(move |request: Request<Body>| {
        started.send(request.uri().path().to_owned()).unwrap();
        hello(request)
    });
    let served = serve(service, limits).await;
    let mut first = send(served.address, b"GET /first HTTP/1.1\r\nhost: a\r\n\r\n").await;
    until(&mut first, "hello").await;
    assert_eq!(starts.recv().await.unwrap(), "/first");
    let mut second = send(served.address, b"GET /second HTTP/1.1\r\nhost: a\r\n\r\n").await;
    first.write_all(b"GET /third HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    rest(&mut first).await;
    until(&mut second, "hello").await;
    assert_eq!(starts.recv().await.unwrap(), "/third");
    assert_eq!(starts.recv().await.unwrap(), "/second");
}

/// A service that says when it has begun, and answers when it is told to.
struct Held {
    begun: Arc<Notify>,
    release: Arc<Notify>,
    served: Served,
}

async fn held(drain_time: Duration) -> Held {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let service = {
        let (begun, release) = (begun.clone(), release.clone());
        service_fn(move |request| {
            let (begun, release) = (begun.clone(), release.clone());
            async move {
                begun.notify_one();
                release.notified().await;
                hello(request).await
            }
        })
    };
    let served = serve(service, ConnectionLimits { drain_time, ..Default::default() }).await;
    Held { begun, release, served }
}

#[tokio::test]
async fn drain_lets_an_open_exchange_finish_and_closes_idle_connections() {
    let Held { begun, release, served } = held(Duration::from_secs(60)).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    let mut open = send(served.address, GET).await;
    begun.notified().await;
    served.shutdown.cancel();
    assert_eq!(rest(&mut idle).await, "");
    TcpStream::connect(served.address).await.unwrap_err();
    release.notify_one();
    assert!(rest(&mut open).await.ends_with("hello"));
    served.task.await.unwrap();
}

#[tokio::test]
async fn drain_cuts_what_does_not_finish_in_time() {
    let Held { begun, served, .. } = held(Duration::from_millis(20)).await;
    let mut open = send(served.address, GET).await;
    begun.notified().await;
    served.shutdown.cancel();
    assert_eq!(rest(&mut open).await, "");
    served.task.await.unwrap();
}

#[tokio::test]
async fn an_answer_can_begin_before_the_request_has_ended() {
    let service = service_fn(|request: Request<Body>| async move {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    });
    let served = serve(service, ConnectionLimits::default()).await;
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
    let mut stream = send(served.address, head).await;
    let answer = until(&mut stream, "one").await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {}", StatusCode::OK.as_u16())));
    stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await.unwrap();
    until(&mut stream, "two\r\n0\r\n\r\n").await;
}

/// Answers at once, whatever comes.
async fn refuse(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(body::full("not wanted"));
    *response.status_mut() = StatusCode::FORBIDDEN;
    Ok(response)
}

// RFC 9112 section 9.6: a reset would overtake the answer.
#[tokio::test]
async fn an_answer_before_the_end_of_the_content_arrives() {
    let served = serve(service_fn(refuse), ConnectionLimits::default()).await;
    for _ in 0..10 {
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5000000\r\n\r\n";
        let mut stream = send(served.address, head.as_bytes()).await;
        // A caller that reads only when it has sent everything.
        stream.write_all(&vec![7; 5_000_000]).await.unwrap();
        until(&mut stream, "not wanted").await;
        // What was left has been read, so the connection takes another request.
        stream.write_all(GET).await.unwrap();
        until(&mut stream, "not wanted").await;
    }
}

#[tokio::test]
async fn content_without_an_end_is_not_read_for_ever() {
    let served = serve(service_fn(refuse), ConnectionLimits::default()).await;
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    // Silent, and flooding.
    let mut silent = send(served.address, head).await;
    until(&mut silent, "not wanted").await;
    assert_eq!(rest(&mut silent).await, "");
    let mut flooding = send(served.address, head).await;
    let chunk = [b"10000\r\n".as_slice(), &[7; 0x10000], b"\r\n"].concat();
    while flooding.write_all(&chunk).await.is_ok() {}
}

#[tokio::test]
async fn who_waits_to_be_asked_for_content_is_not_asked_in_vain() {
    let served = serve(service_fn(refuse), ConnectionLimits::default()).await;
    let head = b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    let mut stream = send(served.address, head).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.ends_with("not wanted"), "{answer}");
}
