/// What a message may hold, each way; defaults are those of the table in `docs/spec/ehbp.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// content of one received frame, bytes (EH-25)
    pub received_frame: usize,
    /// content of one sent frame, bytes; at least 1, or nothing could be sent
    pub sent_frame: usize,
    /// frames without content that may follow each other (EH-26)
    pub empty_frames: u32,
    /// content of one message, bytes
    pub message: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { received_frame: 1 << 20, sent_frame: 16 << 10, empty_frames: 1024, message: 1 << 30 }
    }
}
