//! What makes this side's own evidence (SE-11). Programs bring it: what a machine attests with is theirs to open.

use futures_util::future::BoxFuture;
use sealwire_attest::{Bound, Endorsements, Presented};
use sealwire_http::BoxError;

/// Makes evidence of the machine that the caller runs on.
pub trait Attester: Send + Sync + 'static {
    /// Fresh evidence over `bound`, and what goes with it. Takes from milliseconds to a second.
    fn attest(&self, bound: Bound) -> BoxFuture<'static, Result<Attestation, BoxError>>;
}

/// Evidence, and what goes with it.
#[derive(Debug, Clone)]
pub struct Attestation {
    /// the lead and its companions
    pub evidence: Presented,
    /// certificates and other endorsements: a gateway asks nobody for what is missing
    pub endorsements: Endorsements,
}
