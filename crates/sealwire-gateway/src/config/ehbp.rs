//! `[ehbp]`, and what a route says of it: content alone is sealed, so what it may reach is listed (EH-20).

use super::{
    Config,
    error::{At, Fault},
    plan::positive,
    values,
};
use crate::routes::{EhbpRoute, SealedPaths, Table, begins_with, normal_path};
use sealwire_http::{ehbp::Limits, server::EhbpRules};
use serde::Deserialize;
use std::num::NonZeroU32;

/// The encrypted HTTP body protocol. Not spoken when absent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Ehbp {
    /// bytes of content in one frame of a request (EH-25); held in memory
    #[serde(deserialize_with = "values::size")]
    pub frame: usize,
    /// how often, for all callers together, a request that the current key does not open is tried with the one before it
    /// (EH-27)
    pub second_tries_per_second: u32,
}

impl Default for Ehbp {
    fn default() -> Self {
        Self { frame: Limits::default().received_frame, second_tries_per_second: 100 }
    }
}

/// What a route says of it. It is not taken by routes that say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RouteEhbp {
    /// paths that sealed content may go to, each as a whole (EH-20)
    pub paths: Vec<String>,
    /// it may go to every path of the route: whoever is on the way chooses which
    pub any_path: bool,
    /// JSON must be a whole document, or the request is never completed (EH-22)
    pub whole: bool,
}

/// What the wire comes to, after every check.
pub(crate) struct EhbpPlan {
    pub(crate) limits: Limits,
    pub(crate) second_tries: NonZeroU32,
}

impl EhbpPlan {
    /// `None` where it is not spoken.
    pub(super) fn checked(config: &Config, routes: &Table) -> Result<Option<Self>, Fault> {
        let Some(ehbp) = &config.ehbp else { return Ok(None) };
        let at = || At::key("ehbp");
        positive(&ehbp.frame, at().then("frame"))?;
        let second_tries = NonZeroU32::new(ehbp.second_tries_per_second).ok_or_else(|| {
            let hint = "a key that was replaced has to be tried; 100 is the default";
            Fault::new(at().then("second-tries-per-second"), "is zero", hint)
        })?;
        if !routes.iter().any(|route| route.ehbp.is_some()) {
            let hint = "add ehbp = { paths = [\"/v1/…\"] } to a route, or take the table out";
            return Err(Fault::new(at(), "is there, and no route takes it", hint));
        }
        if config.keys.overlap > config.keys.rotation {
            let what = "is longer than keys.rotation";
            let hint = "EHBP does not name the key, so that only one that was replaced can be accepted beside the \
                        current one: rotate less often, or shorten keys.overlap and keys.lifetime";
            return Err(Fault::new(At::key("keys").then("overlap"), what, hint));
        }
        let limits =
            Limits { received_frame: ehbp.frame, message: config.limits.message as u64, ..Limits::default() };
        Ok(Some(Self { limits, second_tries }))
    }
}

impl RouteEhbp {
    /// `route` is the route's own path, in normal form; `at` the way to this key.
    pub(super) fn checked(&self, config: &Config, route: &str, at: &At) -> Result<EhbpRoute, Fault> {
        if config.ehbp.is_none() {
            let hint = "add the table [ehbp], which may be empty: it makes a key and publishes it";
            return Err(Fault::new(at.clone(), "is there, and no table [ehbp]", hint));
        }
        let rules = EhbpRules { whole: self.whole };
        let in_paths = || at.clone().then("paths");
        if self.any_path {
            if !self.paths.is_empty() {
                let hint = "any-path = true takes every path of the route; leave one of the two out";
                return Err(Fault::new(in_paths(), "is there, and any-path is true", hint));
            }
            return Ok(EhbpRoute { paths: SealedPaths::Any, rules });
        }
        if self.paths.is_empty() {
            let hint = "whoever is on the way can send sealed content to another path, so those that take it are listed: \
                        paths = [\"/v1/chat/completions\"]; any-path = true takes them all";
            return Err(Fault::new(in_paths(), "lists no path", hint));
        }
        let mut paths = Vec::with_capacity(self.paths.len());
        for (index, path) in self.paths.iter().enumerate() {
            let fault = |what: String, hint| Fault::new(in_paths().index(index), what, hint);
            // With or without a final `/`, as applications tell these apart.
            let normal = normal_path(path).ok_or_else(|| {
                let hint = "begins with `/`, without query, `.`, `..`, `%`, `;` and empty segments";
                fault(format!("`{path}` is no path"), hint)
            })?;
            if !begins_with(&normal, route) {
                let hint = "a route's list is of paths below its own";
                return Err(fault(format!("`{path}` is not on this route"), hint));
            }
            if paths.contains(path) {
                return Err(fault(format!("`{path}` is there twice"), "name each once"));
            }
            paths.push(path.clone());
        }
        Ok(EhbpRoute { paths: SealedPaths::These(paths), rules })
    }
}
