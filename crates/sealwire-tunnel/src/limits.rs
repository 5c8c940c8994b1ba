use std::time::Duration;

/// Limits of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// one WebSocket message, bytes; [`Limits::HARD_MESSAGE`] at most (TU-22)
    pub message: usize,
    /// until `client_kx` has come (TU-23)
    pub handshake: Duration,
    /// messages under one key, of both sides together (TU-24)
    pub messages: u64,
    /// life of a connection (TU-24)
    pub lifetime: Duration,
    /// requests in flight (TU-27)
    pub requests: usize,
    /// sockets at once (TU-27)
    pub sockets: usize,
    /// bytes of messages that wait to be sent (TU-27)
    pub outbound: usize,
    /// between WebSocket pings; who has not answered the last one is gone (TU-12)
    pub ping: Duration,
    /// without anything from the other side (TU-12)
    pub idle: Duration,
    /// how long an answer may take (TU-12)
    pub answer: Duration,
    /// handshakes under one key of the server, which has another behind them
    pub handshakes: usize,
}

impl Limits {
    /// The most that [`Limits::message`] may be (TU-22).
    pub const HARD_MESSAGE: usize = 16 << 20;

    /// The limit of one message that holds.
    #[must_use]
    pub fn message(&self) -> usize {
        self.message.min(Self::HARD_MESSAGE)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 1 << 20,
            handshake: Duration::from_secs(10),
            messages: 1_000_000,
            lifetime: Duration::from_hours(24),
            requests: 64,
            sockets: 64,
            outbound: 16 << 20,
            ping: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            answer: Duration::from_secs(30),
            handshakes: 1 << 18,
        }
    }
}
