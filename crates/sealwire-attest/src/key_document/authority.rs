//! Authorities (SE-07): the names that an instance serves, in one normal form that can be compared byte for byte.

use super::Error;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The port that is left out of a normal form where the scheme does not say otherwise: Sealwire's resources are
/// `https`.
pub const DEFAULT_PORT: u16 = 443;

/// Longest host name in bytes (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;
/// Longest label of a host name in bytes.
const MAX_LABEL: usize = 63;

/// `authority` in its normal form: host in lower case, port left out where it is `default_port`.
///
/// A host is a DNS name in A-labels without the final dot, an IPv4 address, or an IPv6 address in brackets. User
/// information and wildcards are refused.
///
/// # Errors
/// [`Error::Authority`] (SE-07)
pub fn normalise(authority: &str, default_port: u16) -> Result<String, Error> {
    let (host, port) = split(authority)?;
    let host = match host {
        Host::V6(address) => format!("[{address}]"),
        Host::Name(name) => name.to_ascii_lowercase(),
    };
    Ok(match port {
        Some(port) if port != default_port => format!("{host}:{port}"),
        _ => host,
    })
}

/// Whether `authority` is in the normal form that a document lists.
pub(super) fn is_normal(authority: &str) -> bool {
    normalise(authority, DEFAULT_PORT).is_ok_and(|normal| normal == authority)
}

enum Host<'a> {
    Name(&'a str),
    V6(Ipv6Addr),
}

fn split(authority: &str) -> Result<(Host<'_>, Option<u16>), Error> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(Error::Authority)?;
        let address = address.parse().map_err(|_| Error::Authority)?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if rest.is_empty() => None,
            None => return Err(Error::Authority),
        };
        return Ok((Host::V6(address), port));
    }
    let (name, port) = match authority.split_once(':') {
        Some((name, digits)) => (name, Some(port(digits)?)),
        None => (authority, None),
    };
    if is_host(name) { Ok((Host::Name(name), port)) } else { Err(Error::Authority) }
}

fn port(digits: &str) -> Result<u16, Error> {
    // `parse` alone would take a sign and leading zeros.
    if digits.starts_with(['0', '+']) {
        return Err(Error::Authority);
    }
    digits.parse().map_err(|_| Error::Authority)
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > MAX_HOST || !name.split('.').all(label) {
        return false;
    }
    // What ends in a number is an address and nothing else, as in URLs: "127.1" must not name a host.
    let last = name.rsplit('.').next().unwrap_or_default();
    !last.bytes().all(|b| b.is_ascii_digit()) || name.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // SE-07
    #[test]
    fn one_form_for_one_authority() {
        for (given, normal) in [
            ("example.com", "example.com"),
            ("EXAMPLE.com:443", "example.com"),
            ("example.com:8443", "example.com:8443"),
            ("example.com:80", "example.com:80"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[0:0::1]:443", "[::1]"),
            ("[2001:DB8::1]:8443", "[2001:db8::1]:8443"),
            ("localhost", "localhost"),
            ("a_b.example", "a_b.example"),
        ] {
            assert_eq!(normalise(given, DEFAULT_PORT).as_deref(), Ok(normal));
            assert!(is_normal(normal));
            assert_eq!(is_normal(given), given == normal);
        }
        assert_eq!(normalise("example.com:80", 80).as_deref(), Ok("example.com"));
    }

    // SE-07
    #[test]
    fn other_texts_are_refused() {
        for given in [
            "",
            ".",
            "example.com.",
            "a..b",
            "*.example.com",
            "user@example.com",
            "example.com:",
            "example.com:0",
            "example.com:0443",
            "example.com:+443",
            "example.com:65536",
            "example.com:443:443",
            "http://example.com",
            "example.com/",
            "exämple.com",
            "a b",
            "::1",
            "[::1",
            "[::1]x",
            "[fe80::1%eth0]",
            "[1.2.3.4]",
            "127.1",
            "1.2.3.256",
            "a.b.1",
            &"a".repeat(64),
            &format!("{}a", "a.".repeat(127)),
        ] {
            assert_eq!(normalise(given, DEFAULT_PORT), Err(Error::Authority), "{given}");
        }
    }
}
