//! The RA tunnel, version 0: RA-HTTPS and RA-WSS, for interoperation only.
//!
//! HTTP requests and WebSockets ride on one control WebSocket, whose key is sealed to a key of the server that a hardware
//! quote is bound to. What the wire lacks (forward secrecy, order, an authenticated end) no implementation can add; what can
//! be done without a change on the wire is done here. The normative page is `docs/spec/tunnel.md`; the `TU-` numbers in this
//! crate are its.
//!
//! Sans-I/O: whole WebSocket messages go in and come out, time and randomness are parameters.
//!
//! * [`client`] and [`server`]: the handshake, each awaited message a type of its own.
//! * [`connection`]: what goes both ways behind it.
//! * [`message`]: the inner messages.
//! * [`live`]: the ids that one connection has in use.

pub mod binding;
mod cbor;
pub mod client;
pub mod connection;
mod envelope;
mod error;
mod handshake;
mod id;
mod limits;
pub mod live;
pub mod message;
mod nonces;
pub mod server;
#[cfg(test)]
mod vectors;

pub use error::{Dropped, Error};
pub use handshake::VerifierData;
pub use id::Id;
pub use limits::Limits;

/// Where the control WebSocket is opened (TU-02, TU-21).
pub const PATH: &str = "/__ra__";

/// The codes that the control WebSocket is closed with.
pub mod close {
    /// The other side did not keep to the handshake (TU-23).
    pub const POLICY: u16 = 1008;
    /// Both sides are to begin anew under another key (TU-24).
    pub const SERVICE_RESTART: u16 = 1012;
    /// What the sockets in the tunnel see when it ends (TU-11).
    pub const ABNORMAL: u16 = 1006;
}
