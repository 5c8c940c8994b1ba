use crate::Reason;

/// Why a chain was refused. Its text is the reason that the caller is told (EN-55, SP-13).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SP-03, SP-06, SP-09, SP-66: not a token in the form and within the bounds of this profile.
    #[error("capability-malformed")]
    Malformed,
    /// EN-55
    #[error("empty-chain")]
    EmptyChain,
    /// SP-63: the first issuer is no root, or not for these scopes, or not for a chain of this length.
    #[error("capability-root-not-authorised")]
    RootNotAuthorised,
    /// EN-55
    #[error("root-token-delegation-depth-must-be-zero")]
    RootDepth,
    /// EN-55
    #[error("chain-broken: token[{at}].issuer '{issuer}' !== token[{}].subject '{subject}'", at.saturating_sub(1))]
    Issuer {
        /// which token, from 0
        at: usize,
        /// its issuer
        issuer: String,
        /// the subject of the token before
        subject: String,
    },
    /// EN-55
    #[error("chain-broken: token[{at}].parentTokenId '{parent}' !== token[{}].id '{id}'", at.saturating_sub(1))]
    Parent {
        /// which token, from 0
        at: usize,
        /// what it names as its parent; empty where it names none
        parent: String,
        /// the token before
        id: String,
    },
    /// EN-55
    #[error("chain-broken: token[{at}].delegationDepth {depth} !== {expected}")]
    Depth {
        /// which token, from 0
        at: usize,
        /// the depth that it claims
        depth: u64,
        /// one more than that of the token before
        expected: u64,
    },
    /// EN-55
    #[error("chain-broken: token[{}] does not permit further delegation (maxDelegations=0)", at.saturating_sub(1))]
    NoDelegation {
        /// the token that should not be there, from 0
        at: usize,
    },
    /// EN-55
    #[error("chain-broken: token[{at}].expiresAt exceeds token[{}].expiresAt", at.saturating_sub(1))]
    Outlives {
        /// which token, from 0
        at: usize,
    },
    /// EN-55, SP-69
    #[error("chain-broken: token[{at}].scopes exceed token[{}].scopes", at.saturating_sub(1))]
    Scopes {
        /// which token, from 0
        at: usize,
    },
    /// EN-55
    #[error("token[{at}]-expired")]
    Expired {
        /// which token, from 0
        at: usize,
    },
    /// EN-55, SP-63: no key of the issuer under this name that is for capabilities.
    #[error("no-public-key-for-issuer:{issuer}")]
    NoKey {
        /// the issuer
        issuer: String,
    },
    /// EN-55
    #[error("invalid-signature-at-index:{at}")]
    Signature {
        /// which token, from 0
        at: usize,
    },
    /// EN-55
    #[error("leaf-token-does-not-cover-required-scope")]
    NotCovered,
    /// SP-65: more delegation than was handed on.
    #[error("delegation-escalation")]
    Escalation,
    /// SP-67
    #[error("capability-audience-mismatch")]
    Audience,
    /// SP-70
    #[error("capability-revoked")]
    Revoked,
    /// SP-64: no request that names this chain, from its last subject.
    #[error("capability-not-bound")]
    NotBound,
}

impl Error {
    /// The reason of SP-13, where it is one of the fixed words.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        Some(match self {
            Self::Malformed => Reason::CapabilityMalformed,
            Self::RootNotAuthorised => Reason::CapabilityRootNotAuthorised,
            Self::Escalation => Reason::DelegationEscalation,
            Self::Audience => Reason::CapabilityAudienceMismatch,
            Self::Revoked => Reason::CapabilityRevoked,
            Self::NotBound => Reason::CapabilityNotBound,
            _ => return None,
        })
    }
}
