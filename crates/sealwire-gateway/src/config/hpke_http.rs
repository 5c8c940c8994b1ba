//! `[hpke-http]`: the wire hpke-http/3, which is on as soon as credentials of callers are configured.

use super::{
    Config, Legacy, LegacyPlan, Registry,
    error::{At, Fault},
    plan::positive,
    values,
};
use crate::{
    hpke_http::{KeyFile, UNDER_WAY},
    routes::Table,
};
use http::{HeaderName, HeaderValue, Uri};
use sealwire_http::{
    crypto::digest::sha384, hpke_http::Limits, server::hpke_http::Cors, store::credentials::Credentials,
    wire::HPKE_HTTP_PATH,
};
use sealwire_store::credentials::{
    Cached, CommandCredentials, FileCredentials, REDIS_PREFIX, RedisCredentials,
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// The wire, and whom it takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HpkeHttp {
    /// file with the keys of callers and their tenants
    pub psk_file: Option<PathBuf>,
    /// or `redis://` URL of a server that has them
    pub psk_redis: Option<String>,
    /// what the names of keys there begin with
    pub psk_redis_prefix: String,
    /// or a program that tells them, by its absolute path, with its arguments; `{id}` stands for the id in hexadecimal digits
    pub psk_command: Vec<String>,
    /// how long the program may take
    #[serde(deserialize_with = "values::time")]
    pub psk_command_time: Duration,
    /// how long an answer of either is kept
    #[serde(deserialize_with = "values::time")]
    pub psk_cache: Duration,
    /// where the wire is spoken
    pub path: String,
    /// how long clients may use a key that they were told of
    #[serde(deserialize_with = "values::time")]
    pub lease: Duration,
    /// file with the keys of the wire, which then outlive a start; made at each start when absent
    pub keys: Option<PathBuf>,
    /// where reservations outlive the process, for keys that do: a file
    pub store_file: Option<PathBuf>,
    /// or `redis://` URL of a server, for instances that share keys
    pub store_redis: Option<String>,
    /// requests that it remembers
    pub store_capacity: u64,
    /// bytes of an answer, or of one event of a stream
    #[serde(deserialize_with = "values::size")]
    pub max_body: usize,
    /// bytes of a request
    #[serde(deserialize_with = "values::size")]
    pub max_request: usize,
    /// outer fields that the application sees, each under another name (HH-68)
    pub copy_fields: BTreeMap<String, String>,
    /// field that tells the application the tenant; none when absent
    pub tenant_field: Option<String>,
    /// origins of browsers that may use the wire
    pub cors_origins: Vec<String>,
    /// the releases 1.x; off when absent
    pub legacy: Option<Legacy>,
}

impl Default for HpkeHttp {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            psk_file: None,
            psk_redis: None,
            psk_redis_prefix: REDIS_PREFIX.to_owned(),
            psk_command: Vec::new(),
            psk_command_time: Duration::from_secs(2),
            psk_cache: Duration::from_secs(10),
            path: HPKE_HTTP_PATH.to_owned(),
            lease: Duration::from_secs(5 * 60),
            keys: None,
            store_file: None,
            store_redis: None,
            store_capacity: 1 << 22,
            max_body: limits.max_body_len,
            max_request: usize::try_from(limits.max_request_bytes).unwrap_or(usize::MAX),
            copy_fields: BTreeMap::new(),
            tenant_field: None,
            cors_origins: Vec::new(),
            legacy: None,
        }
    }
}

/// Where reservations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    File(&'a Path),
    Redis(&'a str),
}

/// The same, read and checked.
pub(crate) struct HpkeHttpPlan {
    source: Source,
    pub(crate) path: String,
    /// seconds
    pub(crate) lease: u32,
    pub(crate) keys: KeysOf,
    /// the files of keys, of version 3 and of 1.x, where this instance has to be the only one that uses them
    pub(crate) alone: [Option<PathBuf>; 2],
    /// of each register in memory
    pub(crate) register_capacity: usize,
    pub(crate) limits: Limits,
    pub(crate) copied: Vec<(HeaderName, HeaderName)>,
    pub(crate) tenant_field: Option<HeaderName>,
    pub(crate) cors: Cors,
    /// `None` where it is not spoken
    pub(crate) legacy: Option<LegacyPlan>,
}

/// Whose the keys of the wire are.
pub(crate) enum KeysOf {
    /// made at start, and attested
    Instance,
    /// configured: whoever has the file can open requests
    File(KeyFile),
}

