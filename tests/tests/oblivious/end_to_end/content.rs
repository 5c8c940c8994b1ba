//! Every shape of request and answer passes as it is.

use super::{
    app::{self, pattern},
    json,
};
use futures_util::stream;
use http::{Method, Request, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_crypto::digest::{Sha256, sha256};
use sealwire_gateway::config::Route;
use sealwire_http::{BoxError, body};
use sealwire_tests::{
    chain::{Chain, whole},
    raw::{request, transfer_chunk},
    tee::hex,
    upstream::{Then, Upstream},
    within,
};
use std::collections::BTreeMap;

const BIG: usize = 20_000_000;

// OB-40, OB-160: nothing of it shows between relay and gateway.
#[tokio::test]
async fn json_both_ways() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let request = Request::post(chain.client.uri("/json?secret=question"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, "Bearer secret-token")
        .header(header::COOKIE, "session=secret-cookie")
        .body(body::full(r#"{"patient":"secret name"}"#))
        .unwrap();
    let (status, content) = whole(chain.client.request(request).await).await;
    assert_eq!((status, &json(&content)["stored"]["patient"]), (201, &"secret name".into()));
    let seen = &chain.app.seen()[0];
    assert_eq!(seen.uri.path_and_query().unwrap(), "/json?secret=question");
    assert_eq!(seen.headers[header::HOST], sealwire_tests::stage::AUTHORITY);
    assert_eq!(seen.headers[header::AUTHORIZATION], "Bearer secret-token");
    assert!(seen.headers.contains_key(header::DATE), "OB-62");
    for secret in ["secret", "patient", "/json", "201", "Bearer"] {
        assert!(!chain.tap.saw(secret.as_bytes()), "{secret}");
    }
    assert!(chain.tap.saw(b"message/ohttp-chunked-req"), "the tap works");
}

// OB-48
#[tokio::test]
async fn twenty_megabytes_up() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let content = pattern(0, BIG);
    let expected = hex(&sha256(&[&content]));
    // Of a length that is known, and of one that is not.
    let (status, answer) = chain.client.post("/upload", content.clone()).await;
    assert_eq!((status, json(&answer)["sha256"].as_str().unwrap()), (200, expected.as_str()));
    let frames = (0..BIG).step_by(100_000).map(move |at| content.slice(at..at + 100_000));
    let frames = frames.map(|piece| Ok::<_, BoxError>(Frame::data(piece)));
    let content = body::boxed(StreamBody::new(stream::iter(frames.collect::<Vec<_>>())));
    let (status, answer) = whole(chain.client.send(Method::PUT, "/upload", content).await).await;
    assert_eq!(
        (status, json(&answer)["bytes"].as_u64(), json(&answer)["sha256"].as_str()),
        (200, Some(BIG as u64), Some(expected.as_str()))
    );
}

// OB-48
#[tokio::test]
async fn twenty_megabytes_down() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let response = chain.client.send(Method::GET, &format!("/download/{BIG}"), body::empty()).await;
    assert_eq!(response.headers()[header::CONTENT_LENGTH], BIG.to_string());
    let (mut bytes, mut sum) = (0, Sha256::default());
    let mut content = response.into_body();
    while let Some(frame) = within("content", content.frame()).await {
        let data = frame.unwrap().into_data().unwrap();
        bytes += data.len();
        sum.update(&data);
    }
    assert_eq!((bytes, sum.finish()), (BIG, sha256(&[&pattern(0, BIG)])));
}

// OB-27, OB-45, OB-166: each event is seen before the next is made.
#[tokio::test]
async fn events_one_by_one() {
    let (app, mut handles) = app::start().await;
    let chain = Chain::start(app).await;
    let response = chain.client.send(Method::GET, "/events", body::empty()).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut content = response.into_body();
    let events = handles.events.take().unwrap();
    for i in 0..50 {
        events.send(format!("token {i}")).unwrap();
        let frame = within("an event", content.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), format!("data: token {i}\n\n"));
    }
    drop(events);
    assert!(within("the end", content.frame()).await.is_none());
}

// OB-83: an answer may begin, and content arrive, while the request still goes.
#[tokio::test]
async fn uploads_are_not_held_anywhere() {
    let (app, mut handles) = app::start().await;
    let chain = Chain::start(app).await;
    let mut local = chain.local().await;
    let host = chain.connect.address().to_string();
    let head = format!("POST /watched HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n");
    local.send(head).await;
    for piece in ["one", "two", "three"] {
        local.send(transfer_chunk(piece.as_bytes())).await;
        assert_eq!(within("the piece", handles.arrived.recv()).await.unwrap(), piece);
    }
    local.send("0\r\n\r\n").await;
    assert_eq!(local.answer().await.status, 200);
}

