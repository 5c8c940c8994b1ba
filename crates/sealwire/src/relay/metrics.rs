//! Aggregates, and nothing else (OB-84): no address, no name of a client, no time of an exchange.

use metrics::{Counter, Gauge, Label};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sealwire_http::BoxError;

/// Counter by `outcome`: `forwarded`, `failed` where a gateway could not be reached or broke off, and `path`, `rate`,
/// `client`, `busy`, `size`, `idle` for what was refused or cut.
const REQUESTS: &str = "sealwire_relay_requests_total";
/// Counter by `direction`, `request` or `response`.
const BYTES: &str = "sealwire_relay_bytes_total";
/// Gauge.
const IN_FLIGHT: &str = "sealwire_relay_exchanges";

/// Every series, looked up once.
pub(super) struct Metrics {
    pub(super) forwarded: Counter,
    pub(super) failed: Counter,
    pub(super) path: Counter,
    pub(super) rate: Counter,
    pub(super) client: Counter,
    pub(super) busy: Counter,
    pub(super) size: Counter,
    pub(super) idle: Counter,
    pub(super) request_bytes: Counter,
    pub(super) response_bytes: Counter,
    pub(super) in_flight: Gauge,
}

impl Metrics {
    /// In a recorder of its own: several relays, and a gateway, may share a process.
    pub(super) fn new() -> Result<(Self, PrometheusHandle), BoxError> {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let metrics = metrics::with_local_recorder(&recorder, || {
            metrics::describe_counter!(REQUESTS, "Requests by outcome");
            metrics::describe_counter!(BYTES, "Bytes of forwarded bodies");
            metrics::describe_gauge!(IN_FLIGHT, "Exchanges in flight");
            let outcome = |outcome: &'static str| {
                metrics::counter!(REQUESTS, vec![Label::from_static_parts("outcome", outcome)])
            };
            let direction = |direction: &'static str| {
                metrics::counter!(BYTES, vec![Label::from_static_parts("direction", direction)])
            };
            Self {
                forwarded: outcome("forwarded"),
                failed: outcome("failed"),
                path: outcome("path"),
                rate: outcome("rate"),
                client: outcome("client"),
                busy: outcome("busy"),
                size: outcome("size"),
                idle: outcome("idle"),
                request_bytes: direction("request"),
                response_bytes: direction("response"),
                in_flight: metrics::gauge!(IN_FLIGHT),
            }
        });
        Ok((metrics, handle))
    }
}
