//! `[session]`: what sessions may cost, what they are made of, and what stands in front of those in bound mode.

use super::{
    error::{At, Fault},
    plan::{positive, unique},
    values,
};
use crate::routes;
use sealwire_attest::key_document::authority;
use sealwire_http::{
    crypto::aead::Aead,
    server::session::Rewrites,
    session::{self, Group, Scheme, Suite, server},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// The widest window: a bit for each number is kept for every session.
const MAX_WINDOW: u32 = 1 << 16;

/// The attested session (SE-04, SE-31, SE-38, SE-40).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Session {
    /// sessions at once; the longest idle makes room
    pub sessions: usize,
    /// sessions that no request has confirmed yet, and handshakes that await the caller's evidence, each; the oldest
    /// makes room
    pub half_open: usize,
    /// how many of either, of the last minute, make the gateway ask for a hello again (SE-13)
    pub retry_from: usize,
    /// how long a session lives
    #[serde(deserialize_with = "values::time")]
    pub lifetime: Duration,
    /// how long it lives without a request
    #[serde(deserialize_with = "values::time")]
    pub idle: Duration,
    /// requests of one session, channels included
    pub requests: u64,
    /// how far below the highest number a request may come
    pub window: u32,
    /// bytes of one request or answer
    #[serde(deserialize_with = "values::size")]
    pub message: usize,
    /// how long a ticket for another session is good
    #[serde(deserialize_with = "values::time")]
    pub ticket: Duration,
    /// key agreements that are taken, by preference. X25519 alone is taken only where it is named
    #[serde(deserialize_with = "values::groups")]
    pub groups: Vec<Group>,
    /// AEADs that are taken, by preference; the hash follows
    #[serde(deserialize_with = "values::aeads")]
    pub aeads: Vec<Aead>,
    /// signatures that the gateway makes, by preference. Ed25519 alone is made only where it is named
    #[serde(deserialize_with = "values::schemes")]
    pub schemes: Vec<Scheme>,
    /// whether a ticket will do without a new key agreement, where the caller says the same (SE-40)
    pub resume_without_agreement: bool,
    /// in bound mode: names by which requests arrive, each with the one of `authorities` that callers sealed
    pub authority_aliases: BTreeMap<String, String>,
    /// in bound mode: path prefixes that change on the way
    pub path_prefixes: Vec<PathPrefix>,
}

/// A prefix of paths, in whole segments, as it arrives and as callers sealed it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PathPrefix {
    /// as it arrives
    pub outer: String,
    /// as it was sealed
    pub inner: String,
}

impl Default for Session {
    fn default() -> Self {
        let server::Config { groups, suites, schemes, without_agreement, limits } = server::Config::default();
        Self {
            sessions: limits.sessions,
            half_open: limits.half_open,
            retry_from: limits.retry_from,
            lifetime: limits.lifetime,
            idle: limits.idle,
            requests: limits.requests,
            window: limits.window,
            message: usize::try_from(limits.message).unwrap_or(usize::MAX),
            ticket: limits.ticket,
            groups,
            aeads: suites.into_iter().map(|suite| suite.aead).collect(),
            schemes,
            resume_without_agreement: without_agreement,
            authority_aliases: BTreeMap::new(),
            path_prefixes: Vec::new(),
        }
    }
}

fn at(key: &'static str) -> At {
    At::key("session").then(key)
}

impl Session {
    /// What is settled when the gateway starts: all but what stands in front of it.
    pub(crate) fn settled(&self) -> Self {
        Self { authority_aliases: BTreeMap::new(), path_prefixes: Vec::new(), ..self.clone() }
    }

    /// What the wire takes.
    pub(super) fn checked(&self) -> Result<server::Config, Fault> {
        self.check_limits()?;
        self.check_suites()?;
        Ok(server::Config {
            groups: self.groups.clone(),
            suites: self.aeads.iter().map(|aead| Suite { aead: *aead }).collect(),
            schemes: self.schemes.clone(),
            without_agreement: self.resume_without_agreement,
            limits: session::Limits {
                lifetime: self.lifetime,
                idle: self.idle,
                requests: self.requests,
                window: self.window,
                message: self.message as u64,
                sessions: self.sessions,
                half_open: self.half_open,
                retry_from: self.retry_from,
                ticket: self.ticket,
                ..session::Limits::default()
            },
        })
    }

