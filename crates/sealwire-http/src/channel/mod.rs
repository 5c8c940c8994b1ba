//! The channel of the attested session as a stream of bytes (SE-37): records in the binary messages of a WebSocket.
//!
//! Inside runs HTTP/2: [`client::channel`](crate::client::channel) and [`server::channel`](crate::server::channel). What
//! the WebSocket itself says, and how it ends, is trusted with nothing.

mod error;
mod open;
mod progress;
mod socket;
mod stream;
mod talk;

pub use error::{Error, Fault};
pub use open::{Verdict, accept, connect};
pub(crate) use progress::Progress;
pub use stream::ChannelStream;
pub use talk::Talk;

use sealwire_session::channel::MAX_DATA;
use std::time::Duration;

/// Where channels are opened.
pub const PATH: &str = "/.well-known/sealwire/ws";
/// The subprotocol of the WebSocket.
pub const SUBPROTOCOL: &str = "sealwire.v1";

/// Longest frame of the HTTP/2 inside, bytes: with its head, which has 9, it fills one record.
pub(crate) const FRAME: u32 = MAX_DATA as u32 - 9;
/// What is held of one request or answer until the other side takes it, bytes.
pub(crate) const SEND_BUFFER: usize = 256 << 10;
/// Longest head of a request or answer, bytes.
pub(crate) const HEAD: u32 = 64 << 10;

/// Settings of either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// how long each message of the other side is waited for, until there is a channel
    pub opening: Duration,
    /// requests at once that a server takes
    pub streams: u32,
    /// content of one request or answer that a receiver holds for a slow reader, bytes
    pub stream_window: u32,
    /// the same, of all at once
    pub connection_window: u32,
    /// how long nothing may come before the other side is asked whether it is there, and how long its answer may take
    pub keep_alive: (Duration, Duration),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            opening: Duration::from_secs(10),
            streams: 256,
            stream_window: 1 << 20,
            connection_window: 4 << 20,
            keep_alive: (Duration::from_secs(30), Duration::from_secs(20)),
        }
    }
}
