//! Where a route's requests go.

use http::{
    Uri,
    uri::{Authority, InvalidUri, PathAndQuery, Scheme},
};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// to the application that this very process is
    Within,
    /// to an upstream
    Upstream(Place),
}

/// An upstream: scheme, authority, and what goes before a request's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    scheme: Scheme,
    authority: Authority,
    port: u16,
    /// without final `/`; usually empty
    base: String,
}

impl Target {
    /// Parses `http://host:port/base`. An error is what is wrong, and a hint.
    pub(crate) fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        Place::parse(text).map(Self::Upstream)
    }

    /// Where a request for `path` goes. `None` if the two do not make a URI, as `*` with a base path.
    pub(crate) fn uri(&self, path: &PathAndQuery) -> Option<Uri> {
        self.upstream()?.uri(path)
    }

    /// Where it is, without a path.
    pub(crate) fn origin(&self) -> Result<Uri, http::Error> {
        match self {
            // Nowhere outside of this process.
            Self::Within => Ok(Uri::try_from("")?),
            Self::Upstream(place) => place.origin(),
        }
    }

    /// Whether it is reached by https.
    pub(crate) fn is_tls(&self) -> bool {
        self.upstream().is_some_and(Place::is_tls)
    }

    /// Whether it is this very address.
    pub(crate) fn is(&self, address: SocketAddr) -> bool {
        self.upstream().is_some_and(|place| place.is(address))
    }

    fn upstream(&self) -> Option<&Place> {
        match self {
            Self::Within => None,
            Self::Upstream(place) => Some(place),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // No upstream can be written so: it has a scheme.
            Self::Within => f.write_str("within"),
            Self::Upstream(place) => place.fmt(f),
        }
    }
}

impl Place {
    /// Parses `http://host:port/base`. An error is what is wrong, and a hint.
    fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        const FORM: &str = "write for example http://127.0.0.1:3000 or https://app.internal";
        let uri: Uri = text.parse().map_err(|error: InvalidUri| (format!("is no URL: {error}"), FORM))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(("has no scheme, or no host".to_owned(), FORM));
        };
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            other => return Err((format!("has the scheme `{other}`, not http or https"), FORM)),
        };
        if authority.as_str().contains('@') {
            return Err(("names a user".to_owned(), "credentials belong into the requests"));
        }
        let port = authority.port_u16().unwrap_or(default_port);
        // OB-46
        if scheme == Scheme::HTTP && !is_this_host(authority.host()) {
            let hint = "use https://, or run the application inside, on 127.0.0.1: plain http would leave the enclave readable";
            return Err(("is plain http to another host".to_owned(), hint));
        }
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        if path.query().is_some() {
            return Err(("has a query".to_owned(), "only a path can go before the request's"));
        }
        let base = super::normal_path(path.path())
            .ok_or_else(|| ("has a path that requests could not be joined to".to_owned(), FORM))?;
        Ok(Self { scheme, authority, port, base })
    }

    /// Where a request for `path` goes. `None` if the two do not make a URI, as `*` with a base path.
    fn uri(&self, path: &PathAndQuery) -> Option<Uri> {
        let path = if self.base.is_empty() {
            path.clone()
        } else {
            PathAndQuery::try_from(format!("{}{path}", self.base))
                .ok()
                .filter(|_| path.as_str().starts_with('/'))?
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).ok()
    }

    /// Where it is, without a path.
    fn origin(&self) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query("/")
            .build()
    }

    /// Whether it is reached by https.
    fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether it is this very address.
    fn is(&self, address: SocketAddr) -> bool {
        address.port() == self.port && host_ip(self.authority.host()) == Some(address.ip())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.authority.host().to_ascii_lowercase();
        write!(f, "{}://{host}:{}{}", self.scheme, self.port, self.base)
    }
}

fn host_ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether a host name or address never leaves this host. `localhost` is resolved by the gateway itself (RFC 6761
/// section 6.3).
fn is_this_host(host: &str) -> bool {
    is_localhost(host) || host_ip(host).is_some_and(|ip| ip.is_loopback())
}

/// Whether a name is `localhost` or below it.
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    // OB-46
    #[test]
    fn plain_http_stays_on_this_host() {
        for text in [
            "http://127.0.0.1:3000",
            "http://127.9.9.9",
            "http://[::1]:3000/base",
            "http://localhost:3000/",
            "http://app.LOCALHOST",
            "https://app.internal",
            "https://10.0.0.1:8443/base/",
        ] {
            Target::parse(text).expect(text);
        }
        for text in [
            "http://app.internal",
            "http://10.0.0.1",
            "http://0.0.0.0:3000",
            "http://localhost.example",
            "http://[::2]",
            "http://notlocalhost",
        ] {
            let (what, hint) = Target::parse(text).unwrap_err();
            assert_eq!(what, "is plain http to another host", "{text}");
            assert!(hint.contains("https://"));
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused() {
        for text in [
            "",
            "127.0.0.1:3000",
            "/path",
            "ftp://127.0.0.1",
            "http://user:secret@127.0.0.1",
            "https://a/b?c",
            "https://a/../b",
            "https://a//",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_are_joined_to_the_base() {
        let path = |text: &'static str| PathAndQuery::from_static(text);
        let uri = |base: &str, to: &'static str| target(base).uri(&path(to)).map(|uri| uri.to_string());
        assert_eq!(uri("https://a", "/x?y").as_deref(), Some("https://a/x?y"));
        assert_eq!(uri("https://a/", "/x?y").as_deref(), Some("https://a/x?y"));
        assert_eq!(uri("https://a/b/", "/x?y").as_deref(), Some("https://a/b/x?y"));
        assert_eq!(uri("https://a/b", "/").as_deref(), Some("https://a/b/"));
        assert_eq!(uri("https://a/b", "*"), None);
        assert!(target("https://a").uri(&path("*")).is_some());
    }

    #[test]
    fn the_same_upstream_is_written_the_same() {
        for (text, normal) in [
            ("http://LOCALHOST", "http://localhost:80"),
            ("https://A.example/b/", "https://a.example:443/b"),
            ("https://a:444", "https://a:444"),
            ("https://[::1]", "https://[::1]:443"),
        ] {
            assert_eq!(target(text).to_string(), normal);
        }
    }

    #[test]
    fn addresses_are_recognised() {
        assert!(target("http://127.0.0.1:80").is(([127, 0, 0, 1], 80).into()));
        assert!(target("http://[::1]").is("[::1]:80".parse().unwrap()));
        assert!(!target("http://127.0.0.1:81").is(([127, 0, 0, 1], 80).into()));
    }
}