enum Source {
    File(Arc<FileCredentials>),
    Redis { url: String, prefix: String, cache: Duration },
    Command { words: Vec<String>, content: [u8; 48], time: Duration, cache: Duration },
}

/// Of which kind a source of credentials is, as far as the configuration digest tells.
pub(super) enum CoveredSource<'a> {
    /// its name
    Kind(&'static str),
    /// a program runs beside the application, so that it is part of what is attested: its words, and the SHA-384 of its file
    Command(&'a [String], &'a [u8; 48]),
}

fn at(key: &'static str) -> At {
    At::key("hpke-http").then(key)
}

impl HpkeHttp {
    /// Files that are named.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let legacy = self.legacy.as_mut().and_then(|legacy| legacy.key.as_mut());
        [self.psk_file.as_mut(), self.keys.as_mut(), self.store_file.as_mut(), legacy].into_iter().flatten()
    }

    /// Where reservations outlive the process, and how many.
    pub(crate) fn store(&self) -> Option<(Place<'_>, u64)> {
        let place = match (&self.store_file, &self.store_redis) {
            (Some(path), _) => Place::File(path),
            (None, Some(url)) => Place::Redis(url),
            (None, None) => return None,
        };
        Some((place, self.store_capacity))
    }

    fn source(&self) -> Result<Source, Fault> {
        let hint = "say where the keys of callers are, in one way: psk-file = \"psks.toml\", psk-redis or psk-command";
        match (&self.psk_file, &self.psk_redis, self.psk_command.as_slice()) {
            (Some(path), None, []) => {
                let file = FileCredentials::read(path).map_err(|error| {
                    let hint = "[[psk]] with id, key and tenant; `sealwire keys psk new` makes one";
                    Fault::new(at("psk-file"), error.to_string(), hint)
                })?;
                Ok(Source::File(Arc::new(file)))
            }
            (None, Some(url), []) => {
                is_redis(url, at("psk-redis"))?;
                let (url, prefix) = (url.clone(), self.psk_redis_prefix.clone());
                Ok(Source::Redis { url, prefix, cache: self.psk_cache })
            }
            (None, None, words @ [_, ..]) => {
                positive(&self.psk_command_time, at("psk-command-time"))?;
                CommandCredentials::new(words, self.psk_command_time).map_err(|error| {
                    let hint = "for example [\"/usr/local/bin/psk\", \"{id}\"]";
                    Fault::new(at("psk-command"), error.to_string(), hint)
                })?;
                Ok(Source::Command {
                    words: words.to_vec(),
                    content: program(words).map_err(|what| {
                        Fault::new(at("psk-command"), what, "a file of the measured image")
                    })?,
                    time: self.psk_command_time,
                    cache: self.psk_cache,
                })
            }
            (None, None, []) => Err(Fault::new(At::key("hpke-http"), "has no keys of callers", hint)),
            _ => Err(Fault::new(At::key("hpke-http"), "has keys of callers from two places", hint)),
        }
    }

    /// Files of keys that one instance alone may use, of version 3 and of 1.x: all that there are, unless instances share the
    /// store.
    pub(super) fn alone(&self) -> [Option<PathBuf>; 2] {
        if matches!(self.store(), Some((Place::Redis(_), _))) {
            return [None, None];
        }
        [self.keys.clone(), self.legacy.as_ref().and_then(|legacy| legacy.key.clone())]
    }

    fn keys(&self, registry: Option<&Registry>) -> Result<KeysOf, Fault> {
        if self.store_file.is_some() && self.store_redis.is_some() {
            let hint = "one of store-file and store-redis";
            return Err(Fault::new(at("store-file"), "is there, and so is store-redis", hint));
        }
        if let Some(url) = &self.store_redis {
            is_redis(url, at("store-redis"))?;
        }
        let of_legacy = self.legacy.as_ref().and_then(|legacy| legacy.key.as_ref());
        if let Some((key, _)) = [("keys", &self.keys), ("legacy", &of_legacy.cloned())]
            .into_iter()
            .find(|(_, file)| file.is_some())
        {
            self.has_store(at(key), registry)?;
        }
        let Some(path) = &self.keys else {
            let Some((place, _)) = self.store().filter(|_| of_legacy.is_none()) else {
                return Ok(KeysOf::Instance);
            };
            let key = if matches!(place, Place::File(_)) { "store-file" } else { "store-redis" };
            let hint = "leave it out: keys that are made at start have their register in the same memory";
            return Err(Fault::new(at(key), "is there, and there is no hpke-http.keys", hint));
        };
        let hint = "`sealwire keys rotate` makes such a file, and does every step of a change";
        let fault = |what: String| Fault::new(at("keys"), format!("{}: {what}", path.display()), hint);
        let text = read_private(path).map_err(fault)?;
        let file = KeyFile::parse(&text).map_err(fault)?;
        Ok(KeysOf::File(file))
    }

    /// Keys that are configured need a store, and those of several instances the same one.
    fn has_store(&self, keys: At, registry: Option<&Registry>) -> Result<(), Fault> {
        let shared = matches!(self.store(), Some((Place::Redis(_), _)));
        if self.store().is_none() {
            let hint = "keys that outlive a start need a store that does: store-file = \"replays.redb\", or store-redis \
                        for instances that share keys";
            return Err(Fault::new(keys, "is there, and there is no store", hint));
        }
        // HH-65: each would take every request once.
        if registry.is_some() && !shared {
            let hint = "instances that share keys need one store: store-redis";
            return Err(Fault::new(at("store-file"), "is for one instance, and there is a [registry]", hint));
        }
        Ok(())
    }

    fn limits(&self) -> Result<Limits, Fault> {
        let limits = Limits {
            max_body_len: self.max_body,
            max_request_bytes: self.max_request as u64,
            ..Limits::default()
        };
        positive(&self.max_body, at("max-body"))?;
        positive(&self.max_request, at("max-request"))?;
        let valid = |limits: Limits| limits.validate().is_ok();
        if !valid(Limits { max_request_bytes: 1, ..limits }) {
            let hint =
                "an answer is held as a whole; longer ones stream on the session and the oblivious wire";
            return Err(Fault::new(at("max-body"), "is above 64 MiB", hint));
        }
        if !valid(limits) {
            return Err(Fault::new(at("max-request"), "is above 4 GiB", "the wire takes no longer requests"));
        }
        Ok(limits)
    }

    fn copied(&self) -> Result<Vec<(HeaderName, HeaderName)>, Fault> {
        let at = || at("copy-fields");
        let name = |text: &String| {
            let hint = "names of fields: { \"traceparent\" = \"outer-traceparent\" }";
            HeaderName::try_from(text).map_err(|_| Fault::new(at(), format!("`{text}` is no name"), hint))
        };
        let mut copied = Vec::new();
        for (from, to) in &self.copy_fields {
            let (from, to) = (name(from)?, name(to)?);
            if from == to {
                let hint =
                    "the application must be able to tell what nobody has sealed: give it another name";
                return Err(Fault::new(at(), format!("`{from}` keeps its name"), hint));
            }
            copied.push((from, to));
        }
        // As CGI has it, `_` is `-`.
        let distinct: HashSet<_> = copied.iter().map(|(_, to)| to.as_str().replace('_', "-")).collect();
        if distinct.len() < copied.len() {
            return Err(Fault::new(at(), "two fields become one", "give each another name"));
        }
        Ok(copied)
    }
}

