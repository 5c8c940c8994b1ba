use std::time::Duration;

/// Limits of the wire; defaults are those of the table in the specification (SE-38).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// a session's life
    pub lifetime: Duration,
    /// without a request
    pub idle: Duration,
    /// of one session, channels included
    pub requests: u64,
    /// numbers below the highest that may still come
    pub window: u32,
    /// plaintext of one request or answer, bytes
    pub message: u64,
    /// plaintext of one sent chunk, bytes
    pub sent_chunk: usize,
    /// plaintext of one received chunk, bytes
    pub received_chunk: usize,
    /// sessions at once
    pub sessions: usize,
    /// sessions whose keys the client has not confirmed
    pub half_open: usize,
    /// half-open sessions from which on a hello is answered with a retry
    pub retry_from: usize,
    /// how long a retry token is good
    pub token: Duration,
    /// a ticket's life
    pub ticket: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_hours(24),
            idle: Duration::from_hours(1),
            requests: 1 << 32,
            window: 1024,
            message: 1 << 30,
            sent_chunk: 16 << 10,
            received_chunk: 64 << 10,
            sessions: 131_072,
            half_open: 4096,
            retry_from: 1024,
            token: Duration::from_secs(10),
            ticket: Duration::from_hours(24),
        }
    }
}

/// Longest client hello and retry, in bytes.
pub const MAX_HELLO: usize = 16 << 10;
/// Longest server flight and client finish, in bytes.
pub const MAX_FLIGHT: usize = 2 << 20;
