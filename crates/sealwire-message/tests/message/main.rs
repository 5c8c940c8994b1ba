//! Tests of the public API: vectors, a second implementation, properties, limits, adversaries.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod adversary;
mod chunks;
mod encoding;
mod limits;
mod malformed;
mod properties;
mod second_implementation;
mod seen;
mod shared;
mod truncation;
mod vectors;
mod wire;
