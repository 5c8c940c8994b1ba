//! What a running gateway does not show: informational responses, and the cut of a wire.

use super::*;
use crate::routes::Target;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_http::{body, crypto::random::OsRandom, server::RouteRules};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

struct Fixture {
    upstream: Upstream,
    route: Matched,
    listener: TcpListener,
}

async fn fixture() -> Fixture {
    with_idle_time(Duration::from_secs(60)).await
}

async fn with_idle_time(idle_time: Duration) -> Fixture {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let route = Route {
        path: String::new(),
        target: Target::parse(&format!("http://{address}")).unwrap(),
        http2: false,
        methods: None,
        attested_caller: false,
        tunnel_v0: true,
        plaintext: false,
        rules: RouteRules::default(),
        ehbp: None,
        legacy: None,
        rate: None,
        timeout: Duration::from_secs(10),
    };
    let metrics = Arc::new(UpstreamMetrics::new());
    let upstream =
        Upstream::new(None, metrics, Arc::new(OsRandom), idle_time, Duration::from_secs(60)).unwrap();
    Fixture { upstream, route: Matched(Arc::new(route)), listener }
}

impl Fixture {
    /// Sends a request; gives its answer, and the upstream's end once a header section has arrived there.
    async fn send(
        &mut self,
        mut request: Request<Body>,
    ) -> (tokio::task::JoinHandle<Response<Body>>, TcpStream) {
        request.extensions_mut().insert(self.route.clone());
        let exchange = self.upstream.call(request);
        let answer = tokio::spawn(async move {
            let Ok(response) = exchange.await;
            response
        });
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
        }
        (answer, stream)
    }
}

// OB-36
#[tokio::test]
async fn informational_responses_reach_a_wire_that_carries_them() {
    let mut fixture = fixture().await;
    let (sender, mut informational) = mpsc::channel(4);
    let mut request = Request::get("https://gateway.test/").body(body::empty()).unwrap();
    request.extensions_mut().insert(InformationalSender(sender));
    let (answer, mut stream) = fixture.send(request).await;
    stream
        .write_all(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\n",
        )
        .await
        .unwrap();
    let hints = informational.recv().await.unwrap();
    assert_eq!(hints.status, StatusCode::EARLY_HINTS);
    assert_eq!(hints.headers["link"], "</a>");
    assert!(!hints.headers.contains_key("x-hop"));
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    assert!(informational.recv().await.is_none(), "100 stays here");
}

// OB-25: what a wire ends with an error never becomes a whole request, however it is framed.
#[tokio::test]
async fn a_request_that_ends_with_an_error_is_aborted() {
    for length in [None, Some("5")] {
        let mut fixture = fixture().await;
        let (frames, mut receiver) = mpsc::channel(1);
        let content = StreamBody::new(futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx)));
        let mut request = Request::post("https://gateway.test/").body(body::boxed(content)).unwrap();
        if let Some(length) = length {
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static(length));
        }
        let (answer, mut stream) = fixture.send(request).await;
        frames.send(Ok(Frame::data(Bytes::from_static(b"hell")))).await.unwrap();
        let error: sealwire_http::BoxError = "the message does not authenticate".into();
        frames.send(Err(error)).await.unwrap();
        let mut arrived = Vec::new();
        let _ = stream.read_to_end(&mut arrived).await;
        let arrived = String::from_utf8(arrived).unwrap();
        assert!(!arrived.contains("0\r\n\r\n") && !arrived.contains("hello"), "{arrived:?}");
        let response = answer.await.unwrap();
        assert_eq!(response.status(), 400);
        let content = response.into_body().collect().await.unwrap().to_bytes();
        assert!(
            content.starts_with(b"{") && !content.windows(12).any(|part| part == b"authenticate"),
            "{content:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_has_ended() {
    let mut fixture = fixture().await;
    let (frames, mut receiver) = mpsc::channel(1);
    let content = StreamBody::new(futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx)));
    let request = Request::post("https://gateway.test/").body(body::boxed(content)).unwrap();
    let (answer, mut stream) = fixture.send(request).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await.unwrap();
    let mut response = answer.await.unwrap();
    let first = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "one");
    let part: Result<_, sealwire_http::BoxError> = Ok(Frame::data(Bytes::from_static(b"more")));
    frames.send(part).await.unwrap();
    let mut arrived = Vec::new();
    while !arrived.ends_with(b"more\r\n") {
        assert_ne!(stream.read_buf(&mut arrived).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_request_without_a_route_goes_nowhere() {
    let mut fixture = fixture().await;
    let request = Request::get("https://gateway.test/").body(body::empty()).unwrap();
    let Ok(response) = fixture.upstream.call(request).await;
    assert_eq!(response.status(), 400);
}

// Once the answer has begun, nobody awaits it any more who could notice.
#[tokio::test]
async fn a_request_that_stalls_under_its_answer_is_aborted() {
    let mut fixture = with_idle_time(Duration::from_millis(50)).await;
    let (_frames, mut receiver) = mpsc::channel::<Result<Frame<Bytes>, sealwire_http::BoxError>>(1);
    let content = StreamBody::new(futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx)));
    let request = Request::post("https://gateway.test/").body(body::boxed(content)).unwrap();
    let (answer, mut stream) = fixture.send(request).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await.unwrap();
    let response = answer.await.unwrap();
    let mut arrived = Vec::new();
    let _ = stream.read_to_end(&mut arrived).await;
    assert!(!arrived.ends_with(b"0\r\n\r\n"), "the end was made up");
    response.into_body().collect().await.unwrap_err();
}
