//! Binary HTTP (RFC 9292) and chunk framing, incremental in both directions and sealed in place.
//!
//! Neither reads a socket nor a clock: callers push the bytes that came and take what they mean.

pub mod bhttp;
pub mod chunk;
pub mod varint;
