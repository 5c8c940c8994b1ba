//! The client's side of each wire.

mod error;
mod exchange;
pub mod oblivious;
pub mod session;

pub use error::{Error, Unprocessed};
