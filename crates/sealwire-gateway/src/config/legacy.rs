//! `[hpke-http.legacy]`, and what a route says of it: the releases 1.x bind a body to nothing, so what it may reach is listed
//! (HH-96).

use super::{
    Config,
    error::{At, Fault},
    plan::positive,
    values,
};
use crate::{
    hpke_http::KeyFile,
    routes::{LegacyRoute, SealedPaths, Table, begins_with, normal_path},
};
use jiff::{civil::Date, tz::TimeZone};
use sealwire_http::{hpke_http::legacy::Limits, server::hpke_http::legacy::Taken};
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// A request can be repeated once it is forgotten, and then its answer is sealed with the same key again (HH-95, HH-98).
const SHORTEST_WINDOW: Duration = Duration::from_hours(1);

/// The releases 1.x of hpke-http. Not spoken when absent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Legacy {
    /// file with the key of this wire, which then outlives a start; made at each start when absent
    pub key: Option<PathBuf>,
    /// how long a request is remembered, an hour at least; as long as the key lives when absent (HH-95)
    #[serde(deserialize_with = "values::some_time")]
    pub window: Option<Duration>,
    /// the last day on which the wire is taken, in UTC (HH-106)
    pub last_day: Option<String>,
    /// clear bytes of a request
    #[serde(deserialize_with = "values::size")]
    pub max_request: usize,
    /// clear bytes of an answer (HH-104)
    #[serde(deserialize_with = "values::size")]
    pub max_answer: usize,
}

impl Default for Legacy {
    fn default() -> Self {
        let limits = Limits::default();
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            key: None,
            window: None,
            last_day: None,
            max_request: size(limits.request),
            max_answer: size(limits.response),
        }
    }
}

/// What a route says of it: `true` for its own path alone, or more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected true, or a table with paths, any-path and bodyless")]
pub enum RouteLegacy {
    /// the route's own path, with nothing below
    Switch(bool),
    /// what the table says
    Table(RouteLegacyTable),
}

/// See [`RouteLegacy`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RouteLegacyTable {
    /// paths that a body may go to, each as a whole; the route's own when absent
    pub paths: Option<Vec<String>>,
    /// it may go to every path of the route: whoever is on the way chooses which
    pub any_path: bool,
    /// requests without a body are nobody's, instead of being refused (HH-91)
    pub bodyless: bool,
}

/// What the wire comes to, after every check.
pub(crate) struct LegacyPlan {
    /// `None`: made at start
    pub(crate) key: Option<KeyFile>,
    pub(crate) window: Option<Duration>,
    /// Unix second
    pub(crate) until: Option<u64>,
    pub(crate) limits: Limits,
}

fn at(key: &'static str) -> At {
    At::key("hpke-http").then("legacy").then(key)
}

impl Legacy {
    pub(super) fn checked(&self, routes: &Table) -> Result<LegacyPlan, Fault> {
        if !routes.iter().any(|route| route.legacy.is_some()) {
            let hint = "add legacy = true to a route, or take the table out";
            return Err(Fault::new(
                At::key("hpke-http").then("legacy"),
                "is there, and no route takes it",
                hint,
            ));
        }
        positive(&self.max_request, at("max-request"))?;
        positive(&self.max_answer, at("max-answer"))?;
        if let Some(window) = &self.window {
            // HH-95: whoever may shorten it may have a request taken again, and two answers sealed with one key.
            if *window < SHORTEST_WINDOW {
                let hint =
                    "1h at least, or leave it out: requests are then remembered as long as the key lives";
                return Err(Fault::new(at("window"), "is below an hour", hint));
            }
        }
        let until = match &self.last_day {
            None => None,
            Some(day) => Some(end_of(day).ok_or_else(|| {
                Fault::new(at("last-day"), format!("`{day}` is no day"), "for example \"2027-03-31\"")
            })?),
        };
        let key = match &self.key {
            None => None,
            Some(path) => {
                let hint =
                    "`sealwire keys rotate` makes such a file; this wire has one key, and no overlap (HH-89)";
                let fault = |what: String| Fault::new(at("key"), format!("{}: {what}", path.display()), hint);
                let file =
                    KeyFile::parse(&super::hpke_http::read_private(path).map_err(fault)?).map_err(fault)?;
                if file.ids().count() != 1 {
                    return Err(fault("has more than one key".to_owned()));
                }
                Some(file)
            }
        };
        let limits = Limits {
            request: self.max_request as u64,
            response: self.max_answer as u64,
            ..Limits::default()
        };
        Ok(LegacyPlan { key, window: self.window, until, limits })
    }
}

/// The first second after a day.
fn end_of(day: &str) -> Option<u64> {
    let next = day.parse::<Date>().ok()?.tomorrow().ok()?;
    let begins = next.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    u64::try_from(begins).ok()
}

impl RouteLegacy {
    /// `route` is the route's own path, in normal form; `at` the way to this key.
    pub(super) fn checked(
        &self,
        config: &Config,
        route: &str,
        at: &At,
    ) -> Result<Option<LegacyRoute>, Fault> {
        let own = || SealedPaths::These(vec![if route.is_empty() { "/" } else { route }.to_owned()]);
        let (paths, bodyless) = match self {
            Self::Switch(false) => return Ok(None),
            Self::Switch(true) => (own(), false),
            Self::Table(RouteLegacyTable { paths: None, any_path: false, bodyless }) => (own(), *bodyless),
            Self::Table(RouteLegacyTable { paths: None, any_path: true, bodyless }) => {
                (SealedPaths::Any, *bodyless)
            }
            Self::Table(RouteLegacyTable { paths: Some(_), any_path: true, .. }) => {
                let hint = "any-path = true takes every path of the route; leave one of the two out";
                return Err(Fault::new(at.clone().then("paths"), "is there, and any-path is true", hint));
            }
            Self::Table(RouteLegacyTable { paths: Some(paths), bodyless, .. }) => {
                for (index, path) in paths.iter().enumerate() {
                    if !normal_path(path).is_some_and(|normal| begins_with(&normal, route)) {
                        let hint = "begins with the route's own path, without query, `.`, `..`, `%` and `;`";
                        let at = at.clone().then("paths").index(index);
                        return Err(Fault::new(at, format!("`{path}` is no path of this route"), hint));
                    }
                }
                (SealedPaths::These(paths.clone()), *bodyless)
            }
        };
        if config.hpke_http.as_ref().is_none_or(|wire| wire.legacy.is_none()) {
            let hint =
                "add the table [hpke-http.legacy], which may be empty: it makes a key and publishes it";
            return Err(Fault::new(at.clone(), "is there, and no table [hpke-http.legacy]", hint));
        }
        Ok(Some(LegacyRoute { paths, taken: Taken { bodyless } }))
    }
}
