use crate::Wire;

/// Who is calling, and how that is known. In the extensions of every request behind a wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// the wire that the request came by
    pub wire: Wire,
    /// who
    pub identity: Identity,
}

/// How much is known of a caller. Wires that authenticate callers add their variants.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// Nobody in particular: the wire authenticates the enclave, not the caller.
    Nobody,
}
