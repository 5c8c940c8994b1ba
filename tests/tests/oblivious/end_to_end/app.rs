//! An ordinary application: it knows nothing of Sealwire.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Request, State},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
    routing::{any, get, post},
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_crypto::digest::Sha256;
use sealwire_tests::{App, tee::hex};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tokio::sync::{Notify, mpsc};

/// One frame of a download.
const FRAME: usize = 64 << 10;

/// How a test and the application talk beside the requests.
pub(crate) struct Handles {
    /// the next event of `/events`; no more, once this is dropped
    pub(crate) events: Option<mpsc::UnboundedSender<String>>,
    /// content as it arrives at `/watched`
    pub(crate) arrived: mpsc::UnboundedReceiver<Bytes>,
    /// `/hold` has begun
    pub(crate) begun: Arc<Notify>,
    /// `/hold` may answer
    pub(crate) release: Arc<Notify>,
}

struct Shared {
    events: Mutex<Option<mpsc::UnboundedReceiver<String>>>,
    arrived: mpsc::UnboundedSender<Bytes>,
    begun: Arc<Notify>,
    release: Arc<Notify>,
    name: &'static str,
}

/// Starts it.
pub(crate) async fn start() -> (App, Handles) {
    named("an ordinary application").await
}

/// One that says its name at `/`.
pub(crate) async fn named(name: &'static str) -> (App, Handles) {
    let (events, receiver) = mpsc::unbounded_channel();
    let (sender, arrived) = mpsc::unbounded_channel();
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handles = Handles { events: Some(events), arrived, begun: begun.clone(), release: release.clone() };
    let events = Mutex::new(Some(receiver));
    let shared = Arc::new(Shared { events, arrived: sender, begun, release, name });
    let router = Router::new()
        .route("/", any(|State(shared): State<Arc<Shared>>| async move { shared.name }))
        .route("/json", post(stored))
        .route("/upload", post(upload).put(upload))
        .route("/download/{bytes}", get(download))
        .route("/events", get(server_sent_events))
        .route("/trailers", post(trailers))
        .route("/sized", get(|| async { ([(header::ETAG, "\"five\"")], "12345") }))
        .route(
            "/nothing",
            get(|| async { StatusCode::NO_CONTENT }).delete(|| async { StatusCode::NO_CONTENT }),
        )
        .route("/same", get(|| async { (StatusCode::NOT_MODIFIED, [(header::ETAG, "\"same\"")]) }))
        .route("/headers", get(headers))
        .route("/watched", post(watched))
        .route("/hold", any(hold))
        .route("/refuse", any(|| async { (StatusCode::FORBIDDEN, "no") }))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared);
    (App::new(router).await, handles)
}

async fn stored(Json(record): Json<Value>) -> (StatusCode, Json<Value>) {
    (StatusCode::CREATED, Json(json!({ "stored": record })))
}

async fn upload(content: Body) -> Result<Json<Value>, StatusCode> {
    let (mut bytes, mut sum) = (0, Sha256::default());
    let mut frames = content.into_data_stream();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        bytes += frame.len();
        sum.update(&frame);
    }
    Ok(Json(json!({ "bytes": bytes, "sha256": hex(&sum.finish()) })))
}

async fn download(Path(bytes): Path<usize>) -> impl IntoResponse {
    let frames = (0..bytes).step_by(FRAME).map(move |at| pattern(at, FRAME.min(bytes - at)));
    let content = Body::from_stream(stream::iter(frames.map(Ok::<_, Infallible>)));
    ([(header::CONTENT_LENGTH, bytes.to_string())], content)
}

async fn server_sent_events(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let events = shared.events.lock().unwrap().take().unwrap();
    Sse::new(stream::unfold(events, |mut events| async {
        let event = Event::default().data(events.recv().await?);
        Some((Ok::<_, Infallible>(event), events))
    }))
}

/// Gives back content and trailers, with a trailer of its own.
async fn trailers(request: Request) -> Response {
    let collected = request.into_body().collect().await.unwrap();
    let mut trailers = collected.trailers().cloned().unwrap_or_default();
    let content = collected.to_bytes();
    trailers.insert("x-length", HeaderValue::from(content.len()));
    let frames = [Ok::<_, Infallible>(Frame::data(content)), Ok(Frame::trailers(trailers))];
    let content = Body::new(StreamBody::new(stream::iter(frames)));
    ([(header::TRAILER, "x-sum, x-length")], content).into_response()
}

/// How long the values that came were together, and as many values back.
async fn headers(headers: HeaderMap) -> impl IntoResponse {
    let sum: usize = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-big"))
        .map(|(_, value)| value.len())
        .sum();
    let mut back = HeaderMap::new();
    for (name, value) in &headers {
        if name.as_str().starts_with("x-big") {
            back.insert(name, value.clone());
        }
    }
    for cookie in ["a=1", "b=2"] {
        back.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
    }
    (back, sum.to_string())
}

async fn watched(State(shared): State<Arc<Shared>>, content: Body) -> StatusCode {
    let mut frames = content.into_data_stream();
    while let Some(frame) = frames.next().await {
        let Ok(frame) = frame else { return StatusCode::BAD_REQUEST };
        let _ = shared.arrived.send(frame);
    }
    StatusCode::OK
}

async fn hold(State(shared): State<Arc<Shared>>) -> &'static str {
    shared.begun.notify_one();
    shared.release.notified().await;
    "released"
}

/// Bytes `at..at + len` of an endless pattern.
pub(crate) fn pattern(at: usize, len: usize) -> Bytes {
    (at..at + len).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8).collect()
}
