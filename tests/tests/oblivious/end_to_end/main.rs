//! Application, gateway, relay and local proxy, with an ordinary HTTP client in front: what it sees is the application.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod app;
mod content;
mod curl;
mod relays;
mod renewal;

use axum::body::Bytes;
use serde_json::Value;

fn json(content: &Bytes) -> Value {
    serde_json::from_slice(content).unwrap_or_else(|_| panic!("{content:?}"))
}
