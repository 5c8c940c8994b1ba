//! In the place of Rego policies, where this build has none.

use super::extensions::Judged;
use crate::verdict::Reason;

/// There is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rego {}

impl Rego {
    pub(super) fn parse(_: &str, _: &[u8]) -> Result<Self, String> {
        Err("this build has no Rego (feature `rego`)".to_owned())
    }

    pub(super) fn failures(&self, _: &Judged<'_>) -> Vec<Reason> {
        match *self {}
    }
}
