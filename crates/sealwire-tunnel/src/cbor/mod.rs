//! CBOR as the peer writes it (TU-13, TU-15), and a reader that takes what TU-14 lists and nothing else.

mod reader;
mod writer;

pub(crate) use reader::{Reader, Value};
pub(crate) use writer::{Head, Writer};

/// Why bytes are not CBOR that is read here (TU-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// cut short, a length above the message, an item of another type, or text that is not UTF-8
    #[error("cut short, or an item of another type")]
    Malformed,
    /// an indefinite length
    #[error("an indefinite length")]
    Indefinite,
    /// a key twice
    #[error("a key twice")]
    DuplicateKey,
    /// a tag that is not 64, or not on a byte string
    #[error("a tag")]
    Tag,
    /// nested over 8 deep
    #[error("nested too deep")]
    Depth,
    /// a map of too many pairs
    #[error("a map of too many pairs")]
    TooMany,
    /// bytes after the item
    #[error("bytes after the end")]
    Trailing,
}

/// The tag of a byte string as the peer writes it: a `Uint8Array` (RFC 8746 section 2.1).
const TYPED_ARRAY: u64 = 64;
