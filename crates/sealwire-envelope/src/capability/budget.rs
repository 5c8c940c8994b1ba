//! How often a permission may still be handed on (SP-65). It is computed here from the root down; what tokens claim can
//! only lower it.

use super::{Error, Scope, Token};

/// What is left at one token.
pub(super) struct Budget {
    token: u64,
    /// In the order of the token's scopes; `None` where the token's own budget is the only bound.
    scopes: Vec<Option<u64>>,
}

impl Budget {
    /// At the root; `default` where the token says nothing.
    pub(super) fn of_root(root: &Token, default: u64) -> Self {
        let scopes = root.scopes.iter().map(|scope| scope.max_delegations).collect();
        Self { token: root.max_delegations.unwrap_or(default), scopes }
    }

    /// At the next token, the `at`th of the chain; each of its scopes takes from the one that covers it and has most left.
    pub(super) fn hand_on(&self, parent: &Token, child: &Token, at: usize) -> Result<Self, Error> {
        let token = lowered(self.after_one_more(parent, at)?, child.max_delegations)?;
        let scopes =
            child.scopes.iter().map(|scope| self.scope(parent, scope, at)).collect::<Result<_, _>>()?;
        Ok(Self { token, scopes })
    }

    /// What the token leaves to one that follows it as the `at`th of the chain.
    pub(super) fn after_one_more(&self, parent: &Token, at: usize) -> Result<u64, Error> {
        self.token.checked_sub(1).ok_or(match parent.max_delegations {
            Some(0) => Error::NoDelegation { at },
            _ => Error::Escalation,
        })
    }

    fn scope(&self, parent: &Token, child: &Scope, at: usize) -> Result<Option<u64>, Error> {
        let covering = parent.scopes.iter().zip(&self.scopes).filter(|(scope, _)| scope.covers(child));
        let most = covering
            .map(|(_, left)| *left)
            .max_by_key(|left| left.unwrap_or(u64::MAX))
            .ok_or(Error::Scopes { at })?;
        match most {
            None => Ok(child.max_delegations),
            Some(left) => {
                let left = left.checked_sub(1).ok_or(Error::Escalation)?;
                lowered(left, child.max_delegations).map(Some)
            }
        }
    }
}

/// What a token may keep of what is left.
fn lowered(left: u64, own: Option<u64>) -> Result<u64, Error> {
    match own {
        Some(own) if own > left => Err(Error::Escalation),
        Some(own) => Ok(own),
        None => Ok(left),
    }
}
