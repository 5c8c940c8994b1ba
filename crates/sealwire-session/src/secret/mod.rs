//! Named secrets inside of a session (SE-20): what both ends have to agree on.

mod name;
mod operator;

pub use name::{BadName, MAX_NAME, Name};
pub use operator::{FIELD, OperatorWrite, Write};

/// Where the list is, and below it the secrets.
pub const PATH: &str = "/.well-known/sealwire/secrets";
/// Longest secret in bytes.
pub const MAX_SECRET: usize = 65_536;
