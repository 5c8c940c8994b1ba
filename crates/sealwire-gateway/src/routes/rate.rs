//! How often one caller may use a route.

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sealwire_http::{Identity, Peer};
use std::{
    hash::{Hash, Hasher},
    mem,
    num::NonZeroU32,
};

/// A limit that every caller has for itself.
pub(crate) struct Rate(DefaultKeyedRateLimiter<Caller>);

impl Rate {
    /// `None` for zero.
    pub(crate) fn per_second(requests: u32) -> Option<Self> {
        Some(Self(RateLimiter::keyed(Quota::per_second(NonZeroU32::new(requests)?))))
    }

    /// Whether the caller may go on.
    pub(crate) fn allows(&self, peer: &Peer) -> bool {
        self.0.check_key(&Caller(peer.identity.clone())).is_ok()
    }

    /// Forgets callers that have not come for so long that it makes no difference.
    pub(crate) fn forget_idle(&self) {
        self.0.retain_recent();
    }
}

/// Who is counted. The wire does not matter, only who called by it.
#[derive(Clone, PartialEq, Eq)]
struct Caller(Identity);

impl Hash for Caller {
    fn hash<H: Hasher>(&self, state: &mut H) {
        mem::discriminant(&self.0).hash(state);
        match &self.0 {
            Identity::Attested(caller) => caller.acceptance.document_hash.hash(state),
            Identity::Tenant(tenant) => tenant.hash(state),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_http::Wire;

    #[test]
    fn a_caller_has_one_allowance_on_all_wires() {
        let rate = Rate::per_second(2).unwrap();
        let peer = |wire| Peer { wire, identity: Identity::Nobody };
        assert!(rate.allows(&peer(Wire::Plain)));
        assert!(rate.allows(&peer(Wire::ObliviousSingle)));
        assert!(!rate.allows(&peer(Wire::ObliviousChunked)));
        rate.forget_idle();
        assert!(!rate.allows(&peer(Wire::Plain)), "an allowance that is used up is not forgotten");
    }

    #[test]
    fn zero_is_no_rate() {
        assert!(Rate::per_second(0).is_none());
    }
}
