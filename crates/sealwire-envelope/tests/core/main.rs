//! The core of the crate: forms, keys, bindings, replays, against the shared vectors and against attackers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod bindings;
mod canonical;
mod encodings;
mod keys;
mod limiter;
mod paths;
mod properties;
mod queues;
mod registries;
mod replays;
mod requests;
mod support;
mod validation;
mod websockets;
