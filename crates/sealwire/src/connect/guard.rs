//! Who may use the proxy. A web page anywhere can make a browser send requests to this machine: by name, when its own
//! name is made to resolve here (DNS rebinding), and across origins. Both show in fields that pages cannot set.

use super::Error;
use http::{HeaderName, HeaderValue, header, request::Parts};
use sealwire_attest::key_document::authority;
use std::net::SocketAddr;

/// Where a browser's request comes from (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The port of `http`, which names leave out.
const HTTP_PORT: u16 = 80;

/// Names and origins that are let in.
pub(super) struct Guard {
    /// in normal form
    hosts: Vec<String>,
    /// names with any port
    names: Vec<String>,
    /// pages elsewhere
    origins: Vec<String>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request says it is for somebody else, or for nobody.
    Host(String),
    /// A page elsewhere sent it.
    Origin(String),
    /// A page elsewhere had a browser send it, without its name.
    CrossSite,
}

/// The name by which the caller called, in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalHost(String);

impl LocalHost {
    /// `http://` and the name.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.0)
    }
}

impl Guard {
    pub(super) fn new(
        listen: SocketAddr,
        allow_hosts: &[String],
        allow_origins: &[String],
    ) -> Result<Self, Error> {
        let port = listen.port();
        let mut hosts: Vec<String> = vec![listen.to_string()];
        if listen.ip().is_loopback() || listen.ip().is_unspecified() {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{port}")));
        }
        let mut guard = Self { hosts: Vec::new(), names: Vec::new(), origins: Vec::new() };
        for host in &hosts {
            guard.hosts.extend(authority::normalise(host, HTTP_PORT).ok());
        }
        for host in allow_hosts {
            // Port 0 is none: it tells whether one is given.
            let normal = authority::normalise(host, 0).map_err(|_| Error::Host(host.clone()))?;
            if has_port(&normal) {
                guard.hosts.extend(authority::normalise(host, HTTP_PORT).ok());
            } else {
                guard.names.push(normal);
            }
        }
        for origin in allow_origins {
            guard.origins.push(normal_origin(origin).ok_or_else(|| Error::Origin(origin.clone()))?);
        }
        Ok(guard)
    }

    /// Lets a request in, or not.
    pub(super) fn check(&self, head: &Parts) -> Result<LocalHost, Refusal> {
        // A target with an authority and a Host field may both be there; neither may be somebody else's.
        let target = head.uri.authority().map(|authority| authority.as_str());
        let fields = head.headers.get_all(header::HOST);
        let named: Vec<&str> = target.into_iter().chain(fields.iter().map(text)).collect();
        let mut local = None;
        for name in &named {
            let Some(known) = self.known(name) else { return Err(Refusal::Host((*name).to_owned())) };
            local.get_or_insert(known);
        }
        let local = local.ok_or_else(|| Refusal::Host(String::new()))?;
        for origin in head.headers.get_all(header::ORIGIN).iter().map(text) {
            if !self.is_local_origin(origin) && !self.is_allowed_origin(origin) {
                return Err(Refusal::Origin(origin.to_owned()));
            }
        }
        // Images, scripts and links send no Origin; browsers say of them where they come from, in a field that pages
        // cannot set. Programs that are no browsers do not have it.
        let named = head.headers.contains_key(header::ORIGIN);
        let mut sites = head.headers.get_all(SEC_FETCH_SITE).iter().map(text);
        if !named && sites.any(|site| !["same-origin", "none"].contains(&site)) {
            return Err(Refusal::CrossSite);
        }
        Ok(LocalHost(local))
    }

    fn known(&self, host: &str) -> Option<String> {
        let normal = authority::normalise(host, HTTP_PORT).ok()?;
        let without_port = if has_port(&normal) { normal.rsplit_once(':')?.0 } else { &normal };
        let known = self.hosts.contains(&normal) || self.names.iter().any(|name| name == without_port);
        known.then_some(normal)
    }

    /// Whether an origin is the proxy itself.
    pub(super) fn is_local_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|host| self.known(host).is_some())
    }

    fn is_allowed_origin(&self, origin: &str) -> bool {
        normal_origin(origin).is_some_and(|origin| self.origins.contains(&origin))
    }
}

fn has_port(normal: &str) -> bool {
    normal.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
}

fn normal_origin(origin: &str) -> Option<String> {
    let (scheme, host) = origin.split_once("://")?;
    let default_port = match scheme {
        "https" => 443,
        "http" => HTTP_PORT,
        _ => return None,
    };
    Some(format!("{scheme}://{}", authority::normalise(host, default_port).ok()?))
}