    fn check_limits(&self) -> Result<(), Fault> {
        positive(&self.sessions, at("sessions"))?;
        positive(&self.half_open, at("half-open"))?;
        positive(&self.retry_from, at("retry-from"))?;
        positive(&self.requests, at("requests"))?;
        positive(&self.window, at("window"))?;
        positive(&self.message, at("message"))?;
        for (key, time) in [("lifetime", self.lifetime), ("idle", self.idle), ("ticket", self.ticket)] {
            if time < Duration::from_secs(1) {
                let hint = "it is counted in whole seconds; hours are usual";
                return Err(Fault::new(at(key), "is below 1 s", hint));
            }
        }
        if self.idle > self.lifetime {
            let hint = "a session ends with its lifetime, used or not";
            return Err(Fault::new(at("idle"), "is longer than session.lifetime", hint));
        }
        if self.retry_from > self.half_open {
            let hint =
                "the oldest of session.half-open is dropped before a hello would have to be said again";
            return Err(Fault::new(at("retry-from"), "is above session.half-open", hint));
        }
        if self.window > MAX_WINDOW {
            let hint = "at most 65536: a bit for each is kept for every session";
            return Err(Fault::new(at("window"), "is too wide", hint));
        }
        Ok(())
    }

    fn check_suites(&self) -> Result<(), Fault> {
        let empty = |key, hint: &str| Err(Fault::new(at(key), "is empty", hint));
        if self.groups.is_empty() {
            return empty("groups", "for example [\"X25519MLKEM768\"]");
        }
        if self.aeads.is_empty() {
            return empty("aeads", "for example [\"aes-256-gcm\", \"chacha20-poly1305\"]");
        }
        if self.schemes.is_empty() {
            return empty("schemes", "for example [\"ed25519+ml-dsa-65\"]");
        }
        unique(&self.groups, |index| at("groups").index(index))?;
        unique(&self.aeads, |index| at("aeads").index(index))?;
        unique(&self.schemes, |index| at("schemes").index(index))
    }

    /// What is put back of requests in bound mode; `authorities` are those that are served.
    pub(super) fn rewrites(&self, authorities: &[String]) -> Result<Rewrites, Fault> {
        let fault = |what: String, hint| Fault::new(at("authority-aliases"), what, hint);
        let normal = |name: &String| {
            authority::normalise(name, authority::DEFAULT_PORT).map_err(|error| {
                fault(format!("`{name}`: {error}"), "`host` or `host:port`, without scheme and path")
            })
        };
        let mut names = HashMap::new();
        for (outer, inner) in &self.authority_aliases {
            let (from, to) = (normal(outer)?, normal(inner)?);
            if !authorities.contains(&to) {
                let hint = "an alias stands for one of `authorities`: \"name outside\" = \"name inside\"";
                return Err(fault(format!("`{inner}` is not served"), hint));
            }
            if authorities.contains(&from) {
                let hint = "a name of `authorities` stands for itself";
                return Err(fault(format!("`{outer}` is served itself"), hint));
            }
            if names.insert(from, to).is_some() {
                return Err(fault(format!("`{outer}` is there twice"), "name each once"));
            }
        }
        let mut prefixes: Vec<(String, String)> = Vec::new();
        for (index, PathPrefix { outer, inner }) in self.path_prefixes.iter().enumerate() {
            let at = || at("path-prefixes").index(index);
            let normal = |key, path: &str| {
                routes::normal_path(path).ok_or_else(|| {
                    let hint = "begins with `/`, without query, `.`, `..`, `%`, `;` and empty segments";
                    Fault::new(at().then(key), format!("`{path}` is no prefix of paths"), hint)
                })
            };
            let (from, to) = (normal("outer", outer)?, normal("inner", inner)?);
            if from == to {
                return Err(Fault::new(at(), "changes nothing", "leave it out"));
            }
            if prefixes.iter().any(|(other, _)| *other == from) {
                let hint = "what arrives can be put back in one way; compared without a final `/`";
                return Err(Fault::new(at().then("outer"), format!("a second `{outer}`"), hint));
            }
            prefixes.push((from, to));
        }
        Ok(Rewrites::new(names, prefixes))
    }
}
