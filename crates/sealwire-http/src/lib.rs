//! The tower layers that make a wire: one file for each wire and side, around one plain HTTP service.
//!
//! On the server a wire opens sealed requests into ordinary ones and puts a [`Peer`] into their extensions;
//! everything behind it sees a plain request and a peer, and never asks which wire it came by.

pub mod alike;
pub mod body;
pub mod channel;
mod chunks;
pub mod client;
pub mod clock;
pub mod complete;
mod content;
mod frames;
pub mod informational;
pub mod key_ring;
mod lent;
pub mod listed;
pub mod opened;
mod peer;
mod prefixed;
pub mod problem;
mod records;
mod sealed;
pub mod server;
pub mod tunnel;
pub mod websocket;
pub mod wire;

pub use body::{Body, BoxError};
pub use clock::{Clock, SystemClock};
pub use key_ring::KeyRing;
pub use peer::{Attested, Identity, Peer};
pub use wire::Wire;

/// The crates whose types are in this one's interface: services name them through it.
pub use {
    sealwire_crypto as crypto, sealwire_ehbp as ehbp, sealwire_hpke_http as hpke_http,
    sealwire_message as message, sealwire_oblivious as oblivious, sealwire_session as session,
    sealwire_store as store, sealwire_tunnel as ra_tunnel,
};

/// Says that a message wants to be forwarded as it comes (draft-ietf-httpbis-incremental, OB-45).
pub const INCREMENTAL: http::HeaderName = http::HeaderName::from_static("incremental");
