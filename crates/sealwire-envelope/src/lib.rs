//! Signed envelopes on the wire `7h3/0.1`, without I/O: messages of agents that are each authenticated on their own.
//!
//! Sockets, files and clocks are the caller's: time comes in as milliseconds since the Unix epoch, randomness through
//! [`sealwire_crypto::random::Random`]. The numbers in the comments (EN-.., SP-..) are those of `docs/spec/envelope.md`.
//!
//! The safe profile is what one gets. What relaxes it has a name of its own, for one route or one peer.

pub mod algorithm;
pub mod audit;
pub mod base64url;
pub mod binding;
pub mod canonical;
pub mod capability;
mod compose;
pub mod encoding;
mod error;
mod frame;
pub mod glob;
pub mod identifier;
pub mod json;
pub mod key;
pub mod limiter;
mod limits;
mod model;
pub mod path;
pub mod policy;
pub mod replay;
pub mod seal;
pub mod shamir;
pub mod stream;
pub mod threshold;
pub mod validate;
mod verify;

pub use algorithm::Algorithm;
pub use compose::Message;
pub use error::Reason;
pub use limits::{Limits, REQUEST_TTL_MS};
pub use model::{Body, Envelope, Header, Proof, ShapeError, Signature, ThresholdSignature, VERSION};
pub use verify::{Authentic, Checked, Rules};
