use super::{Error, Token};
use crate::binding::http::Binding;

/// A chain that was verified: its last subject may do what its last token says. It authorises nobody yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    tokens: Vec<Token>,
}

/// A chain whose last subject is the verified sender of the request that it came with (SP-64).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    chain: Chain,
}

impl Chain {
    pub(super) fn verified(tokens: Vec<Token>) -> Self {
        Self { tokens }
    }

    /// The tokens, root first.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The last token.
    #[must_use]
    pub fn leaf(&self) -> Option<&Token> {
        self.tokens.last()
    }

    /// Holds the chain against the request that it came with (SP-64): `sender` has signed it, and `binding` is what came of
    /// holding the signature against the request, its field with this chain among it.
    ///
    /// # Errors
    /// [`Error::NotBound`], when somebody else asks than the last subject, or the request does not name its chain.
    pub fn bind(self, sender: &str, binding: &Binding) -> Result<Bound, Error> {
        let subject = self.leaf().is_some_and(|leaf| leaf.subject == sender);
        let named = matches!(binding, Binding::Request { chain: true, .. });
        if subject && named { Ok(Bound { chain: self }) } else { Err(Error::NotBound) }
    }

    /// Whether the last token covers this (EN-57, SP-68): `path` is the one that is forwarded, without its query.
    ///
    /// # Errors
    /// [`Error::NotCovered`]
    pub fn covers(&self, path: &str, method: &str) -> Result<(), Error> {
        if self.leaf().is_some_and(|leaf| leaf.permits(path, method)) {
            Ok(())
        } else {
            Err(Error::NotCovered)
        }
    }
}

impl Bound {
    /// Whether the request may be made. Route policies for the sender apply besides, not instead.
    ///
    /// # Errors
    /// [`Error::NotCovered`]
    pub fn authorise(&self, path: &str, method: &str) -> Result<(), Error> {
        self.chain.covers(path, method)
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }
}
