//! What a gateway says of itself on its admin address.

use crate::raw::{Raw, request};
use std::{collections::BTreeMap, net::SocketAddr};

/// All samples of one moment, by name and labels as they are written.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads them.
    pub async fn of(admin: SocketAddr) -> Self {
        let mut raw = Raw::connect(admin).await;
        let answer = raw.send(request("GET", "/metrics", &[])).await.answer().await;
        assert_eq!(answer.status, 200);
        let text = answer.text();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        Self(samples.collect())
    }

    /// A sample: `name` as it is rendered, with its labels. What was never counted is 0.
    #[must_use]
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// How much a sample has grown since `before`.
    #[must_use]
    pub fn grown(&self, before: &Self, name: &str) -> f64 {
        self.get(name) - before.get(name)
    }
}

/// Requests that were refused for a reason.
#[must_use]
pub fn refusals(reason: &str) -> String {
    format!("sealwire_refusals_total{{reason=\"{reason}\"}}")
}

/// Requests of a wire with an outcome.
#[must_use]
pub fn requests(wire: &str, outcome: &str) -> String {
    format!("sealwire_requests_total{{wire=\"{wire}\",outcome=\"{outcome}\"}}")
}

/// Exchanges that an upstream failed.
#[must_use]
pub fn upstream_errors(kind: &str) -> String {
    format!("sealwire_upstream_errors_total{{kind=\"{kind}\"}}")
}

/// Requests between their first byte and the last of their answer.
pub const IN_FLIGHT: &str = "sealwire_requests_in_flight";
/// Connections that are open.
pub const CONNECTIONS: &str = "sealwire_connections";
