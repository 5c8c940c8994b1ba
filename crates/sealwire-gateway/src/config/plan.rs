//! What a configuration comes to, after every check.

use super::{
    CallersPlan, Config, EhbpPlan, Endorsements, HpkeHttpPlan, Keys, Limits, Quotes, Registry,
    Route as Written, SecretsPlan, TunnelPlan, companions,
    digest::Covered,
    error::{At, Fault},
    registry,
};
use crate::{
    routes::{self, Route, Table, Target},
    tls::{self, Roots},
};
use http::Method;
use rustls::sign::CertifiedKey;
use sealwire_attest::key_document::{authority, operator::OperatorStatement};
use sealwire_collateral::{Sources, folder};
use sealwire_http::message::{bhttp, chunk};
use sealwire_http::server::{Pace, RouteRules, session::Rewrites};
use std::{
    collections::HashSet, fs, hash::Hash, net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration,
};

/// HTTP/1.1 connections have a read buffer of at least this many bytes.
const MIN_HEADER_SIZE: usize = 8 << 10;
/// Key ids of the oblivious wire are one byte.
const KEY_IDS: u128 = 256;

/// A configuration in which everything has been checked, and every file read.
pub(crate) struct Plan {
    pub(crate) authorities: Vec<String>,
    pub(crate) routes: Arc<Table>,
    pub(crate) rewrites: Arc<Rewrites>,
    pub(crate) session: sealwire_http::session::server::Config,
    pub(crate) digest: [u8; 48],
    pub(crate) statement: Option<OperatorStatement>,
    pub(crate) wire: sealwire_http::oblivious::Limits,
    pub(crate) window: Duration,
    pub(crate) lifetime: Duration,
    pub(crate) idle_time: Duration,
    pub(crate) challenges_per_second: u32,
    pub(crate) tls: Option<Arc<CertifiedKey>>,
    pub(crate) upstream_roots: Option<Roots>,
    pub(crate) callers: Option<CallersPlan>,
    pub(crate) secrets: Option<SecretsPlan>,
    /// `None` where it is not spoken
    pub(crate) ehbp: Option<EhbpPlan>,
    /// `None` where it is not spoken
    pub(crate) tunnel: Option<TunnelPlan>,
    pub(crate) hpke_http: Option<HpkeHttpPlan>,
    /// the application is this process
    pub(crate) embedded: bool,
}

/// Who serves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Served {
    /// a gateway that listens, or will, at this address, in front of upstreams
    At(SocketAddr),
    /// the application itself, wherever it listens
    Within,
}

