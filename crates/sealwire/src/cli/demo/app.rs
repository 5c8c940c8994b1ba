//! The application of the demo: an ordinary one, which knows nothing of Sealwire.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{
        IntoResponse,
        sse::{Event, Sse},
    },
    routing::{get, post},
};
use futures_util::{Stream, StreamExt, stream};
use sealwire_crypto::digest::Sha256;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// One frame of a download.
const FRAME: usize = 64 * 1024;
/// The longest download, 16 GiB: the demo's own bound.
const MAX_DOWNLOAD: u64 = 16 << 30;
/// The most events of one stream.
const MAX_EVENTS: u64 = 10_000;

/// The running application.
pub(super) struct App {
    pub(super) address: SocketAddr,
    seen: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

impl App {
    /// Starts it on a free loopback port.
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(AtomicU64::new(0));
        let router = router(Arc::clone(&seen));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the application stopped");
            }
        });
        Ok(Self { address, seen, server })
    }

    /// How many requests have reached it.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn router(seen: Arc<AtomicU64>) -> Router {
    let count = axum::middleware::from_fn_with_state(
        seen,
        async |State(seen): State<Arc<AtomicU64>>,
               request: axum::extract::Request,
               next: axum::middleware::Next| {
            seen.fetch_add(1, Ordering::SeqCst);
            next.run(request).await
        },
    );
    Router::new()
        .route("/", get(async || "an ordinary application\n"))
        .route("/v1/patients", post(patients))
        .route("/v1/upload", post(upload))
        .route("/v1/download/{bytes}", get(download))
        .route("/v1/events/{count}", get(events))
        .route("/v1/fail", get(fail))
        .layer(DefaultBodyLimit::disable())
        .layer(count)
}

/// A JSON API: gives back what it got, with a note.
async fn patients(Json(record): Json<Value>) -> Json<Value> {
    Json(json!({ "stored": record, "note": "seen in clear by the application" }))
}

/// Takes an upload of any size and says what arrived.
async fn upload(body: Body) -> Result<Json<Value>, StatusCode> {
    let (mut bytes, mut sha256) = (0_u64, Sha256::default());
    let mut frames = body.into_data_stream();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        bytes += frame.len() as u64;
        sha256.update(&frame);
    }
    Ok(Json(json!({ "bytes": bytes, "sha256": hex::encode(sha256.finish()) })))
}

/// A download of any size.
async fn download(Path(bytes): Path<u64>) -> Result<impl IntoResponse, StatusCode> {
    if bytes > MAX_DOWNLOAD {
        return Err(StatusCode::BAD_REQUEST);
    }
    let frames = stream::unfold(0_u64, move |at| async move {
        let left = bytes.checked_sub(at).filter(|left| *left > 0)?;
        let len = usize::try_from(left).unwrap_or(FRAME).min(FRAME);
        Some((Ok::<_, Infallible>(pattern(at, len)), at + len as u64))
    });
    Ok(([("content-length", bytes.to_string())], Body::from_stream(frames)))
}

/// A stream of events, some milliseconds apart.
async fn events(Path(count): Path<u64>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(0, move |at| async move {
        if at >= count.min(MAX_EVENTS) {
            return None;
        }
        if at > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some((Ok(Event::default().data(format!("token {at}"))), at + 1))
    });
    Sse::new(events)
}

/// An endpoint that fails.
async fn fail() -> (StatusCode, Json<Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": "the model is not loaded" })))
}

/// Bytes `at..at + len` of an endless pattern.
pub(super) fn pattern(at: u64, len: usize) -> Bytes {
    let [start, ..] = at.to_le_bytes();
    (0..len).scan(start, |next, _| Some(std::mem::replace(next, next.wrapping_add(1)))).collect()
}