/// A field that is no text is nobody's name.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn guard(listen: &str, hosts: &[&str], origins: &[&str]) -> Guard {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Guard::new(listen.parse().unwrap(), &owned(hosts), &owned(origins)).unwrap()
    }

    fn head(uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_this_machines_names_are_known() {
        let guard = guard("127.0.0.1:8080", &["box.example", "other.example:99"], &[]);
        for host in [
            "127.0.0.1:8080",
            "localhost:8080",
            "LOCALHOST:8080",
            "[::1]:8080",
            "box.example",
            "box.example:12345",
            "other.example:99",
        ] {
            assert!(guard.check(&head("/", &[("host", host)])).is_ok(), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost",
            "localhost:8081",
            "rebound.example:8080",
            "localhost.example:8080",
            "other.example",
            "user@localhost:8080",
            "localhost:8080:8080",
            "127.1:8080",
            "",
        ] {
            let refused = guard.check(&head("/", &[("host", host)]));
            assert_eq!(refused, Err(Refusal::Host(host.to_owned())), "{host}");
        }
        assert_eq!(guard.check(&head("/", &[])), Err(Refusal::Host(String::new())));
    }

    #[test]
    fn the_standard_port_is_left_out() {
        let guard = guard("127.0.0.1:80", &[], &[]);
        let local = guard.check(&head("/", &[("host", "localhost")])).unwrap();
        assert_eq!(local.origin(), "http://localhost");
        assert!(guard.check(&head("/", &[("host", "localhost:80")])).is_ok());
    }

    #[test]
    fn every_name_of_a_request_counts() {
        let guard = guard("127.0.0.1:8080", &[], &[]);
        let local = "http://localhost:8080/x";
        assert!(guard.check(&head(local, &[])).is_ok());
        assert!(guard.check(&head(local, &[("host", "127.0.0.1:8080")])).is_ok());
        assert!(guard.check(&head(local, &[("host", "evil.example")])).is_err());
        assert!(guard.check(&head("http://evil.example/", &[("host", "localhost:8080")])).is_err());
        let two = head("/", &[("host", "localhost:8080"), ("host", "evil.example")]);
        assert!(guard.check(&two).is_err());
    }

    #[test]
    fn what_pages_elsewhere_embed_is_kept_out() {
        let guard = guard("127.0.0.1:8080", &[], &["https://app.example"]);
        let local = ("host", "localhost:8080");
        for site in ["same-origin", "none"] {
            assert!(guard.check(&head("/", &[local, ("sec-fetch-site", site)])).is_ok(), "{site}");
        }
        for site in ["cross-site", "same-site", "anything"] {
            let refused = guard.check(&head("/", &[local, ("sec-fetch-site", site)]));
            assert_eq!(refused, Err(Refusal::CrossSite), "{site}");
            // An origin that is let in says more.
            let allowed = [local, ("sec-fetch-site", site), ("origin", "https://app.example")];
            assert!(guard.check(&head("/", &allowed)).is_ok(), "{site}");
        }
    }

    #[test]
    fn pages_elsewhere_are_kept_out() {
        let guard = guard("127.0.0.1:8080", &[], &["https://app.example", "http://dev.example:3000"]);
        let check = |origin| guard.check(&head("/", &[("host", "localhost:8080"), ("origin", origin)]));
        for origin in [
            "http://localhost:8080",
            "http://127.0.0.1:8080",
            "https://app.example",
            "https://APP.example:443",
            "http://dev.example:3000",
        ] {
            assert!(check(origin).is_ok(), "{origin}");
        }
        for origin in [
            "null",
            "https://localhost:8080",
            "http://localhost:3000",
            "http://app.example",
            "https://app.example.evil.example",
            "https://app.example/",
            "file://",
            "",
        ] {
            assert_eq!(check(origin), Err(Refusal::Origin(origin.to_owned())), "{origin}");
        }
    }

    #[test]
    fn settings_that_name_nothing_are_refused() {
        let listen = "127.0.0.1:8080".parse().unwrap();
        assert!(matches!(Guard::new(listen, &["a/b".to_owned()], &[]), Err(Error::Host(_))));
        for origin in ["*", "null", "app.example", "https://app.example/path"] {
            assert!(
                matches!(Guard::new(listen, &[], &[origin.to_owned()]), Err(Error::Origin(_))),
                "{origin}"
            );
        }
    }
}
