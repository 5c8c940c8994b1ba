//! The operator's side: is it there, and what are the numbers.

use crate::serving::Page;
use axum::{Router, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;

pub(super) fn service(metrics: PrometheusHandle) -> Page {
    Page::new(
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/metrics", get(move || async move { metrics.render() })),
    )
}