impl Plan {
    pub(super) fn checked(config: &Config, served: Served) -> Result<Self, Fault> {
        check_limits(&config.limits)?;
        check_keys(&config.keys)?;
        check_quotes(&config.quotes)?;
        companions::check(config)?;
        check_endorsements(&config.endorsements)?;
        config.registry.as_ref().map_or(Ok(()), Registry::check)?;
        registry::check_prefix(&config.instance_prefix)?;
        let session = config.session.checked()?;
        let authorities = authorities(config, served)?;
        let rewrites = config.session.rewrites(&authorities)?;
        let routes = routes(config, served)?;
        let ehbp = EhbpPlan::checked(config, &routes)?;
        let tunnel = TunnelPlan::checked(config)?;
        let upstream_roots = match &config.upstream_roots {
            None => None,
            Some(path) => Some(Roots::read(path).map_err(|what| {
                let hint = "a file of PEM certificates that https upstreams chain to";
                Fault::new(At::key("upstream-roots"), what, hint)
            })?),
        };
        if upstream_roots.is_none() && routes.iter().any(|route| route.target.is_tls()) {
            let what = "is missing, and a route has an https upstream";
            let hint = "what the system trusts is the host's to choose; name the certificates that the upstream \
                        chains to, for example upstream-roots = \"/etc/ssl/certs/ca-certificates.crt\"";
            return Err(Fault::new(At::key("upstream-roots"), what, hint));
        }
        let window = config.replay.window;
        positive(&window, At::key("replay").then("window"))?;
        let callers = CallersPlan::checked(config)?;
        let secrets = SecretsPlan::checked(config, callers.as_ref())?;
        let hpke_http = HpkeHttpPlan::checked(config, &routes)?;
        let covered = Covered {
            authorities: &authorities,
            roots: upstream_roots.as_ref(),
            window,
            kems: &config.keys.kems,
            callers: callers.as_ref(),
            secrets: secrets.as_ref().map(|secrets| &*secrets.rules),
            routes: &routes,
            tunnel: tunnel.as_ref(),
            hpke_http: hpke_http.as_ref(),
        };
        let digest = covered.digest();
        let statement = statement(config, &authorities, &digest)?;
        let tls = match &config.tls {
            None => None,
            Some(files) => Some(tls::certified_key(files).map_err(|(key, what)| {
                let hint =
                    "certificate: the chain in PEM, the leaf first; key: its private key in PEM, unencrypted";
                Fault::new(At::key("tls").then(key), what, hint)
            })?),
        };
        Ok(Self {
            authorities,
            routes: Arc::new(routes),
            rewrites: Arc::new(rewrites),
            session,
            digest,
            statement,
            wire: wire(&config.limits),
            window,
            lifetime: config.keys.lifetime,
            idle_time: config.limits.idle_time,
            challenges_per_second: config.quotes.challenges_per_second,
            tls,
            upstream_roots,
            callers,
            secrets,
            ehbp,
            tunnel,
            hpke_http,
            embedded: matches!(served, Served::Within),
        })
    }

    pub(crate) fn new(config: &Config, served: Served) -> Result<Self, super::Error> {
        Ok(Self::checked(config, served)?)
    }

    /// Whether key documents of both say the same.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let said =
            |plan: &Self| (plan.digest, plan.statement.clone(), plan.lifetime, plan.wire.chunk.message);
        // The digest covers the authorities, but not their order.
        said(self) == said(other)
            && self.hpke_http.as_ref().map(HpkeHttpPlan::said)
                == other.hpke_http.as_ref().map(HpkeHttpPlan::said)
            && self.authorities == other.authorities
    }
}

fn wire(limits: &Limits) -> sealwire_http::oblivious::Limits {
    let defaults = sealwire_http::oblivious::Limits::default();
    sealwire_http::oblivious::Limits {
        single_request: limits.single_request,
        single_response: limits.single_response,
        chunk: chunk::Limits { message: limits.message as u64, ..defaults.chunk },
        bhttp: bhttp::Limits { section: limits.header_size, ..defaults.bhttp },
        header_time: limits.header_time,
        idle_time: limits.idle_time,
        ..defaults
    }
}

/// What nothing can be done with none of.
pub(super) fn positive<T: Default + PartialEq>(value: &T, at: At) -> Result<(), Fault> {
    if *value == T::default() {
        return Err(Fault::new(at, "is zero", "leave the key out for its default"));
    }
    Ok(())
}

fn check_limits(limits: &Limits) -> Result<(), Fault> {
    let at = |key| At::key("limits").then(key);
    positive(&limits.connections, at("connections"))?;
    positive(&limits.requests, at("requests"))?;
    positive(&limits.streams, at("streams"))?;
    positive(&limits.header_time, at("header-time"))?;
    positive(&limits.idle_time, at("idle-time"))?;
    positive(&limits.drain_time, at("drain-time"))?;
    positive(&limits.single_request, at("single-request"))?;
    positive(&limits.single_response, at("single-response"))?;
    positive(&limits.message, at("message"))?;
    positive(&limits.upstream_time, at("upstream-time"))?;
    if limits.header_size < MIN_HEADER_SIZE {
        return Err(Fault::new(at("header-size"), "is below 8 KiB", "ordinary browsers send several KiB"));
    }
    if limits.message < limits.single_request {
        let hint = "a chunked message may be long; a single one is held in memory";
        return Err(Fault::new(at("message"), "is below limits.single-request", hint));
    }
    Ok(())
}

