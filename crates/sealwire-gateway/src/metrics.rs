//! The metrics, by their stable names, and one recorder for the process.

use http::StatusCode;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{sync::OnceLock, time::Duration};

/// Gauge: connections that are open.
pub const CONNECTIONS: &str = "sealwire_connections";
/// Counter by `reason` (`protocol`, `timeout`): connections that ended badly. An idle connection that was closed
/// counts as `timeout`.
pub const CONNECTION_ERRORS: &str = "sealwire_connection_errors_total";
/// Counter by `wire` (`plain`, `oblivious-single`, `oblivious-chunked`, `session` and so on, `ehbp`, `session-channel` for the upgrades
/// of channels, `none` for the gateway's own resources, `in-channel` for what comes in channels, `tunnel-v0` for the upgrades of
/// tunnels, and `in-tunnel-v0` for what comes in them) and
/// `outcome` (`answered`, `refused` for 4xx, `failed` for 5xx), as seen from outside: a sealed answer is `answered`.
pub const REQUESTS: &str = "sealwire_requests_total";
/// Histogram in seconds by `wire`: from a request's header section to that of its answer.
pub const REQUEST_SECONDS: &str = "sealwire_request_seconds";
/// Gauge: requests between their first byte and the last of their answer.
pub const REQUESTS_IN_FLIGHT: &str = "sealwire_requests_in_flight";
/// Counter by `reason`: requests that the gateway itself refused. The wires add reasons of their own, among them
/// `key` and `replay`.
pub const REFUSALS: &str = "sealwire_refusals_total";
/// Counter by `class` (`2xx` to `5xx`): answers of upstreams.
pub const UPSTREAM_RESPONSES: &str = "sealwire_upstream_responses_total";
/// Counter by `kind` (`connect`, `timeout`, `exchange`, `cut`): exchanges that an upstream failed; `cut` after its
/// answer had begun.
pub const UPSTREAM_ERRORS: &str = "sealwire_upstream_errors_total";
/// Counter by `direction` (`request`, `response`): bytes of content between gateway and upstreams.
pub const CONTENT_BYTES: &str = "sealwire_content_bytes_total";
/// Counter by `result` (`published`, `failed`): key documents.
pub const KEY_DOCUMENTS: &str = "sealwire_key_documents_total";
/// Gauge in seconds: how long the published key document may still be used.
pub const KEY_DOCUMENT_REMAINING: &str = "sealwire_key_document_remaining_seconds";
/// Counter: how often keys were replaced.
pub const KEY_ROTATIONS: &str = "sealwire_key_rotations_total";
/// Counter by `purpose` (`document`, `challenge`) and `result` (`made`, `failed`): quotes.
pub const QUOTES: &str = "sealwire_quotes_total";
/// Histogram in seconds: how long quotes take, the wait included.
pub const QUOTE_SECONDS: &str = "sealwire_quote_seconds";
/// Counter by `event` (`hit`, `miss`, `refresh`, `failure`, `stale`): endorsements that are fetched; `stale` counts uses
/// of what its vendor should have been asked for again, and could not be.
pub const ENDORSEMENTS: &str = "sealwire_endorsements_total";
/// Counter by `wire`: sealed requests that were forwarded to the instance whose keys they are sealed to.
pub const FORWARDED: &str = "sealwire_forwarded_total";
/// Counter by `wire`: those whose owner could not be reached.
pub const FORWARD_FAILURES: &str = "sealwire_forward_failures_total";
/// Counter: questions that the registry did not answer.
pub const REGISTRY_FAILURES: &str = "sealwire_registry_failures_total";
/// Gauge: channels of sessions that are open.
pub const CHANNELS: &str = "sealwire_channels";
/// Counter: channels that were opened.
pub const CHANNELS_OPENED: &str = "sealwire_channels_opened_total";
/// Counter: channels that were opened on a WebSocket on which their session was made, too.
pub const TUNNELS_OPENED: &str = "sealwire_tunnels_opened_total";
/// Counter by `end` (`closed` by its client, `session` or `drain` when that ended, `revoked` with its client, `broken`).
pub const CHANNELS_ENDED: &str = "sealwire_channels_ended_total";
/// Gauge: tunnels of version 0 that are open.
pub const RA_TUNNELS: &str = "sealwire_ra_tunnels";
/// Counter: those that were opened.
pub const RA_TUNNELS_OPENED: &str = "sealwire_ra_tunnels_opened_total";
/// Counter by `end` (`closed` by its client, `silent`, `used-up`, `drain`, `too-long`, `broken`, `cut`).
pub const RA_TUNNELS_ENDED: &str = "sealwire_ra_tunnels_ended_total";
/// Counter by `reason`: messages in tunnels that were dropped in silence (TU-06).
pub const RA_TUNNEL_DROPPED: &str = "sealwire_ra_tunnel_dropped_total";
/// Counter by `verdict` (`delivered`, `written`, `deleted`, `listed`, `refused`, `unattested`, `absent`, `version`, `full`,
/// `malformed`, `audit`, `retired`): requests for secrets (SE-20).
pub const SECRETS: &str = "sealwire_secrets_total";
/// Counter: requests by hpke-http 1.x, whose callers should move (HH-106).
pub const LEGACY_REQUESTS: &str = "sealwire_legacy_requests_total";
/// Gauge: entries of all replay registers.
pub const REGISTER_ENTRIES: &str = "sealwire_replay_register_entries";