// OB-25: what a caller cuts is cut at the application.
#[tokio::test]
async fn an_upload_that_is_cut_is_never_completed() {
    let (app, mut handles) = app::start().await;
    let chain = Chain::start(app).await;
    let mut local = chain.local().await;
    let host = chain.connect.address().to_string();
    local
        .send(format!("POST /watched HTTP/1.1\r\nhost: {host}\r\ncontent-length: 100\r\n\r\nhalf of it"))
        .await;
    assert_eq!(within("the piece", handles.arrived.recv()).await.unwrap(), "half of it");
    drop(local);
    let counts = chain.app.until("the abort", |counts| counts.aborted == 1).await;
    assert_eq!(counts.completed, 0);
}

// An application that does not want the content answers before it has come.
#[tokio::test]
async fn an_answer_before_the_end_of_the_upload() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    for _ in 0..10 {
        let (status, content) = chain.client.post("/refuse", pattern(0, 5_000_000)).await;
        assert_eq!((status, content), (403, "no".into()));
        assert_eq!(chain.client.get("/").await.0, 200);
    }
}

// OB-25: what the application cuts is cut at the caller, whose own framing says so.
#[tokio::test]
async fn an_answer_that_is_cut_is_never_completed() {
    let (app, _handles) = app::start().await;
    let length = Upstream::saying("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345", Then::Close).await;
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n";
    let chunked = Upstream::saying(chunked, Then::Close).await;
    let routes = [("/length", length.address), ("/chunked", chunked.address)];
    let add = |config: &mut sealwire_gateway::Config| {
        config.routes.extend(routes.map(|(path, to)| Route::new(path, format!("http://{to}"))));
    };
    let chain = Chain::with(app, add, |_| {}).await;
    for (path, _) in routes {
        let mut local = chain.local().await;
        let host = chain.connect.address();
        local.send(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        let answer = local.answer().await;
        assert_eq!((answer.status, answer.text().as_str(), answer.complete), (200, "12345", false), "{path}");
        assert_eq!(chain.client.get("/").await.0, 200);
    }
}

#[tokio::test]
async fn trailers_both_ways() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", "abc".parse().unwrap());
    let frames = [Ok::<_, BoxError>(Frame::data("content".into())), Ok(Frame::trailers(trailers))];
    let request = Request::post(chain.client.uri("/trailers"))
        .header(header::TRAILER, "x-sum")
        .header(header::TE, "trailers")
        .body(body::boxed(StreamBody::new(stream::iter(frames))))
        .unwrap();
    let collected = chain.client.request(request).await.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    assert_eq!(collected.to_bytes(), "content");
    let trailers: BTreeMap<_, _> =
        trailers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(trailers, BTreeMap::from([("x-length", "7"), ("x-sum", "abc")]));
}

#[tokio::test]
async fn answers_without_content() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let mut local = chain.local().await;
    let host = chain.connect.address().to_string();
    // One connection for all: what is wrong with the framing of one answer shows in the next.
    for (method, path, status, length, etag) in [
        ("HEAD", "/sized", 200, "5", "\"five\""),
        ("GET", "/nothing", 204, "", ""),
        ("DELETE", "/nothing", 204, "", ""),
        ("GET", "/same", 304, "", "\"same\""),
        ("GET", "/sized", 200, "5", "\"five\""),
    ] {
        local.send(format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        let head = local.head().await.unwrap();
        let field = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().unwrap());
        assert_eq!(
            (head.status, field("content-length"), field("etag")),
            (status, length, etag),
            "{method} {path}"
        );
        if method == "GET" {
            let answer = local.content_of(head).await;
            assert_eq!(answer.text(), if status == 200 { "12345" } else { "" });
        }
    }
}

// OB-34: cookies of an answer stay apart.
#[tokio::test]
async fn big_headers() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let mut request = Request::get(chain.client.uri("/headers"));
    let sizes = [15_000, 12_000, 8000, 4000, 100, 0];
    for (i, size) in sizes.into_iter().enumerate() {
        request = request.header(format!("x-big-{i}"), "v".repeat(size));
    }
    let response = chain.client.request(request.body(body::empty()).unwrap()).await;
    for (i, size) in sizes.into_iter().enumerate() {
        assert_eq!(response.headers()[format!("x-big-{i}")].len(), size);
    }
    assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    let (status, content) = whole(response).await;
    assert_eq!((status, content), (200, sizes.iter().sum::<usize>().to_string().into()));
}

// Many programs at once, on connections of their own; no answer goes astray.
#[tokio::test]
async fn many_at_once() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let requests = (0..50).map(|i| {
        let client = chain.client.clone();
        async move {
            let content = pattern(i, 1000 * i);
            let expected = hex(&sha256(&[&content]));
            let (status, answer) = client.post("/upload", content).await;
            assert_eq!((status, json(&answer)["sha256"].as_str()), (200, Some(expected.as_str())));
        }
    });
    futures_util::future::join_all(requests).await;
    assert_eq!(chain.app.counts().completed, 50);
}

#[tokio::test]
async fn the_proxy_takes_its_own_name_only() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let answer = chain.local().await.send(request("GET", "/", &[])).await.answer().await;
    assert_eq!(answer.status, 403);
    assert_eq!(chain.app.counts().reached, 0);
}