fn check_keys(keys: &Keys) -> Result<(), Fault> {
    let at = |key| At::key("keys").then(key);
    if keys.kems.is_empty() {
        return Err(Fault::new(at("kems"), "is empty", "for example [\"x-wing\", \"x25519\"]"));
    }
    if keys.aeads.is_empty() {
        return Err(Fault::new(
            at("aeads"),
            "is empty",
            "for example [\"aes-256-gcm\", \"chacha20-poly1305\"]",
        ));
    }
    unique(&keys.kems, |index| at("kems").index(index))?;
    unique(&keys.aeads, |index| at("aeads").index(index))?;
    positive(&keys.rotation, at("rotation"))?;
    positive(&keys.overlap, at("overlap"))?;
    positive(&keys.register_capacity, at("register-capacity"))?;
    if keys.lifetime < Duration::from_secs(2) {
        let hint = "documents count whole seconds; hours are usual";
        return Err(Fault::new(at("lifetime"), "is below 2 s", hint));
    }
    if keys.overlap < keys.lifetime {
        let what = "is shorter than keys.lifetime";
        let hint = "a key must be accepted for as long as a document that names it may be used";
        return Err(Fault::new(at("overlap"), what, hint));
    }
    let generations = keys.overlap.as_nanos().div_ceil(keys.rotation.as_nanos().max(1)) + 2;
    if generations.saturating_mul(keys.kems.len() as u128) > KEY_IDS {
        let what = "leads to more keys at once than there are key ids (256)";
        return Err(Fault::new(at("rotation"), what, "rotate less often, or shorten keys.overlap"));
    }
    Ok(())
}

fn check_quotes(quotes: &Quotes) -> Result<(), Fault> {
    let at = |key| At::key("quotes").then(key);
    positive(&quotes.queue, at("queue"))?;
    positive(&quotes.timeout, at("timeout"))?;
    positive(&quotes.challenges_per_second, at("challenges-per-second"))
}

fn check_endorsements(endorsements: &Endorsements) -> Result<(), Fault> {
    let at = |key| At::key("endorsements").then(key);
    positive(&endorsements.refresh, at("refresh"))?;
    positive(&endorsements.timeout, at("timeout"))?;
    let of_fetching = [
        ("cache", endorsements.cache.is_some()),
        ("pcs", endorsements.pcs.is_some()),
        ("kds", endorsements.kds.is_some()),
        ("aws-crls", endorsements.aws_crls.is_some()),
        ("tls-roots", endorsements.tls_roots.is_some()),
    ];
    if let Some((key, _)) = of_fetching.into_iter().find(|(_, set)| *set && !endorsements.fetch) {
        return Err(Fault::new(at(key), "is set, and nothing is fetched", "add fetch = true"));
    }
    let mirrors =
        [("pcs", &endorsements.pcs), ("kds", &endorsements.kds), ("aws-crls", &endorsements.aws_crls)];
    for (key, place) in mirrors {
        if let Some(Err(error)) = place.as_deref().map(|place| Sources::default().with_kds(place)) {
            let hint = "for example \"https://pccs.internal:8081\"";
            return Err(Fault::new(at(key), error.to_string(), hint));
        }
    }
    if let Some(Err(error)) = endorsements.folder.as_deref().map(folder::read) {
        let hint = "a folder of certificates, CRLs and reference data; `sealwire attest fetch` fills one";
        return Err(Fault::new(at("folder"), error.to_string(), hint));
    }
    match endorsements.tls_roots.as_deref().map(tls::certificates) {
        Some(Err(what)) => Err(Fault::new(at("tls-roots"), what, "a file of PEM certificates")),
        _ => Ok(()),
    }
}