impl HpkeHttpPlan {
    pub(super) fn checked(config: &Config, routes: &Table) -> Result<Option<Self>, Fault> {
        let Some(wire) = &config.hpke_http else { return Ok(None) };
        let source = wire.source()?;
        let keys = wire.keys(config.registry.as_ref())?;
        let legacy = wire.legacy.as_ref().map(|legacy| legacy.checked(routes)).transpose()?;
        if let (KeysOf::File(keys), Some(key)) =
            (&keys, legacy.as_ref().and_then(|legacy| legacy.key.as_ref()))
            && keys.shares_a_key_with(key)
        {
            let hint = "the wires have keys of their own: `sealwire keys rotate` makes another (HH-105)";
            return Err(Fault::new(at("legacy").then("key"), "is a key of hpke-http.keys", hint));
        }
        let limits = wire.limits()?;
        positive(&wire.store_capacity, at("store-capacity"))?;
        let is_path = |path: &str| {
            path.len() > 1
                && path.starts_with('/')
                && !path.contains(['?', '#', '%'])
                && path.parse::<Uri>().is_ok()
        };
        if !is_path(&wire.path) {
            return Err(Fault::new(
                at("path"),
                "is no path",
                "for example \"/.well-known/sealwire/hpke-http\"",
            ));
        }
        let lease = u32::try_from(wire.lease.as_secs()).unwrap_or(u32::MAX);
        positive(&lease, at("lease"))?;
        let held = config.keys.overlap;
        if wire.lease.saturating_add(UNDER_WAY) > held {
            let hint = "a key is accepted for keys.overlap after it was last told, and a request may be under way for \
                        six minutes: shorten the lease, or lengthen keys.overlap";
            return Err(Fault::new(at("lease"), "is longer than a key is accepted", hint));
        }
        let tenant_field = match &wire.tenant_field {
            None => None,
            Some(name) => Some(HeaderName::try_from(name).map_err(|_| {
                Fault::new(
                    at("tenant-field"),
                    format!("`{name}` is no name"),
                    "for example \"sealwire-tenant\"",
                )
            })?),
        };
        let origin = |(index, text): (usize, &String)| {
            let value = HeaderValue::try_from(text).ok();
            let is_origin = text.parse::<Uri>().is_ok_and(|uri| {
                uri.scheme().is_some()
                    && uri.authority().is_some()
                    && !text.ends_with('/')
                    && uri.path() == "/"
            });
            value.filter(|_| is_origin).ok_or_else(|| {
                let hint = "as browsers name it: \"https://app.example\"";
                Fault::new(at("cors-origins").index(index), format!("`{text}` is no origin"), hint)
            })
        };
        let origins = wire.cors_origins.iter().enumerate().map(origin).collect::<Result<_, _>>()?;
        Ok(Some(Self {
            source,
            path: wire.path.clone(),
            lease,
            keys,
            alone: wire.alone(),
            register_capacity: config.keys.register_capacity,
            limits,
            copied: wire.copied()?,
            tenant_field,
            cors: Cors::new(origins),
            legacy,
        }))
    }

