use sealwire_session::server::Once;
use sealwire_store::{Register, Reservation};

/// Tokens and tickets that were used, in memory: they live and die with the keys that they are made with (AT-45).
pub struct OnceRegister {
    tickets: Register,
    tokens: Register,
}

impl OnceRegister {
    /// Remembers at most so many of each. Where tickets are full, none is taken any more and handshakes are full ones; where
    /// tokens are, as many as of ten seconds, hellos under load are turned away.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { tickets: Register::new(capacity), tokens: Register::new(capacity) }
    }
}

impl Once for OnceRegister {
    fn take(&self, id: [u8; 16], now: u64, expires: u64) -> bool {
        matches!(self.tickets.reserve(id, now, expires), Ok(Reservation::Fresh))
    }

    fn take_token(&self, id: [u8; 16], now: u64, expires: u64) -> bool {
        matches!(self.tokens.reserve(id, now, expires), Ok(Reservation::Fresh))
    }
}
