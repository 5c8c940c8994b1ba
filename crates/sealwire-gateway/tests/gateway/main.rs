//! A running gateway, over raw sockets, with real upstreams on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod admin;
mod bad_input;
mod companions;
mod documents;
mod drain;
mod endorsements;
mod plain;
mod reload;
mod sealed;
mod support;
mod tls;
mod upstreams;
