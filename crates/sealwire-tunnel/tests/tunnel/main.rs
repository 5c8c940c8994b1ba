//! The handshake and the connection, with genuine evidence and hostile peers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod connection;
mod genuine;
mod handshake;
mod open;
mod properties;
mod shared;
