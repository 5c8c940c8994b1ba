//! In the place of builds, where this build has no Sigstore.

use super::extensions::{Loader, NamedBuild};
use crate::{Claims, verdict::Reason};

/// There is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Build {}

impl Build {
    pub(super) fn load(_: NamedBuild, _: &Loader<'_>) -> Result<Self, String> {
        Err("this build cannot verify Sigstore bundles (feature `sigstore`)".to_owned())
    }

    pub(super) fn register(&self) -> &str {
        match *self {}
    }

    pub(super) fn failure(&self, _: &str, _: &Claims) -> Option<Reason> {
        match *self {}
    }
}
