//! Where content may go that is sealed without being bound to its path.

use sealwire_http::server::EhbpRules;

/// What a route takes of EHBP.
pub(crate) struct EhbpRoute {
    pub(crate) paths: SealedPaths,
    pub(crate) rules: EhbpRules,
}

/// The paths that take it (EH-20).
pub(crate) enum SealedPaths {
    /// as many as the route has
    Any,
    /// these, exactly as they are written
    These(Vec<String>),
}

impl EhbpRoute {
    /// The rules, if the path takes it.
    pub(super) fn rules_of(&self, path: &str) -> Option<EhbpRules> {
        let takes = match &self.paths {
            SealedPaths::Any => true,
            SealedPaths::These(paths) => paths.iter().any(|listed| listed == path),
        };
        takes.then_some(self.rules)
    }
}
