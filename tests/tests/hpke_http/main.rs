//! hpke-http: against the published packages, and against whoever is on the way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod app;
mod client_altered;
mod client_attested;
mod client_by_hand;
mod client_connect;
mod client_gateway;
mod client_published;
mod client_published_1;
mod client_retry;
mod exchanges;
mod forge;
mod legacy_policy;
mod must_reject;
mod server_published;
mod support;
