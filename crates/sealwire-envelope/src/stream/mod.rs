//! Signed streams, version 2 (SP-52 to SP-57): data that is authenticated while it arrives. A signed opening envelope
//! names a fresh key; every frame is chained to it, and tags over the chain follow at known distances. Data is given out
//! once a tag covers it, and never before.
//!
//! [`legacy`] has the form of version 1, in which nothing is authenticated before the end.

mod binary;
mod chain;
mod error;
mod frame;
mod json;
pub mod legacy;
mod opening;
mod reader;
mod statement;
mod writer;

pub use error::Error;
pub use frame::{Data, Frame, Tag};
pub use opening::{Opened, Opening, OpeningError, Tags, open};
pub use reader::Reader;
pub use statement::{Mode, SID_LEN, Statement};
pub use writer::Writer;

/// `capability` of an opening envelope, and `v` of its statement (SP-52).
pub const CAPABILITY: &str = "sw-stream/2";
/// The header field in which an opening envelope may travel (SP-52).
pub const FIELD: &str = "x-7h3-stream";

/// Length of the data of one frame in bytes (SP-09).
pub const MAX_FRAME: usize = 1024 * 1024;
/// How many frames a stream may have (SP-09).
pub const MAX_FRAMES: u64 = 1 << 32;
/// How much data may wait for a tag, in bytes (SP-09).
pub const MAX_HELD: usize = 4 * 1024 * 1024;
/// The largest distance between tags, in frames (SP-52).
pub const MAX_EVERY: u16 = 1024;
/// How long a frame may wait for its tag at the writer unless told otherwise, in milliseconds (SP-57).
pub const FLUSH_DELAY_MS: u64 = 50;
