//! Servers that do not attest themselves, by a key that the user vouches for.
//!
//! Wires that others defined are spoken by servers that are no gateways of ours: the published middleware of hpke-http, for
//! one. There is no key document there, and so nothing that says what runs. A [`Connector`] of this module seals to one key,
//! which its settings name, and never to another: it asks no server for its key, renews nothing, and falls back to nothing
//! (HH-10, HH-61). What it tells of itself is a type of its own, so that a pinned key cannot be taken for an attested one.

mod connector;
mod settings;
mod status;

pub use connector::Connector;
pub use sealwire_http::client::PinnedKey as Key;
pub use settings::{Settings, Wire};
pub use status::Status;
