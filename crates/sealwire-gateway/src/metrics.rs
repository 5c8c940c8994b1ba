//! The metrics, by their stable names.

/// Gauge: connections that are open.
pub const CONNECTIONS: &str = "sealwire_connections";
/// Counter by `reason` (`protocol`, `timeout`): connections that ended badly. An idle connection that was closed
/// counts as `timeout`.
pub const CONNECTION_ERRORS: &str = "sealwire_connection_errors_total";
