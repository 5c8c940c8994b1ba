//! The server's side of each wire.

pub mod channel;
pub mod ehbp;
pub(crate) mod exchange;
pub mod hpke_http;
pub mod oblivious;
pub mod routes;
pub mod session;
pub mod tunnel;
pub mod tunnels;

pub use routes::{EhbpRules, Pace, RouteRules, Routes};
