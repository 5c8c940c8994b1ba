/// Limits of the releases 1.x, with their defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// clear bytes of a request
    pub request: u64,
    /// clear bytes of an answer (HH-104)
    pub response: u64,
    /// clear bytes of one event
    pub event: usize,
    /// how many times its length compressed data may have in clear (HH-101)
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request: 64 << 20, response: 64 << 20, event: 8 << 20, ratio: 200 }
    }
}
