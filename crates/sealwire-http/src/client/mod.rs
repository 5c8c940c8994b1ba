//! The client's side of each wire.

pub mod channel;
mod error;
mod exchange;
pub mod oblivious;
pub mod session;

pub use error::{Error, Unprocessed};
