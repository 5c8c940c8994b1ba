use crate::Wire;
use sealwire_attest::key_document::Acceptance;
use std::sync::Arc;

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
    /// An enclave that has attested itself, and that the policy has accepted (SE-11).
    Attested(Arc<Attested>),
    /// Who has a pre-shared key of this tenant (HH-16).
    Tenant(Arc<str>),
}

/// What was accepted of a caller.
#[derive(Debug)]
pub struct Attested {
    /// its key document, and what the evidence over it says
    pub acceptance: Acceptance,
}

/// Two are the same caller if they have the same document.
impl PartialEq for Attested {
    fn eq(&self, other: &Self) -> bool {
        self.acceptance.document_hash == other.acceptance.document_hash
    }
}

impl Eq for Attested {}
