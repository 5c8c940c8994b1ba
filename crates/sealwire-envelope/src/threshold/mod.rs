//! Envelopes that m of n signers sign together (EN-66 to EN-69, SP-46 to SP-50), with BLS12-381.
//!
//! Who may sign is configuration, never what the wire says, and every key has come with a proof that it is held: a key
//! that was chosen to cancel out others cannot have one.

mod aggregate;
mod group;
mod key;
mod partial;

pub use aggregate::Aggregator;
pub use group::{Group, GroupError, Participant};
pub use key::{KeyError, SecretKey};
pub use partial::{Partial, PartialError};

/// The name of the algorithm (EN-68).
pub const ALGORITHM: &str = "BLS-G2-2";
