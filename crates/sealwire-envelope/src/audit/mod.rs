//! The audit log: a chain of entries in which nothing can be changed, left out or put in without it showing, and signed
//! checkpoints without which the end could be cut off (SP-71 to SP-77).
//!
//! Lines in, lines out: where they are kept is the caller's. [`Log`] is the one writer, [`verify`] reads, [`legacy`] has
//! the form of version 1.

mod checkpoint;
mod entry;
mod key;
pub mod legacy;
mod log;
mod verify;

pub use checkpoint::Checkpoint;
pub use entry::{Entry, Event, GENESIS, Hash, Kind, hash};
pub use key::{Keys, Signer};
pub use log::{Intervals, Log, Pending, Rotation};
pub use verify::{Break, Head, Report, Why, verify};

/// Length of the identifier of a log in bytes.
pub const LOG_ID_LEN: usize = 16;