    /// Where the keys of callers are found.
    pub(crate) fn credentials(&self) -> Result<Arc<dyn Credentials>, String> {
        Ok(match &self.source {
            Source::File(file) => file.clone(),
            Source::Redis { url, prefix, cache } => {
                let source = RedisCredentials::open(url, prefix).map_err(|error| error.to_string())?;
                Arc::new(Cached::new(source, *cache))
            }
            Source::Command { words, time, cache, .. } => {
                let source = CommandCredentials::new(words, *time).map_err(|error| error.to_string())?;
                Arc::new(Cached::new(source, *cache))
            }
        })
    }

    /// What decides who can open requests and who may send them: whose the keys are, of which kind the source of credentials
    /// is, and what of the outside the application sees.
    pub(super) fn covered(&self) -> (&'static str, CoveredSource<'_>) {
        let keys = match self.keys {
            KeysOf::Instance => "instance",
            KeysOf::File(_) => "configured",
        };
        let source = match &self.source {
            Source::File(_) => CoveredSource::Kind("file"),
            Source::Redis { .. } => CoveredSource::Kind("redis"),
            Source::Command { words, content, .. } => CoveredSource::Command(words, content),
        };
        (keys, source)
    }

    /// The key that a document names, where it is configured, and the bound that it tells.
    pub(super) fn said(&self) -> (Option<&str>, Option<&str>, u64) {
        let advertised = match &self.keys {
            KeysOf::Instance => None,
            KeysOf::File(file) => Some(file.advertised_id()),
        };
        let legacy = self.legacy.as_ref().and_then(|legacy| legacy.key.as_ref()).map(KeyFile::advertised_id);
        (advertised, legacy, self.limits.max_request_bytes)
    }

    /// Whose the key of the releases 1.x is, where they are spoken, and for how long a request is remembered: `None` for as
    /// long as the key lives.
    pub(super) fn covered_legacy(&self) -> Option<(&'static str, Option<Duration>)> {
        let legacy = self.legacy.as_ref()?;
        Some((if legacy.key.is_some() { "configured" } else { "instance" }, legacy.window))
    }
}

/// The SHA-384 of a program's file.
fn program(words: &[String]) -> Result<[u8; 48], String> {
    let path = words.first().map_or("", String::as_str);
    let fault = |error: std::io::Error| format!("{path}: {error}");
    // What is no file may have no end.
    if !fs::metadata(path).map_err(fault)?.is_file() {
        return Err(format!("{path} is no file"));
    }
    Ok(sha384(&[&fs::read(path).map_err(fault)?]))
}

fn is_redis(url: &str, at: At) -> Result<(), Fault> {
    if url.starts_with("redis://") && url.parse::<Uri>().is_ok() {
        return Ok(());
    }
    Err(Fault::new(at, "is no redis:// URL", "for example \"redis://10.0.0.2:6379\""))
}

/// The text of a file that its owner alone can reach.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("has mode {mode:03o}; it must be open to its owner alone: chmod 600"));
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| error.to_string())
}