/// Bounds of the buckets of [`REQUEST_SECONDS`] and [`QUOTE_SECONDS`].
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// The process's recorder, installed when first asked for; `None` where somebody else has installed another.
///
/// One for all gateways of a process, because the metrics facade has one: their numbers add up.
pub(crate) fn recorder() -> Option<&'static PrometheusHandle> {
    RECORDER.get_or_init(install).as_ref()
}

/// The same, where a gateway has asked for it: an application that attests itself has metrics of its own.
pub(crate) fn installed() -> Option<&'static PrometheusHandle> {
    RECORDER.get()?.as_ref()
}

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

fn install() -> Option<PrometheusHandle> {
    let buckets = |builder: PrometheusBuilder, name: &str| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &BUCKETS).ok()
    };
    let builder = buckets(PrometheusBuilder::new(), REQUEST_SECONDS)?;
    let recorder = buckets(builder, QUOTE_SECONDS)?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    describe();
    begin_at_zero();
    Some(handle)
}

/// Every `event` of [`ENDORSEMENTS`].
pub(crate) const ENDORSEMENT_EVENTS: [&str; 5] = ["hit", "miss", "refresh", "failure", "stale"];

/// Every `reason` of [`REFUSALS`].
const REASONS: [&str; 28] = [
    "answer",
    "authority",
    "caller",
    "cannot-seal",
    "challenge",
    "challenge-rate",
    "channel",
    "channels",
    "credentials",
    "date",
    "early-data",
    "in-flight",
    "key",
    "message",
    "method",
    "outside",
    "path",
    "quote",
    "rate",
    "register-full",
    "replay",
    "route",
    "sealed-path",
    "tunnel",
    "tunnel-request",
    "unsealed",
    "upgrade",
    "version",
];

/// Every `verdict` of [`SECRETS`].
const SECRET_VERDICTS: [&str; 12] = [
    "absent",
    "audit",
    "deleted",
    "delivered",
    "full",
    "listed",
    "malformed",
    "refused",
    "retired",
    "unattested",
    "version",
    "written",
];

/// Makes what alarms watch show up before it first happens: the increase of a series that begins with 1 is not seen.
fn begin_at_zero() {
    for result in ["published", "failed"] {
        metrics::counter!(KEY_DOCUMENTS, "result" => result).absolute(0);
    }
    metrics::counter!(KEY_ROTATIONS).absolute(0);
    for event in ENDORSEMENT_EVENTS {
        metrics::counter!(ENDORSEMENTS, "event" => event).absolute(0);
    }
    metrics::counter!(CHANNELS_OPENED).absolute(0);
    metrics::counter!(TUNNELS_OPENED).absolute(0);
    for end in ["closed", "session", "drain", "revoked", "broken"] {
        metrics::counter!(CHANNELS_ENDED, "end" => end).absolute(0);
    }
    metrics::counter!(RA_TUNNELS_OPENED).absolute(0);
    for end in ["closed", "silent", "used-up", "drain", "too-long", "broken", "cut"] {
        metrics::counter!(RA_TUNNELS_ENDED, "end" => end).absolute(0);
    }
    for reason in ["repeated", "reflected", "does-not-open"] {
        metrics::counter!(RA_TUNNEL_DROPPED, "reason" => reason).absolute(0);
    }
    for verdict in SECRET_VERDICTS {
        metrics::counter!(SECRETS, "verdict" => verdict).absolute(0);
    }
    metrics::counter!(LEGACY_REQUESTS).absolute(0);
    for reason in REASONS {
        metrics::counter!(REFUSALS, "reason" => reason).absolute(0);
    }
}