pub(super) fn unique<T: Eq + Hash>(values: &[T], at: impl FnOnce(usize) -> At) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    match values.iter().position(|value| !seen.insert(value)) {
        Some(index) => Err(Fault::new(at(index), "is there twice", "name each once")),
        None => Ok(()),
    }
}

fn authorities(config: &Config, served: Served) -> Result<Vec<String>, Fault> {
    if config.admin.is_some_and(|admin| admin == config.listen && admin.port() != 0) {
        let hint = "administration needs an address of its own, best on loopback";
        return Err(Fault::new(At::key("admin"), "is the listen address", hint));
    }
    let at = || At::key("authorities");
    if config.authorities.is_empty() {
        let hint = "name what clients call this service: authorities = [\"api.example\"]";
        let Served::At(bound) = served else { return Err(Fault::new(at(), "is missing", hint)) };
        if bound.ip().is_unspecified() {
            let what = "is missing, and the listen address names no host";
            return Err(Fault::new(at(), what, hint));
        }
        let bound = bound.to_string();
        return Ok(vec![authority::normalise(&bound, authority::DEFAULT_PORT).unwrap_or(bound)]);
    }
    let normal = |(index, name): (usize, &String)| {
        authority::normalise(name, authority::DEFAULT_PORT).map_err(|error| {
            let hint = "`host` or `host:port`, without scheme and path";
            Fault::new(at().index(index), format!("`{name}`: {error}"), hint)
        })
    };
    let normal = config.authorities.iter().enumerate().map(normal).collect::<Result<Vec<_>, _>>()?;
    unique(&normal, |index| at().index(index))?;
    Ok(normal)
}

fn routes(config: &Config, served: Served) -> Result<Table, Fault> {
    let mut routes: Vec<Route> = Vec::with_capacity(config.routes.len() + 1);
    let short = config.upstream.as_ref().map(|upstream| (At::default(), Written::new("/", upstream)));
    let written =
        config.routes.iter().enumerate().map(|(i, route)| (At::key("route").index(i), route.clone()));
    for (at, written) in short.into_iter().chain(written) {
        let route = route(&at, &written, config, served)?;
        if routes.iter().any(|other| other.path == route.path) {
            let hint = "paths are compared without a final `/`; a top-level `upstream` is the route `/`";
            return Err(Fault::new(at.then("path"), format!("a second route `{}`", route.path), hint));
        }
        routes.push(route);
    }
    if routes.is_empty() {
        let what = "there is no route, so nothing to serve";
        return Err(Fault::new(
            At::default(),
            what,
            "add upstream = \"http://127.0.0.1:3000\", or a [[route]]",
        ));
    }
    Ok(Table::new(routes))
}

