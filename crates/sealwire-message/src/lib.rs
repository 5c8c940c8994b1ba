//! Binary HTTP (RFC 9292) and chunk framing, incremental in both directions and sealed in place.

pub mod bhttp;
pub mod chunk;
pub mod varint;
