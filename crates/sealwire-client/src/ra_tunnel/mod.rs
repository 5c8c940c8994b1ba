//! Servers of version 0 of the RA tunnel, those that others have made among them (TU-36 to TU-38).
//!
//! They have no key document: what is attested is the key of one connection after the other, by a quote that each of them
//! shows. So a [`Connector`] of this module is a type of its own, and so is what it tells of itself.

mod connector;
mod settings;
mod status;

pub use connector::Connector;
pub use sealwire_http::ra_tunnel::{Limits, binding::Bindings};
pub use settings::Settings;
pub use status::Status;

/// The stable name of the wire.
pub const WIRE: &str = "tunnel-v0";
