//! Streams of version 1 (EN-61 to EN-65), for peers that have no other: `legacy_stream`.
//!
//! Nothing is authenticated before the end, and no sender, recipient, time or stream is signed, so a whole stream can be
//! played again. The boundaries of chunks are ambiguous; the reader here refuses what could be read in two ways (SP-58),
//! and gives out data only when all of it was verified.

mod chunk;
mod reader;
#[cfg(feature = "legacy-stream-writer")]
mod writer;

pub use chunk::{Chunk, Final};
pub use reader::{Error, Reader, Verified};
#[cfg(feature = "legacy-stream-writer")]
pub use writer::Writer;

/// How many chunks a stream may have before the final one (EN-64).
pub const MAX_CHUNKS: u64 = 10_000;
