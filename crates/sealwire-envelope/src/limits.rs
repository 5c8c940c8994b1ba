/// How much a peer may ask for before anything was verified (SP-09). Exceeding a limit refuses the message before any
/// cryptography.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// an envelope or a chain of capabilities in a header field, in bytes; default 16 KiB
    pub field: usize,
    /// an envelope in JSON, CBOR or binary form, and a message around one, in bytes; default 1 MiB
    pub envelope: usize,
    /// items of a batch; default 256
    pub batch_items: usize,
    /// a whole batch, in bytes; default 8 MiB
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { field: 16 << 10, envelope: 1 << 20, batch_items: 256, batch: 8 << 20 }
    }
}

/// Longest lifetime that requests, calls and connections take unless they are told otherwise, in milliseconds (SP-09).
pub const REQUEST_TTL_MS: i64 = 300_000;
