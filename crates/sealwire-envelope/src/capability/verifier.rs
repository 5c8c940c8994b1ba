use std::collections::{BTreeMap, BTreeSet};

use super::{
    Chain, Error, MAX_LIFETIME_MS, MAX_SKEW_MS, MAX_TOKENS, Scope, Token,
    budget::Budget,
    parse::{is_well_formed, parse_field},
};
use crate::{
    Algorithm,
    key::{Fingerprint, KeyRecord, Use},
};

/// Who may issue first tokens, and for what (SP-63).
#[derive(Clone, Default)]
pub struct RootAuthority {
    /// what its tokens may permit at most
    pub scopes: Vec<Scope>,
    /// how many tokens may follow the first
    pub max_depth: usize,
    /// its keys; only those for [`Use::Capability`] count
    pub keys: Vec<KeyRecord>,
}

/// What was taken back (SP-70).
#[derive(Clone, Default)]
pub struct Revoked {
    /// ids of tokens: these and every chain that has them
    pub tokens: BTreeSet<String>,
    /// keys of issuers: all that was ever signed with them
    pub issuers: BTreeSet<Fingerprint>,
}

/// What a verifier of chains has been configured with. Keys of envelopes are not consulted (SP-63).
#[derive(Clone, Default)]
pub struct Verifier {
    /// first issuers, by name
    pub roots: BTreeMap<String, RootAuthority>,
    /// keys of those who hand on, found by issuer and key id; only those for [`Use::Capability`] count
    pub delegates: Vec<KeyRecord>,
    /// the audience that ids of tokens have to name (SP-67)
    pub audience: String,
    /// whether tokens without an audience are taken as well (SP-67)
    pub allow_no_audience: bool,
    /// how often a first token may be handed on that does not say so itself (SP-65)
    pub default_budget: u64,
    /// what was taken back
    pub revoked: Revoked,
}

impl Verifier {
    /// Verifies a field value at `now`, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`Error`], the first check that fails, from the root down.
    pub fn verify_field(&self, value: &[u8], now: u64) -> Result<Chain, Error> {
        self.verify(parse_field(value)?, now)
    }

    /// Verifies a chain at `now`, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`Error`], the first check that fails, from the root down.
    pub fn verify(&self, tokens: Vec<Token>, now: u64) -> Result<Chain, Error> {
        let (root, rest) = tokens.split_first().ok_or(Error::EmptyChain)?;
        if tokens.len() > MAX_TOKENS
            || !tokens.iter().all(|token| is_well_formed(token) && has_sound_times(token, now))
        {
            return Err(Error::Malformed);
        }
        let authority = self.authority(root, rest.len())?;
        self.check_own(root, 0, &authority.keys, now)?;
        let mut budget = Budget::of_root(root, self.default_budget);
        let mut parent = root;
        for (at, child) in (1..).zip(rest) {
            check_descent(parent, child, at)?;
            budget.after_one_more(parent, at)?;
            check_times(parent, child, at)?;
            budget = budget.hand_on(parent, child, at)?;
            self.check_own(child, at, &self.delegates, now)?;
            parent = child;
        }
        Ok(Chain::verified(tokens))
    }

    /// SP-63
    fn authority(&self, root: &Token, following: usize) -> Result<&RootAuthority, Error> {
        let authority = self.roots.get(&root.issuer).ok_or(Error::RootNotAuthorised)?;
        let within = |scope: &Scope| authority.scopes.iter().any(|listed| listed.covers(scope));
        if root.delegation_depth != 0 {
            return Err(Error::RootDepth);
        }
        let permitted = root.parent_token_id.is_none()
            && following <= authority.max_depth
            && root.scopes.iter().all(within);
        if permitted { Ok(authority) } else { Err(Error::RootNotAuthorised) }
    }

    /// What holds of a token by itself.
    fn check_own(&self, token: &Token, at: usize, keys: &[KeyRecord], now: u64) -> Result<(), Error> {
        if now >= token.expires_at {
            return Err(Error::Expired { at });
        }
        match token.audience() {
            Some(audience) if audience == self.audience => {}
            None if self.allow_no_audience => {}
            _ => return Err(Error::Audience),
        }
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let named = |key: &&KeyRecord| {
            key.sender() == token.issuer
                && key.key_id() == token.key_id
                && key.algorithm() == Algorithm::Ed25519
                && key.uses().contains(Use::Capability)
        };
        let key = keys.iter().find(named).ok_or_else(|| Error::NoKey { issuer: token.issuer.clone() })?;
        if !key.verifies(Use::Capability, &token.canonical(), &token.signature, now) {
            return Err(Error::Signature { at });
        }
        // Last, so that nobody learns what was revoked from a token of their own making.
        if self.revoked.tokens.contains(&token.id) || self.revoked.issuers.contains(key.fingerprint()) {
            return Err(Error::Revoked);
        }
        Ok(())
    }
}

/// SP-66
fn has_sound_times(token: &Token, now: u64) -> bool {
    token.issued_at <= now.saturating_add(MAX_SKEW_MS)
        && token
            .expires_at
            .checked_sub(token.issued_at)
            .is_some_and(|life| (1..=MAX_LIFETIME_MS).contains(&life))
}

/// Whether a token names the one before it, and was issued by whom that one permits (EN-55).
fn check_descent(parent: &Token, child: &Token, at: usize) -> Result<(), Error> {
    if child.issuer != parent.subject {
        return Err(Error::Issuer { at, issuer: child.issuer.clone(), subject: parent.subject.clone() });
    }
    if child.parent_token_id.as_ref() != Some(&parent.id) {
        let claimed = child.parent_token_id.clone().unwrap_or_default();
        return Err(Error::Parent { at, parent: claimed, id: parent.id.clone() });
    }
    let expected = parent.delegation_depth.saturating_add(1);
    if child.delegation_depth != expected {
        return Err(Error::Depth { at, depth: child.delegation_depth, expected });
    }
    Ok(())
}

/// Whether a token lives within the one before it (EN-55, SP-66).
fn check_times(parent: &Token, child: &Token, at: usize) -> Result<(), Error> {
    if child.expires_at > parent.expires_at {
        return Err(Error::Outlives { at });
    }
    if child.issued_at < parent.issued_at {
        return Err(Error::Malformed);
    }
    Ok(())
}
