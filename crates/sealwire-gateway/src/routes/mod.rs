//! Which route a request takes, and what that route permits.

mod path;
mod rate;
mod sealed;
mod target;

pub(crate) use path::{begins_with, normal_path};
pub(crate) use rate::Rate;
pub(crate) use sealed::{EhbpRoute, LegacyRoute, SealedPaths};
pub(crate) use target::{Target, is_localhost};

use http::Method;
use path::Reading;
use sealwire_http::message::bhttp::RequestHead;
use sealwire_http::server::{
    RouteRules, Routes,
    hpke_http::legacy::{Taken, TakenPaths},
};
use std::{sync::Arc, time::Duration};

/// One route. Its path has no final `/`; that of everything is empty.
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) target: Target,
    /// the upstream speaks HTTP/2
    pub(crate) http2: bool,
    /// `None`: all but CONNECT and TRACE
    pub(crate) methods: Option<Vec<Method>>,
    pub(crate) plaintext: bool,
    /// only callers that have attested themselves
    pub(crate) attested_caller: bool,
    /// whether version 0 of the RA tunnel leads here
    pub(crate) tunnel_v0: bool,
    pub(crate) rules: RouteRules,
    /// `None`: content that is sealed alone is not taken
    pub(crate) ehbp: Option<EhbpRoute>,
    /// `None`: hpke-http 1.x is not taken
    pub(crate) legacy: Option<LegacyRoute>,
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

    /// The methods, as an `Allow` field lists them; without a list of its own the usual ones.
    pub(crate) fn allow(&self) -> String {
        match &self.methods {
            Some(methods) => methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "),
            None => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".to_owned(),
        }
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
        let written = self.longest(|route| begins_with(path, route));
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

/// Whether some server may read `path` as `place`, a normal path in lower case, or below it, though it is not written so.
pub(crate) fn is_otherwise_below(path: &str, place: &str) -> bool {
    match path::read(path) {
        Reading::AsWritten | Reading::Escapes => false,
        Reading::Otherwise(lenient) => path::begins_with_ignoring_case(&lenient, place),
    }
}

impl Routes for Table {
    fn rules(&self, head: &RequestHead) -> RouteRules {
        // A request without a route is answered when it is looked for again; until then it is permitted nothing.
        let path = head.path.path();
        let rules = |route: &Arc<Route>| {
            let ehbp = route.ehbp.as_ref().and_then(|ehbp| ehbp.rules_of(path));
            RouteRules { ehbp, ..route.rules }
        };
        self.find(path).map(rules).unwrap_or_default()
    }
}

impl TakenPaths for Table {
    fn taken(&self, path: &str) -> Option<Taken> {
        self.find(path).ok()?.legacy.as_ref()?.taken(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_http::server::EhbpRules;

    fn table(paths: &[&str]) -> Table {
        let route = |path: &&str| Route {
            path: normal_path(path).unwrap(),
            target: Target::parse("http://127.0.0.1:1").unwrap(),
            http2: false,
            methods: None,
            plaintext: false,
            attested_caller: false,
            tunnel_v0: true,
            rules: RouteRules { idempotent: *path != "/", ..RouteRules::default() },
            legacy: None,
            ehbp: (*path == "/safe").then(|| EhbpRoute {
                paths: SealedPaths::These(vec!["/safe/x".to_owned()]),
                rules: EhbpRules { whole: true },
            }),
            rate: None,
            timeout: Duration::from_secs(1),
        };
        Table::new(paths.iter().map(route).collect())
    }

    fn found(table: &Table, path: &str) -> Result<String, NoRoute> {
        table.find(path).map(|route| route.path.clone())
    }

    #[test]
    fn the_longest_route_wins() {
        let table = table(&["/", "/v1/", "/v1/files/large", "/v1/files"]);
        for (path, route) in [
            ("/", ""),
            ("/v", ""),
            ("/v1", "/v1"),
            ("/v1/", "/v1"),
            ("/v1/file", "/v1"),
            ("/v1/files", "/v1/files"),
            ("/v1/files/larger", "/v1/files"),
            ("/v1/files/large/x", "/v1/files/large"),
            ("/v2", ""),
            ("*", ""),
        ] {
            assert_eq!(found(&table, path).as_deref(), Ok(route), "{path}");
        }
    }

    #[test]
    fn without_a_route_for_everything_some_paths_have_none() {
        let table = table(&["/v1"]);
        assert_eq!(found(&table, "/v2"), Err(NoRoute::NotFound));
        assert_eq!(found(&table, "/v10"), Err(NoRoute::NotFound));
        assert_eq!(found(&table, "*"), Err(NoRoute::NotFound));
    }

    #[test]
    fn a_route_is_not_reached_by_spelling_its_path_otherwise() {
        let table = table(&["/", "/admin", "/files"]);
        for path in [
            "/%61dmin",
            "//admin",
            "/Admin",
            "/ADMIN/x",
            "/admin%2fx",
            "/admin;x",
            "/;/admin",
            "/\\admin",
            "/files/../admin",
            "/files/%2e%2e/admin",
            "/files/..;/admin",
            "/files%2f..%2fadmin",
            "/./admin",
        ] {
            assert_eq!(found(&table, path), Err(NoRoute::Ambiguous), "{path}");
        }
        // what is peculiar, but takes the same route either way
        for (path, route) in
            [("/files/a%2Fb", "/files"), ("/Other", ""), ("/files//x", "/files"), ("/files/X;v=1", "/files")]
        {
            assert_eq!(found(&table, path).as_deref(), Ok(route), "{path}");
        }
    }

    #[test]
    fn tunnels_are_never_taken() {
        let table = table(&["/"]);
        let route = table.find("/").unwrap();
        assert!(route.takes(&Method::PATCH));
        assert!(!route.takes(&Method::CONNECT));
        assert!(!route.takes(&Method::TRACE));
        assert!(!route.allow().contains("CONNECT"));
    }

    // OB-60, OB-62
    #[test]
    fn a_wire_learns_the_rules_of_the_route_that_a_request_will_take() {
        let table = table(&["/", "/safe"]);
        let rules = |path: &'static str| {
            table.rules(&RequestHead {
                method: Method::GET,
                scheme: http::uri::Scheme::HTTPS,
                authority: None,
                path: http::uri::PathAndQuery::from_static(path),
                headers: http::HeaderMap::new(),
            })
        };
        assert!(rules("/safe/x?y").idempotent);
        assert!(!rules("/").idempotent);
        assert_eq!(rules("/%73afe"), RouteRules::default(), "an unclear path is permitted nothing");
        // EH-20: as it is listed, and in no other spelling.
        assert_eq!(rules("/safe/x?y").ehbp, Some(EhbpRules { whole: true }));
        for other in ["/safe", "/safe/x/", "/safe/x/y", "/safe//x", "/safe/X", "/safe/%78", "/", "/x"] {
            assert_eq!(rules(other).ehbp, None, "{other}");
        }
    }
}
