//! HH-26: an RFC 3986 host, with a port or without.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether `authority` is one.
pub(super) fn is_authority(authority: &str) -> bool {
    if let Some(literal) = authority.strip_prefix('[') {
        let Some((address, port)) = literal.split_once(']') else { return false };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return is_port && (address.parse::<Ipv6Addr>().is_ok() || is_future_address(address));
    }
    match authority.split_once(':') {
        Some((host, port)) => is_name(host) && is_port(port),
        None => is_name(authority),
    }
}

/// Whether two authorities name one origin of the scheme https: the same host in any case and form (IDNA), the same port
/// where a missing one is 443.
///
/// For a request that has to be for the origin that it came to or is configured (HH-40, 421).
#[must_use]
pub fn same_origin(one: &str, other: &str) -> bool {
    let origin = |authority: &str| {
        is_authority(authority)
            .then(|| url::Url::parse(&format!("https://{authority}/")).ok())?
            .map(|url| url.origin())
    };
    origin(one).is_some_and(|one| origin(other) == Some(one))
}

/// A registered name, or an IPv4 address. Four labels of digits are the latter, and must be one.
fn is_name(host: &str) -> bool {
    let is_numeric =
        host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && host.split('.').count() == 4;
    !host.is_empty() && is_encoded(host, is_name_byte) && (!is_numeric || host.parse::<Ipv4Addr>().is_ok())
}

/// IPvFuture (RFC 3986 section 3.2.2).
fn is_future_address(address: &str) -> bool {
    let Some((version, address)) = address.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    !version.is_empty()
        && version.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !address.is_empty()
        && address.bytes().all(|byte| is_name_byte(byte) || byte == b':')
}

fn is_port(port: &str) -> bool {
    // Digits first: a sign would parse. Leading zeros do not count.
    let digits = port.trim_start_matches('0');
    !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.is_empty() || digits.parse::<u16>().is_ok())
}

/// unreserved and sub-delims (RFC 3986 sections 2.2 and 2.3).
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// Whether every byte is allowed, or begins a percent-encoding.
pub(super) fn is_encoded(text: &str, is_allowed: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        let is_right =
            if byte == b'%' { is_hex(bytes.next()) && is_hex(bytes.next()) } else { is_allowed(byte) };
        if !is_right {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    // HH-26, HH-72
    #[test]
    fn authorities() {
        for right in [
            "api.example.test",
            "a",
            "A_b~!$&'()*+,;=",
            "x%41",
            "api.example.test:0",
            "api.example.test:065535",
            "127.0.0.1:80",
            "1.2.3",
            "1.2.3.4.5",
            "[::1]",
            "[2001:db8::1]:443",
            "[v1.a:b]",
            "[VF.~]:1",
        ] {
            assert!(is_authority(right), "{right}");
        }
        for wrong in [
            "",
            ":443",
            "a:",
            "a:65536",
            "a:+1",
            "a:1a",
            "a:b:1",
            "user@a",
            "a b",
            "a/b",
            "a%4",
            "a%4g",
            "ä",
            "256.0.0.1",
            "01.2.3.4",
            "1..2.3",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[]",
            "[v.a]",
            "[v1.]",
            "[vg.a]",
            "[1.2.3.4]",
            "::1",
            "a]",
        ] {
            assert!(!is_authority(wrong), "{wrong}");
        }
    }

    // HH-40
    #[test]
    fn origins() {
        for (one, other) in [
            ("api.example.test", "API.example.TEST"),
            ("api.example.test", "api.example.test:443"),
            ("api.example.test", "api.example.test:00443"),
            ("xn--bcher-kva.example", "XN--BCHER-KVA.example"),
            ("xn--bcher-kva.example", "b%C3%BCcher.example"),
            ("[::1]", "[0:0::1]:443"),
        ] {
            assert!(same_origin(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("api.example.test", "api.example.test:444"),
            ("api.example.test", "example.test"),
            ("", ""),
            ("user@a", "user@a"),
            ("a/b", "a"),
        ] {
            assert!(!same_origin(one, other), "{one} {other}");
        }
    }
}
