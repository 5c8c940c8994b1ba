//! The digest of what decides where plaintext goes, how often, how well it is sealed, and who may send it (AT-44).
//!
//! Hardware proves the code, not its configuration: a host can start the genuine image with an upstream of its own.
//! So a key document carries this digest, and a client pins it, or an operator's signature over it.
//!
//! It is SHA-384 over deterministic CBOR (RFC 8949 section 4.2.1) of
//!
//! ```text
//! [ version text,
//!   authorities: [* text],              normal form, ascending
//!   bodies are logged: bool,            always false: this gateway cannot log them
//!   upstream roots: bytes / null,       SHA-384 over the SHA-384 of each certificate, ascending; null without `https`
//!   replay window: uint,                milliseconds
//!   KEMs: [* uint],                     HPKE identifiers, by preference
//!   callers: [asked text, bytes] / null, "wanted" or "required"; SHA-384 over the SHA-384 of the policy file, and of
//!                                       each file that it names, in the order in which the policy takes them up
//!   routes: [* [path text, methods [* text] / null, upstream text,                        ascending by path
//!               plaintext bool, idempotent bool, undated bool, early data bool, attested caller bool]],
//!   ? secrets: [* [name text, read bytes, write bytes / null, operators' keys [* bytes]]],
//!                                       ascending by name; policies digested like that of callers, keys ascending;
//!                                       there only where there are secrets
//!   ? ["ehbp", routes: [* [path text, paths [* text] / null, whole bool]]],
//!                                       routes that take EHBP, ascending by path, with the paths that sealed content may
//!                                       go to, ascending, null for any; there only where it is spoken
//!   ? ["hpke-http", keys text,          "instance", made at start, or "configured": who has the file can open requests
//!      credentials text / ["command", words [* text], bytes],
//!                                       "file" or "redis"; or what runs, and the SHA-384 of the program's file as read at
//!                                       start; whom it names is for the host to say
//!      copied [* [text, text]]],        outer fields and their names inside, ascending; there only where it is spoken
//!   ? ["hpke-http-1", key text, window uint / null, routes: [* [path text, paths [* text] / null, bodyless bool]]],
//!                                       as above; milliseconds for which a request is remembered, null for the key's life;
//!                                       there only where the releases 1.x are spoken
//!   ? ["ra-tunnel/0", cookies are joined bool, routes: [* path text]] ]
//!                                       routes that do not take version 0 of the RA tunnel, ascending; there only where it
//!                                       is on
//! ```
//!
//! with paths without a final `/`, methods ascending, and upstreams as `scheme://host:port/base` with the port always
//! there, or `within` where the application is this process. A revocation list is no part of it: it can only take away.
//! Configurations that mean the same have the same digest;
//! limits, times, key rotation and TLS of the listener are no part of it. Nor is `[session]`: of suites a caller takes
//! only what it has offered, and what is put back of a bound request's outside decides whether it is taken, not where what
//! is sealed in it goes.
//!
//! What switches the defence against repeated requests off is in it: otherwise a host could, for a genuine and pinned
//! gateway, and repeat what callers sealed. A change also means new keys, so that requests which a looser rule let pass
//! unregistered do not open under a stricter one.

use super::{CallersPlan, HpkeHttpPlan, TunnelPlan, hpke_http::CoveredSource};
use crate::{
    routes::{EhbpRoute, SealedPaths, Table},
    secrets::Rules,
    tls::Roots,
};
use minicbor::{Encoder, encode::write::Write};
use sealwire_http::crypto::{digest::sha384, kem::Kem};
use std::time::Duration;

/// Names the structure above; another structure gets another name.
pub const VERSION: &str = "sealwire-gateway-configuration/3";

type Written<W> = Result<(), minicbor::encode::Error<<W as Write>::Error>>;

/// What goes into it.
pub(super) struct Covered<'a> {
    /// in normal form
    pub(super) authorities: &'a [String],
    pub(super) roots: Option<&'a Roots>,
    pub(super) window: Duration,
    pub(super) kems: &'a [Kem],
    pub(super) callers: Option<&'a CallersPlan>,
    pub(super) secrets: Option<&'a Rules>,
    pub(super) routes: &'a Table,
    pub(super) tunnel: Option<&'a TunnelPlan>,
    pub(super) hpke_http: Option<&'a HpkeHttpPlan>,
}

impl Covered<'_> {
    pub(super) fn digest(&self) -> [u8; 48] {
        let mut out = Vec::new();
        // Writing to a vector cannot fail.
        let _ = write(&mut Encoder::new(&mut out), self);
        sha384(&[&out])
    }
}

