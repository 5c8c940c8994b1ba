//! Which route a request takes, and what that route permits.

mod path;
mod rate;
mod target;

pub(crate) use path::normal_path;
pub(crate) use rate::Rate;
pub(crate) use target::{Target, is_localhost};

use http::Method;
use path::Reading;
use sealwire_http::server::{RouteRules, Routes};
use sealwire_message::bhttp::RequestHead;
use std::{sync::Arc, time::Duration};

/// One route. Its path has no final `/`; that of everything is empty.
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) target: Target,
    /// `None`: all but CONNECT and TRACE
    pub(crate) methods: Option<Vec<Method>>,
    pub(crate) plaintext: bool,
    pub(crate) rules: RouteRules,
    pub(crate) rate: Option<Rate>,
    pub(crate) timeout: Duration,
}

impl Route {
    pub(crate) fn takes(&self, method: &Method) -> bool {
        match &self.methods {
            Some(methods) => methods.contains(method),
            None => ![Method::CONNECT, Method::TRACE].contains(method),
        }
    }

    /// The methods, as an `Allow` field lists them.
    pub(crate) fn allow(&self) -> Option<String> {
        let methods = self.methods.as_ref()?;
        Some(methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "))
    }
}

/// Why a path takes no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// there is none
    NotFound,
    /// servers may read it in more than one way, and the readings take different routes or leave the path
    Ambiguous,
}

/// All routes, the longest first.
pub(crate) struct Table(Vec<Arc<Route>>);

impl Table {
    /// `routes` have distinct paths.
    pub(crate) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
        Self(routes.into_iter().map(Arc::new).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.0.iter()
    }

    /// The longest route whose segments `path` begins with.
    ///
    /// The gateway decides by the path as it is written, the application perhaps by what it decodes to. A route that
    /// is protected here must not be reached by spelling its path otherwise.
    pub(crate) fn find(&self, path: &str) -> Result<&Arc<Route>, NoRoute> {
        let written = self.longest(|route| path::begins_with(path, route));
        match path::read(path) {
            Reading::AsWritten => {}
            Reading::Otherwise(lenient) => {
                let other = self.longest(|route| path::begins_with_ignoring_case(&lenient, route));
                let same = match (written, other) {
                    (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                    (None, None) => true,
                    _ => false,
                };
                if !same {
                    return Err(NoRoute::Ambiguous);
                }
            }
            Reading::Escapes => return Err(NoRoute::Ambiguous),
        }
        written.ok_or(NoRoute::NotFound)
    }

    fn longest(&self, fits: impl Fn(&str) -> bool) -> Option<&Arc<Route>> {
        self.0.iter().find(|route| fits(&route.path))
    }
}

impl Routes for Table {
    fn rules(&self, head: &RequestHead) -> RouteRules {
        // A request without a route is answered when it is looked for again; until then it is permitted nothing.
        self.find(head.path.path()).map(|route| route.rules).unwrap_or_default()
    }
}
