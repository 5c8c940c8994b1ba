//! Where content may go that is sealed without being bound to its path.

use sealwire_http::server::{EhbpRules, hpke_http::legacy::Taken};

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
        self.paths.has(path).then_some(self.rules)
    }
}

/// What a route takes of hpke-http 1.x.
pub(crate) struct LegacyRoute {
    pub(crate) paths: SealedPaths,
    pub(crate) taken: Taken,
}

impl LegacyRoute {
    /// What is taken at the path, if anything is (HH-96).
    pub(super) fn taken(&self, path: &str) -> Option<Taken> {
        self.paths.has(path).then_some(self.taken)
    }
}

impl SealedPaths {
    fn has(&self, path: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(paths) => paths.iter().any(|listed| listed == path),
        }
    }
}