fn describe() {
    use metrics::{describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram};
    gauge!(CONNECTIONS, "Connections that are open");
    counter!(CONNECTION_ERRORS, "Connections that ended badly");
    counter!(REQUESTS, "Requests, as seen from outside");
    histogram!(REQUEST_SECONDS, "From a request's header section to that of its answer");
    gauge!(REQUESTS_IN_FLIGHT, "Requests in flight");
    counter!(REFUSALS, "Requests that the gateway refused");
    counter!(UPSTREAM_RESPONSES, "Answers of upstreams");
    counter!(UPSTREAM_ERRORS, "Exchanges that an upstream failed");
    counter!(CONTENT_BYTES, "Bytes of content between gateway and upstreams");
    counter!(KEY_DOCUMENTS, "Key documents");
    gauge!(KEY_DOCUMENT_REMAINING, "Seconds for which the published key document may be used");
    counter!(KEY_ROTATIONS, "Key rotations");
    counter!(QUOTES, "Quotes");
    histogram!(QUOTE_SECONDS, "How long quotes take");
    counter!(ENDORSEMENTS, "Endorsements that are fetched from vendors");
    gauge!(CHANNELS, "Channels of sessions that are open");
    counter!(CHANNELS_OPENED, "Channels that were opened");
    counter!(TUNNELS_OPENED, "Channels that came with their session");
    counter!(CHANNELS_ENDED, "Channels that ended");
    gauge!(RA_TUNNELS, "Tunnels of version 0 that are open");
    counter!(RA_TUNNELS_OPENED, "Tunnels of version 0 that were opened");
    counter!(RA_TUNNELS_ENDED, "Tunnels of version 0 that ended");
    counter!(RA_TUNNEL_DROPPED, "Messages in tunnels of version 0 that were dropped");
    counter!(SECRETS, "Requests for secrets");
    counter!(LEGACY_REQUESTS, "Requests by hpke-http 1.x");
    gauge!(REGISTER_ENTRIES, "Entries of all replay registers");
}

/// Counts a refusal. Refusals are rare enough to look the counter up.
pub(crate) fn refused(reason: &'static str) {
    metrics::counter!(REFUSALS, "reason" => reason).increment(1);
}

/// Counts a request for a secret.
pub(crate) fn secret(verdict: &'static str) {
    metrics::counter!(SECRETS, "verdict" => verdict).increment(1);
}

/// What is counted for every request of one wire, looked up once.
pub(crate) struct WireMetrics {
    answered: Counter,
    refused: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl WireMetrics {
    pub(crate) fn new(wire: &'static str) -> Self {
        let outcome =
            |outcome: &'static str| metrics::counter!(REQUESTS, "wire" => wire, "outcome" => outcome);
        Self {
            answered: outcome("answered"),
            refused: outcome("refused"),
            failed: outcome("failed"),
            seconds: metrics::histogram!(REQUEST_SECONDS, "wire" => wire),
        }
    }

    pub(crate) fn record(&self, status: StatusCode, elapsed: Duration) {
        if status.is_server_error() {
            self.failed.increment(1);
        } else if status.is_client_error() {
            self.refused.increment(1);
        } else {
            self.answered.increment(1);
        }
        self.seconds.record(elapsed);
    }
}

/// What is counted for every exchange with an upstream, looked up once.
pub(crate) struct UpstreamMetrics {
    classes: [Counter; 4],
    pub(crate) connect: Counter,
    pub(crate) timeout: Counter,
    pub(crate) exchange: Counter,
    pub(crate) cut: Counter,
    pub(crate) request_bytes: Counter,
    pub(crate) response_bytes: Counter,
}

impl UpstreamMetrics {
    pub(crate) fn new() -> Self {
        let error = |kind: &'static str| metrics::counter!(UPSTREAM_ERRORS, "kind" => kind);
        let bytes = |direction: &'static str| metrics::counter!(CONTENT_BYTES, "direction" => direction);
        Self {
            classes: ["2xx", "3xx", "4xx", "5xx"]
                .map(|class| metrics::counter!(UPSTREAM_RESPONSES, "class" => class)),
            connect: error("connect"),
            timeout: error("timeout"),
            exchange: error("exchange"),
            cut: error("cut"),
            request_bytes: bytes("request"),
            response_bytes: bytes("response"),
        }
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        if let Some(class) =
            usize::from(status.as_u16() / 100).checked_sub(2).and_then(|i| self.classes.get(i))
        {
            class.increment(1);
        }
    }
}
