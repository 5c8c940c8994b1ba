//! Gateways behind one name, and a balancer that sends every request to another one (SE-44).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod balancers;
mod bound;
mod channels;
mod faults;
mod fleet;
mod handshakes;
mod registry;
