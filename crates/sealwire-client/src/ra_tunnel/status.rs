use sealwire_attest::{Appraised, Claims, verdict::Denial};

/// A connector at one moment.
#[derive(Debug, Clone)]
pub struct Status {
    /// the authority that requests name
    pub authority: String,
    /// what was accepted of the server that shook hands last
    pub claims: Appraised<Claims>,
    /// digest of the configuration that its quote covers, where it is a Sealwire gateway (AT-44)
    pub config_digest: Option<[u8; 48]>,
    /// whether its connection is open
    pub open: bool,
    /// why the server that was asked last was refused; nothing is sent to it
    pub refused: Option<Denial>,
    /// connections made, each with a quote that was checked
    pub connections: u64,
    /// requests taken, WebSockets among them
    pub requests: u64,
    /// those that ended without an answer
    pub failed: u64,
}
