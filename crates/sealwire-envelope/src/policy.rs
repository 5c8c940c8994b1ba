//! Who may call what (EN-87, SP-78): the first policy whose pattern matches decides, and what none matches is refused.

use std::collections::BTreeSet;

use crate::{Reason, glob, key::Require, limiter::Rate};

/// A policy for the paths of one pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// the pattern (EN-59)
    pub path: String,
    /// what has to vouch for a request; `None` lets everybody through unverified
    pub require: Option<Require>,
    /// who may call: everybody who is verified when absent, and nobody when empty (SP-78)
    pub allowed_senders: Option<BTreeSet<String>>,
    /// which methods; all of them when absent
    pub methods: Option<BTreeSet<String>>,
    /// whether senders that were found by discovery may call where `allowed_senders` is absent (SP-78)
    pub allow_discovered: bool,
    /// how often each sender may call
    pub rate: Option<Rate>,
    /// whether responses are signed
    pub sign_response: bool,
}

impl Policy {
    /// For a pattern: Ed25519, every sender of the static registry.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            require: Some(Require::Ed25519),
            allowed_senders: None,
            methods: None,
            allow_discovered: false,
            rate: None,
            sign_response: false,
        }
    }

    /// Whether `sender`, who was verified, may call with `method`.
    ///
    /// # Errors
    /// [`Reason::SenderDenied`]
    pub fn admit(&self, sender: &str, method: &str, origin: Origin) -> Result<(), Reason> {
        let sender_may = match &self.allowed_senders {
            Some(allowed) => allowed.contains(sender),
            None => origin == Origin::Registered || self.allow_discovered,
        };
        let method_may = self.methods.as_ref().is_none_or(|methods| methods.contains(method));
        if sender_may && method_may { Ok(()) } else { Err(Reason::SenderDenied) }
    }
}

/// How the key of a sender is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// by configuration
    Registered,
    /// by discovery
    Discovered,
}

/// Policies, in the order in which they are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies(Vec<Policy>);

impl Policies {
    /// In this order.
    #[must_use]
    pub fn new(policies: Vec<Policy>) -> Self {
        Self(policies)
    }

    /// The first that matches a path (SP-68, SP-80: the path part of the target, as it is forwarded), and its number, which
    /// is the limiter's.
    ///
    /// # Errors
    /// [`Reason::NoMatchingPolicy`]
    pub fn decide(&self, path: &str) -> Result<(u32, &Policy), Reason> {
        let mut numbered = (0..).zip(&self.0);
        numbered.find(|(_, policy)| glob::matches(&policy.path, path)).ok_or(Reason::NoMatchingPolicy)
    }

    /// Those that let everybody through, to be told at start (SP-78).
    pub fn open(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter().filter(|policy| policy.require.is_none())
    }
}
