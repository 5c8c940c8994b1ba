use super::Key;

/// A connector with a pinned key at one moment. Nothing in it is verified: there is no evidence, and no verdict on any.
#[derive(Debug, Clone)]
pub struct Status {
    /// the authority that requests name
    pub authority: String,
    /// name of the wire
    pub wire: &'static str,
    /// the key that the user vouches for
    pub key: Key,
    /// requests taken
    pub requests: u64,
    /// requests that ended without an answer
    pub failed: u64,
    /// requests sealed anew and sent a second time (SE-43)
    pub resent: u64,
}
