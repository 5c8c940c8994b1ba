//! Which path leads to which gateway (OB-80, OB-88).

use http::{Method, Uri, uri::Scheme};
use sealwire_attest::key_document;
use sealwire_http::wire::OBLIVIOUS_PATH;
use std::collections::HashMap;

/// Longest name.
const MAX_NAME: usize = 64;

/// Why a map of gateways cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// There is none.
    #[error("no gateway is given: name one as NAME=URL")]
    Empty,
    /// A name that cannot stand in a path.
    #[error("`{0}` is no name for a gateway: use 1 to 64 of a-z, 0-9, - and _")]
    Name(String),
    /// Two gateways of one name.
    #[error("two gateways are called `{0}`")]
    Twice(String),
    /// A URL that is none, or has more than scheme, host and path.
    #[error("the URL of `{0}` is not http:// or https:// with a host and at most a path")]
    Url(String),
    /// OB-82
    #[error("`{0}` is reached in clear: only a gateway on this machine may be http:// (OB-82)")]
    Plain(String),
}

/// The resources of one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Gateway {
    oblivious: Uri,
    keys: Uri,
}

/// The gateways, fixed at start.
#[derive(Debug)]
pub(super) struct Map {
    by_name: HashMap<String, Gateway>,
    /// the only one, which is also reached without its name
    single: Option<Gateway>,
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Forwards this method there.
    Resource(&'a Uri),
    /// The resource takes other methods.
    Methods(&'static str),
    /// Nothing.
    Nothing,
}

impl Map {
    pub(super) fn new(gateways: &[(String, Uri)]) -> Result<Self, MapError> {
        let mut by_name = HashMap::new();
        for (name, uri) in gateways {
            if by_name.insert(checked(name)?, Gateway::new(name, uri)?).is_some() {
                return Err(MapError::Twice(name.clone()));
            }
        }
        let single = match gateways {
            [] => return Err(MapError::Empty),
            [(name, _)] => by_name.get(name).cloned(),
            _ => None,
        };
        Ok(Self { by_name, single })
    }

    /// Every URI that requests may go to.
    pub(super) fn resources(&self) -> impl Iterator<Item = &Uri> {
        self.by_name.values().map(|gateway| &gateway.oblivious)
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let (gateway, resource) = match path.find("/.well-known/") {
            Some(0) => (self.single.as_ref(), path),
            Some(end) => match path.split_at_checked(end) {
                Some((name, resource)) => {
                    (name.strip_prefix('/').and_then(|name| self.by_name.get(name)), resource)
                }
                None => return Found::Nothing,
            },
            None => return Found::Nothing,
        };
        let Some(gateway) = gateway else { return Found::Nothing };
        let is_get = method == Method::GET;
        match resource {
            OBLIVIOUS_PATH if is_get || method == Method::POST => Found::Resource(&gateway.oblivious),
            OBLIVIOUS_PATH => Found::Methods("GET, POST"),
            key_document::PATH if is_get => Found::Resource(&gateway.keys),
            key_document::PATH => Found::Methods("GET"),
            _ => Found::Nothing,
        }
    }
}

fn checked(name: &str) -> Result<String, MapError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name.to_owned())
    } else {
        Err(MapError::Name(name.to_owned()))
    }
}

