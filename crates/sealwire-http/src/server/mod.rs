//! The server's side of each wire.

pub mod oblivious;
pub mod routes;

pub use routes::{Pace, RouteRules, Routes};
