//! The client's side of each wire.

pub mod oblivious;
