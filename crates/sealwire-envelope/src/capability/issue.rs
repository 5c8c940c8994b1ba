//! Making tokens (EN-54, SP-67).

use sealwire_crypto::random::{self, Random};

use super::{MAX_LIFETIME_MS, Scope, Token, budget::Budget, parse::is_well_formed};
use crate::{
    Algorithm,
    key::{SignError, SignatureBytes, Signer, Use},
};

/// What a first token is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// who is permitted
    pub subject: String,
    /// what
    pub scopes: Vec<Scope>,
    /// for how long, in milliseconds
    pub ttl_ms: u64,
    /// how many tokens may follow; 0 unless more is wanted
    pub max_delegations: u64,
    /// the one verifier that it is for
    pub audience: String,
}

/// What a token handed on is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// who is permitted
    pub subject: String,
    /// what; within the scopes of the token before
    pub scopes: Vec<Scope>,
    /// for how long, in milliseconds; no longer than the token before
    pub ttl_ms: u64,
    /// how many tokens may follow; one less than of the token before unless fewer are wanted
    pub max_delegations: Option<u64>,
}

/// Why no token was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// SP-06, SP-66, SP-69
    #[error("a name, a glob, a method or a lifetime that verifiers refuse; tokens live 24 hours at most")]
    Invalid,
    /// EN-54
    #[error("only the subject of a token can hand it on")]
    NotSubject,
    /// EN-54
    #[error("the token has expired")]
    Expired,
    /// EN-54
    #[error("the new token would outlive the one before")]
    Outlives,
    /// EN-54, EN-56, SP-65: verifiers would say this.
    #[error("{0}")]
    Chain(#[from] super::Error),
    /// SP-17: no Ed25519 key for capabilities.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Issues a first token at `now`, in milliseconds since the Unix epoch. `signer` needs an Ed25519 key for
/// [`Use::Capability`].
///
/// # Errors
/// [`IssueError::Invalid`], [`IssueError::Sign`]
pub fn issue(signer: &Signer, grant: Grant, now: u64, random: &dyn Random) -> Result<Token, IssueError> {
    let token = Token {
        id: id(now, &grant.audience, random)?,
        issuer: signer.sender().to_owned(),
        subject: grant.subject,
        scopes: grant.scopes,
        issued_at: now,
        expires_at: expiry(now, grant.ttl_ms)?,
        delegation_depth: 0,
        parent_token_id: None,
        max_delegations: Some(grant.max_delegations),
        key_id: signer.key_id().to_owned(),
        signature: [0; 64],
    };
    signed(token, signer)
}

/// Hands the last token of `chain` on at `now`, in milliseconds since the Unix epoch. The new token belongs behind it.
///
/// # Errors
/// [`IssueError`]
pub fn delegate(
    signer: &Signer,
    chain: &[Token],
    delegation: Delegation,
    now: u64,
    random: &dyn Random,
) -> Result<Token, IssueError> {
    let (root, rest) = chain.split_first().ok_or(super::Error::EmptyChain)?;
    let parent = rest.last().unwrap_or(root);
    if parent.subject != signer.sender() {
        return Err(IssueError::NotSubject);
    }
    if now >= parent.expires_at {
        return Err(IssueError::Expired);
    }
    let expires_at = expiry(now, delegation.ttl_ms)?;
    if expires_at > parent.expires_at {
        return Err(IssueError::Outlives);
    }
    let token = Token {
        id: id(now, parent.audience().ok_or(super::Error::Audience)?, random)?,
        issuer: signer.sender().to_owned(),
        subject: delegation.subject,
        scopes: delegation.scopes,
        issued_at: now.max(parent.issued_at),
        expires_at,
        delegation_depth: parent.delegation_depth.saturating_add(1),
        parent_token_id: Some(parent.id.clone()),
        max_delegations: delegation
            .max_delegations
            .or_else(|| parent.max_delegations.map(|max| max.saturating_sub(1))),
        key_id: signer.key_id().to_owned(),
        signature: [0; 64],
    };
    within_budget(root, rest, &token)?;
    signed(token, signer)
}

/// SP-65, as verifiers compute it whose default is not 0: what a root leaves open is theirs to say.
fn within_budget(root: &Token, rest: &[Token], token: &Token) -> Result<(), super::Error> {
    let mut budget = Budget::of_root(root, u64::MAX);
    let mut parent = root;
    for (at, child) in (1..).zip(rest.iter().chain([token])) {
        budget = budget.hand_on(parent, child, at)?;
        parent = child;
    }
    Ok(())
}

fn signed(mut token: Token, signer: &Signer) -> Result<Token, IssueError> {
    if !is_well_formed(&token) {
        return Err(IssueError::Invalid);
    }
    if signer.algorithm() != Algorithm::Ed25519 {
        return Err(SignError::Use.into());
    }
    if let SignatureBytes::Ed25519(signature) = signer.sign(Use::Capability, &token.canonical())? {
        token.signature = signature;
    }
    Ok(token)
}

fn expiry(now: u64, ttl_ms: u64) -> Result<u64, IssueError> {
    if !(1..=MAX_LIFETIME_MS).contains(&ttl_ms) {
        return Err(IssueError::Invalid);
    }
    now.checked_add(ttl_ms).ok_or(IssueError::Invalid)
}

/// `cap-<ms>-<12 hex>@<audience>` (SP-67)
fn id(now: u64, audience: &str, random: &dyn Random) -> Result<String, IssueError> {
    let [a, b, c, d, e, f] = random::array(random).map_err(|_| SignError::Random)?;
    Ok(format!("cap-{now}-{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}@{audience}"))
}
