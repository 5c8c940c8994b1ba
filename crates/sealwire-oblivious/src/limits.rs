use sealwire_message::{bhttp, chunk};
use std::time::Duration;

/// Every limit of the wire (section 9 of the specification), with its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// single-shot request plaintext, bytes
    pub single_request: usize,
    /// single-shot response plaintext, bytes
    pub single_response: usize,
    /// chunked messages
    pub chunk: chunk::Limits,
    /// the Binary HTTP inside
    pub bhttp: bhttp::Limits,
    /// configs of a list
    pub configs: usize,
    /// bytes of a list
    pub config_list: usize,
    /// from the first byte of a request to its inner head
    pub header_time: Duration,
    /// between two chunks
    pub idle_time: Duration,
}
impl Default for Limits {
    fn default() -> Self {
        todo!()
    }
}