fn write<W: Write>(e: &mut Encoder<W>, covered: &Covered<'_>) -> Written<W> {
    let mut authorities: Vec<&str> = covered.authorities.iter().map(String::as_str).collect();
    authorities.sort_unstable();
    let sealed: Vec<_> =
        covered.routes.iter().filter_map(|route| Some((route.path.as_str(), route.ehbp.as_ref()?))).collect();
    let more = u64::from(covered.secrets.is_some())
        + u64::from(!sealed.is_empty())
        + u64::from(covered.hpke_http.is_some())
        + u64::from(covered.hpke_http.is_some_and(|wire| wire.legacy.is_some()))
        + u64::from(covered.tunnel.is_some());
    e.array(8 + more)?.str(VERSION)?;
    texts(e, &authorities)?;
    e.bool(false)?;
    match covered.roots {
        Some(roots) => e.bytes(roots.digest())?,
        None => e.null()?,
    };
    e.u64(u64::try_from(covered.window.as_millis()).unwrap_or(u64::MAX))?;
    e.array(covered.kems.len() as u64)?;
    for kem in covered.kems {
        e.u16(kem.id())?;
    }
    match covered.callers.map(CallersPlan::covered) {
        Some((asked, policy)) => e.array(2)?.str(asked)?.bytes(policy)?,
        None => e.null()?,
    };
    let mut routes: Vec<_> = covered.routes.iter().collect();
    routes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    e.array(routes.len() as u64)?;
    for route in routes {
        e.array(8)?.str(&route.path)?;
        match &route.methods {
            Some(methods) => {
                let mut methods: Vec<&str> = methods.iter().map(http::Method::as_str).collect();
                methods.sort_unstable();
                texts(e, &methods)?;
            }
            None => {
                e.null()?;
            }
        }
        let rules = &route.rules;
        e.str(&route.target.to_string())?
            .bool(route.plaintext)?
            .bool(rules.idempotent)?
            .bool(rules.undated)?
            .bool(rules.early_data)?
            .bool(route.attested_caller)?;
    }
    covered.secrets.map_or(Ok(()), |rules| secrets(e, rules))?;
    if !sealed.is_empty() {
        ehbp(e, sealed)?;
    }
    if let Some(wire) = covered.hpke_http {
        hpke_http(e, wire)?;
        wire.covered_legacy().map_or(Ok(()), |(key, window)| legacy(e, key, window, covered.routes))?;
    }
    let Some(TunnelPlan { joined_cookies, .. }) = covered.tunnel else { return Ok(()) };
    // A host could otherwise have a genuine gateway offer a wire that is not forward secret, and say nothing of it.
    let without = covered.routes.iter().filter(|route| !route.tunnel_v0);
    let mut without: Vec<_> = without.map(|route| route.path.as_str()).collect();
    without.sort_unstable();
    e.array(3)?.str("ra-tunnel/0")?.bool(*joined_cookies)?;
    texts(e, &without)
}

/// Where a body may go that is bound to nothing, from whom, and how often (HH-91, HH-95, HH-96).
fn legacy<W: Write>(e: &mut Encoder<W>, key: &str, window: Option<Duration>, routes: &Table) -> Written<W> {
    let mut routes: Vec<_> =
        routes.iter().filter_map(|route| Some((route.path.as_str(), route.legacy.as_ref()?))).collect();
    routes.sort_unstable_by_key(|(path, _)| *path);
    e.array(4)?.str("hpke-http-1")?.str(key)?;
    match window {
        Some(window) => e.u64(u64::try_from(window.as_millis()).unwrap_or(u64::MAX))?,
        None => e.null()?,
    };
    e.array(routes.len() as u64)?;
    for (path, route) in routes {
        e.array(3)?.str(path)?;
        paths(e, &route.paths)?;
        e.bool(route.taken.bodyless)?;
    }
    Ok(())
}

/// Where content may go that is bound to no path: otherwise a host could let it go anywhere (EH-20).
fn ehbp<W: Write>(e: &mut Encoder<W>, mut routes: Vec<(&str, &EhbpRoute)>) -> Written<W> {
    routes.sort_unstable_by_key(|(path, _)| *path);
    e.array(2)?.str("ehbp")?.array(routes.len() as u64)?;
    for (path, route) in routes {
        e.array(3)?.str(path)?;
        paths(e, &route.paths)?;
        e.bool(route.rules.whole)?;
    }
    Ok(())
}

fn paths<W: Write>(e: &mut Encoder<W>, paths: &SealedPaths) -> Written<W> {
    match paths {
        SealedPaths::Any => e.null().map(drop),
        SealedPaths::These(paths) => {
            let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            paths.sort_unstable();
            texts(e, &paths)
        }
    }
}

/// Who can open what is sealed, and what an application takes from outside.
fn hpke_http<W: Write>(e: &mut Encoder<W>, wire: &HpkeHttpPlan) -> Written<W> {
    let (keys, credentials) = wire.covered();
    e.array(4)?.str("hpke-http")?.str(keys)?;
    match credentials {
        CoveredSource::Kind(kind) => e.str(kind)?,
        CoveredSource::Command(words, content) => {
            e.array(3)?.str("command")?.array(words.len() as u64)?;
            words.iter().try_for_each(|word| e.str(word).map(drop))?;
            e.bytes(content)?
        }
    };
    e.array(wire.copied.len() as u64)?;
    let mut copied: Vec<_> = wire.copied.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    copied.sort_unstable();
    copied.into_iter().try_for_each(|(from, to)| e.array(2)?.str(from)?.str(to).map(drop))
}

/// Who may read and write which: otherwise a host could have a genuine instance hand them to an enclave of its own.
fn secrets<W: Write>(e: &mut Encoder<W>, rules: &Rules) -> Written<W> {
    let mut rules: Vec<_> = rules.iter().map(|rule| (rule.pattern.to_string(), rule)).collect();
    rules.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    e.array(rules.len() as u64)?;
    for (name, rule) in rules {
        e.array(4)?.str(&name)?.bytes(&rule.read.digest)?;
        match &rule.write {
            Some(write) => e.bytes(&write.digest)?,
            None => e.null()?,
        };
        e.array(rule.keys.len() as u64)?;
        for key in &rule.keys {
            e.bytes(key)?;
        }
    }
    Ok(())
}

fn texts<W: Write>(e: &mut Encoder<W>, texts: &[&str]) -> Written<W> {
    e.array(texts.len() as u64)?;
    texts.iter().try_for_each(|text| e.str(text).map(drop))
}
