//! EHBP against a gateway that runs: the published client, a peer by hand, and whoever keeps to no rule.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod application;
mod hand;
mod keys;
mod must_reject;
mod paths;
mod peers;
mod replay;
mod streams;
