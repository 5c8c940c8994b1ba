//! The client's side of each wire.

pub mod channel;
pub mod ehbp;
mod error;
mod exchange;
pub mod hpke_http;
pub mod hpke_http_1;
mod key;
pub mod oblivious;
pub mod session;
pub mod tunnel;

pub use error::{Error, Unprocessed};
pub use key::{InClear, KeySource, PinnedKey};
