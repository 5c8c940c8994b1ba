//! Health, readiness and metrics, on an address of their own.

use crate::{
    gateway::State,
    listener::{ConnectionLimits, Listener},
    metrics,
};
use axum::{Router, extract, http::header, response::IntoResponse, routing::get};
use http::StatusCode;
use sealwire_http::body;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

/// Few clients come here, and none for long.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 64,
    header_time: std::time::Duration::from_secs(10),
    header_bytes: 8 << 10,
    streams: 16,
    send_time: std::time::Duration::from_secs(10),
    drain_time: std::time::Duration::from_secs(1),
};

/// What is told.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) state: Arc<State>,
    pub(crate) shutdown: CancellationToken,
    /// the slots of requests, and how many there are
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) slots: usize,
}

/// Serves until `finished`: after the gateway has drained, so that its end can be watched.
pub(crate) async fn serve(listener: Listener, health: Health, finished: CancellationToken) {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(rendered))
        .with_state(health);
    let service = ServiceBuilder::new()
        .map_response(|response: axum::response::Response| response.map(body::boxed))
        .service(router);
    listener.serve(service, LIMITS, finished).await;
}

/// Ready while requests can be served: not while draining, and not with a document that no client may use.
async fn ready(extract::State(health): extract::State<Health>) -> (StatusCode, &'static str) {
    if health.shutdown.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else if !health.state.live().attested.is_live(health.state.instance.now()) {
        (StatusCode::SERVICE_UNAVAILABLE, "the key document has expired\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn rendered(extract::State(health): extract::State<Health>) -> axum::response::Response {
    let Some(recorder) = metrics::recorder() else {
        return (StatusCode::NOT_FOUND, "this process has another recorder for its metrics\n")
            .into_response();
    };
    // What can be asked for at any time need not be counted on the way.
    let live = health.state.live();
    let remaining = live.attested.document.not_after.since(health.state.instance.now());
    ::metrics::gauge!(metrics::KEY_DOCUMENT_REMAINING).set(remaining.as_secs_f64());
    ::metrics::gauge!(metrics::REGISTER_ENTRIES).set(live.remembered() as f64);
    let in_flight = health.slots.saturating_sub(health.in_flight.available_permits());
    ::metrics::gauge!(metrics::REQUESTS_IN_FLIGHT).set(in_flight as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], recorder.render()).into_response()
}
