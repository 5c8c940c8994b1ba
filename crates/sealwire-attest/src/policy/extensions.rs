//! What a policy may name besides its own rules. It is taken out of the file before the rules are read, so that each
//! extension reads its own keys.

use super::{PolicyError, values::OperatorKey};
use crate::revocation;
use serde::Deserialize;
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

/// Reads a file that a policy names, by the name that stands there; an error says why not.
pub type Loader<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'a;

/// The extensions of one policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Extensions {
    /// AT-25
    pub(super) revocation: revocation::Rule,
}

impl Extensions {
    /// Takes the keys of extensions out of `document`, and reads the files that they name.
    pub(super) fn take(
        text: &str,
        document: &mut DeTable<'_>,
        _load: &Loader<'_>,
    ) -> Result<Self, PolicyError> {
        let mut extensions = Self::default();
        if let Some((span, value)) = remove(document, "revocation-keys") {
            let keys = Vec::<OperatorKey>::deserialize(ValueDeserializer::from(value))
                .map_err(|error| PolicyError::from_toml(text, &error))?;
            if keys.is_empty() {
                let hint = super::error::usage("revocation-keys");
                let problem = "an empty list pins no key";
                return Err(PolicyError::new(text, span, "revocation-keys", problem, hint));
            }
            extensions.revocation.keys = keys.into_iter().map(|key| key.0).collect();
        }
        Ok(extensions)
    }
}

/// Takes a key out of a table: where its value stands, and the value.
fn remove<'i>(table: &mut DeTable<'i>, key: &str) -> Option<(Range<usize>, Spanned<DeValue<'i>>)> {
    let value = table.remove(key)?;
    Some((value.span(), value))
}
