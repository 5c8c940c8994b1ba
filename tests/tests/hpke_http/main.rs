//! hpke-http: against the published package, and against whoever is on the way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod client_published;