fn route(at: &At, written: &Written, config: &Config, served: Served) -> Result<Route, Fault> {
    let at = |key| at.clone().then(key);
    let path = routes::normal_path(&written.path).ok_or_else(|| {
        let hint = "begins with `/`, without query, `.`, `..`, `%`, `;` and empty segments";
        Fault::new(at("path"), format!("`{}` is no path of a route", written.path), hint)
    })?;
    let target = match served {
        Served::Within => Target::Within,
        Served::At(_) => Target::parse(&written.upstream).map_err(|(what, hint)| {
            Fault::new(at("upstream"), format!("`{}` {what}", written.upstream), hint)
        })?,
    };
    if target.is(config.listen) {
        return Err(Fault::new(
            at("upstream"),
            "is the gateway itself",
            "name the application's own address",
        ));
    }
    let methods = match &written.methods {
        None => None,
        Some(methods) => Some(self::methods(methods, || at("methods"))?),
    };
    if written.complete_requests == Some(0) {
        return Err(Fault::new(
            at("complete-requests"),
            "is zero",
            "leave the key out to let requests stream",
        ));
    }
    if written.requests_per_second == Some(0) {
        return Err(Fault::new(at("requests-per-second"), "is zero", "leave the key out for no limit"));
    }
    if written.timeout == Some(Duration::ZERO) {
        return Err(Fault::new(at("timeout"), "is zero", "leave the key out for limits.upstream-time"));
    }
    let pace = match &written.pace {
        None => None,
        Some(pace) => {
            positive(&pace.every, at("pace").then("every"))?;
            let size = NonZeroUsize::new(pace.size).ok_or_else(|| {
                Fault::new(at("pace").then("size"), "is zero", "leave `pace` out to send content as it comes")
            })?;
            Some(Pace { size, every: pace.every })
        }
    };
    if written.attested_caller && written.plaintext {
        let hint =
            "callers attest themselves in sessions; what is not sealed comes from nobody in particular";
        return Err(Fault::new(at("attested-caller"), "is true, and so is plaintext", hint));
    }
    let ehbp = match &written.ehbp {
        None => None,
        Some(ehbp) => Some(ehbp.checked(config, &path, &at("ehbp"))?),
    };
    let legacy = match &written.legacy {
        None => None,
        Some(legacy) => legacy.checked(config, &path, &at("legacy"))?,
    };
    Ok(Route {
        path,
        target,
        http2: written.upstream_http2,
        methods,
        plaintext: written.plaintext,
        attested_caller: written.attested_caller,
        tunnel_v0: written.tunnel_version_0,
        rules: RouteRules {
            idempotent: written.idempotent,
            undated: written.undated,
            early_data: written.early_data,
            complete: written.complete_requests,
            compress: written.compress_responses,
            pace,
            // It depends on the path.
            ehbp: None,
        },
        ehbp,
        legacy,
        rate: written.requests_per_second.and_then(routes::Rate::per_second),
        timeout: written.timeout.unwrap_or(config.limits.upstream_time),
    })
}

fn methods(written: &[String], at: impl Fn() -> At) -> Result<Vec<Method>, Fault> {
    if written.is_empty() {
        return Err(Fault::new(at(), "is empty", "leave the key out to take every method"));
    }
    let parse = |(index, name): (usize, &String)| {
        let method = Method::from_bytes(name.as_bytes()).ok().filter(|method| {
            let tunnel = [Method::CONNECT, Method::TRACE].contains(method);
            !tunnel && !name.bytes().any(|byte| byte.is_ascii_lowercase())
        });
        method.ok_or_else(|| {
            let hint = "methods are in upper case; CONNECT and TRACE are never taken";
            Fault::new(at().index(index), format!("`{name}` is no method that can be taken"), hint)
        })
    };
    let methods = written.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
    unique(&methods, |index| at().index(index))?;
    Ok(methods)
}

fn statement(
    config: &Config,
    authorities: &[String],
    digest: &[u8; 48],
) -> Result<Option<OperatorStatement>, Fault> {
    let Some(path) = &config.operator_statement else { return Ok(None) };
    let fault = |what: String| {
        let hint = format!(
            "sign anew with `sealwire keys operator`; the configuration digest is {}",
            hex::encode(digest)
        );
        Fault::new(At::key("operator-statement"), what, hint)
    };
    let text = fs::read_to_string(path)
        .map_err(|error| fault(format!("{} cannot be read: {error}", path.display())))?;
    // Its own words: whoever mistook the one file for the other has brought the key to where the host can read it.
    if text.contains("PRIVATE KEY-----") {
        let hint = "take it off this machine; the statement is what `sealwire keys operator sign` writes";
        return Err(Fault::new(At::key("operator-statement"), "this is a private key", hint));
    }
    let statement = OperatorStatement::from_pem(&text).map_err(|error| fault(error.to_string()))?;
    statement.verify().map_err(|error| fault(error.to_string()))?;
    let mut served = authorities.to_vec();
    served.sort_unstable();
    if statement.authorities != served {
        return Err(fault(format!("is for {}, not {}", statement.authorities.join(", "), served.join(", "))));
    }
    if statement.config_digest != *digest {
        return Err(fault("is for another configuration".to_owned()));
    }
    Ok(Some(statement))
}