impl Gateway {
    fn new(name: &str, uri: &Uri) -> Result<Self, MapError> {
        let unusable = || MapError::Url(name.to_owned());
        let scheme =
            uri.scheme().filter(|s| **s == Scheme::HTTPS || **s == Scheme::HTTP).ok_or_else(unusable)?;
        let authority = uri.authority().filter(|a| !a.as_str().contains('@')).ok_or_else(unusable)?;
        if uri.query().is_some() {
            return Err(unusable());
        }
        if *scheme == Scheme::HTTP && !sealwire_client::is_loopback(uri) {
            return Err(MapError::Plain(name.to_owned()));
        }
        let base = uri.path().trim_end_matches('/');
        let resource =
            |path: &str| format!("{scheme}://{authority}{base}{path}").parse().map_err(|_| unusable());
        Ok(Self { oblivious: resource(OBLIVIOUS_PATH)?, keys: resource(key_document::PATH)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(gateways: &[(&str, &str)]) -> Result<Map, MapError> {
        let gateways = gateways.iter().map(|(name, uri)| ((*name).to_owned(), uri.parse().unwrap()));
        Map::new(&gateways.collect::<Vec<_>>())
    }

    // OB-80, OB-88
    #[test]
    fn paths_lead_where_the_map_says() {
        let map = map(&[("one", "https://a.example"), ("two", "https://b.example:8443/deep/")]).unwrap();
        let find = |method: Method, path: &str| match map.find(&method, path) {
            Found::Resource(uri) => uri.to_string(),
            Found::Methods(methods) => methods.to_owned(),
            Found::Nothing => String::new(),
        };
        for (method, path, leads_to) in [
            (Method::POST, "/one/.well-known/ohttp-gateway", "https://a.example/.well-known/ohttp-gateway"),
            (Method::GET, "/one/.well-known/ohttp-gateway", "https://a.example/.well-known/ohttp-gateway"),
            (Method::GET, "/two/.well-known/sealwire", "https://b.example:8443/deep/.well-known/sealwire"),
            (Method::POST, "/two/.well-known/sealwire", "GET"),
            (Method::PUT, "/two/.well-known/ohttp-gateway", "GET, POST"),
            (Method::GET, "/.well-known/sealwire", ""),
            (Method::GET, "/three/.well-known/sealwire", ""),
            (Method::GET, "//.well-known/sealwire", ""),
            (Method::GET, "/one/two/.well-known/sealwire", ""),
            (Method::GET, "/one/.well-known/sealwire/", ""),
            (Method::GET, "/one/.well-known/sealwire/.well-known/sealwire", ""),
            (Method::GET, "/https://c.example/.well-known/sealwire", ""),
            (Method::GET, "/one/x", ""),
            (Method::GET, "*", ""),
            (Method::GET, "", ""),
        ] {
            assert_eq!(find(method.clone(), path), leads_to, "{method} {path}");
        }
    }

    // OB-88
    #[test]
    fn a_single_gateway_needs_no_name() {
        let map = map(&[("one", "http://127.0.0.1:1")]).unwrap();
        let by_name = map.find(&Method::GET, "/one/.well-known/sealwire");
        assert_eq!(by_name, map.find(&Method::GET, "/.well-known/sealwire"));
        assert!(matches!(by_name, Found::Resource(_)));
    }

    // OB-82
    #[test]
    fn what_cannot_be_used_is_refused() {
        let long = "a".repeat(65);
        for (gateways, error) in [
            (vec![], MapError::Empty),
            (vec![("a", "http://gateway.example")], MapError::Plain("a".into())),
            (vec![("a", "http://192.0.2.1")], MapError::Plain("a".into())),
            (vec![("a", "ftp://localhost")], MapError::Url("a".into())),
            (vec![("a", "/path")], MapError::Url("a".into())),
            (vec![("a", "https://user@a.example")], MapError::Url("a".into())),
            (vec![("a", "https://a.example?x")], MapError::Url("a".into())),
            (vec![("", "https://a.example")], MapError::Name(String::new())),
            (vec![("a/b", "https://a.example")], MapError::Name("a/b".into())),
            (vec![(".well-known", "https://a.example")], MapError::Name(".well-known".into())),
            (vec![(&long, "https://a.example")], MapError::Name(long.clone())),
            (vec![("a", "https://a.example"), ("a", "https://b.example")], MapError::Twice("a".into())),
        ] {
            assert_eq!(map(&gateways).unwrap_err(), error);
        }
        for local in ["http://127.0.0.1:80", "http://[::1]:80", "http://localhost"] {
            assert!(map(&[("a", local)]).is_ok(), "{local}");
        }
    }
}
