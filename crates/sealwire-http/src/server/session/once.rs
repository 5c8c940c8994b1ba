use sealwire_session::server::Once;
use sealwire_store::{Register, Reservation};

/// Tokens and tickets that were used, in memory: they live and die with the keys that they are made with (AT-45).
pub struct OnceRegister(Register);

impl OnceRegister {
    /// Remembers at most so many; when it is full, nothing is taken any more.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(Register::new(capacity))
    }
}

impl Once for OnceRegister {
    fn take(&self, id: [u8; 16], now: u64, expires: u64) -> bool {
        matches!(self.0.reserve(id, now, expires), Ok(Reservation::Fresh))
    }
}
