//! The attested session: one round trip to keys that end inside the enclave, then symmetric sealing alone.
//!
//! Sans-I/O: bytes go in, bytes come out, time and randomness are parameters. The normative page is
//! `docs/spec/session.md`; the `SE-` numbers in this crate are its.
//!
//! * [`client`] and [`server`]: the handshake (AtHS), each awaited message a type of its own.
//! * [`request`]: sealed requests and their answers (TrR).
//! * [`channel`]: the record channel for whatever wants a connection.
//! * [`message`]: the messages as bytes.
//! * [`secret`]: names of secrets, and what an operator signs to write one.

pub mod channel;
pub mod client;
pub mod close;
mod error;
mod identity;
mod label;
mod limits;
pub mod message;
pub mod request;
mod schedule;
pub mod secret;
pub mod server;
mod suite;
#[cfg(test)]
mod tests;
mod transcript;

// What the tests of both kinds share names this crate from outside.
#[cfg(test)]
extern crate self as sealwire_session;

pub use error::{Error, Outside};
pub use identity::{Identity, purpose};
pub use limits::Limits;
pub use schedule::{ChannelSecret, CloseSecret, ExporterSecret, RequestSecret, Secrets};
pub use suite::{Group, Scheme, Suite};

/// Media types of the wire.
pub mod media {
    /// A message of the handshake.
    pub const HANDSHAKE: &str = "message/sealwire-handshake";
    /// A client hello, or a server flight, with early data behind it.
    pub const EARLY: &str = "message/sealwire-early";
    /// A sealed request.
    pub const REQUEST: &str = "message/sealwire-req";
    /// A sealed answer.
    pub const RESPONSE: &str = "message/sealwire-res";
}

/// The wire's name in key documents.
pub const WIRE: &str = "session";
/// Length of a session id in bytes: the instance's id, then 16 random bytes (SE-44).
pub const SESSION_ID_LEN: usize = 32;
/// A session's id.
pub type SessionId = [u8; SESSION_ID_LEN];
