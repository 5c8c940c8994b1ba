//! What makes a well-framed request malformed as HTTP.

use super::super::{Error, RequestHead, list};
use http::{
    HeaderMap,
    header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING},
    uri::{Authority, Scheme},
};

/// Checks a head, and gives the value of its content-length field.
pub(super) fn check(head: &RequestHead) -> Result<Option<u64>, Error> {
    host(head)?;
    if list::members(&head.headers, &TRANSFER_ENCODING).any(|coding| coding.eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Error::TransferEncoding);
    }
    if list::members(&head.headers, &EXPECT).any(|what| what.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Error::Expect);
    }
    content_length(&head.headers)
}

/// An authority that is not empty, without userinfo (OB-128).
pub(super) fn authority(bytes: &[u8]) -> Result<Authority, Error> {
    if bytes.contains(&b'@') {
        return Err(Error::UserInfo);
    }
    let authority = Authority::try_from(bytes).map_err(|_| Error::Authority)?;
    // The library lets an empty host and any port pass.
    let port = authority.as_str().strip_prefix(authority.host());
    let port_fits = match port {
        Some("" | ":") => true,
        Some(_) => authority.port_u16().is_some(),
        None => false,
    };
    if authority.host().is_empty() || !port_fits { Err(Error::Authority) } else { Ok(authority) }
}

/// Host field and authority name one entity (RFC 9113 section 8.3.1): two that differ are read differently by
/// different programs.
fn host(head: &RequestHead) -> Result<(), Error> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Error::Host);
    }
    match (&head.authority, host) {
        (Some(_), None) => Ok(()),
        (None, None) => Err(Error::NoAuthority),
        (None, Some(host)) if host.is_empty() => Err(Error::NoAuthority),
        (None, Some(host)) => authority(host.as_bytes()).map(drop),
        (Some(_), Some(host)) if host.is_empty() => Err(Error::Host),
        (Some(due), Some(host)) => {
            let host = authority(host.as_bytes())?;
            let same = host.host().eq_ignore_ascii_case(due.host())
                && port(&host, &head.scheme) == port(due, &head.scheme);
            if same { Ok(()) } else { Err(Error::Host) }
        }
    }
}

fn port(authority: &Authority, scheme: &Scheme) -> u16 {
    authority.port_u16().unwrap_or(if *scheme == Scheme::HTTP { 80 } else { 443 })
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::RepeatedContentLength);
    }
    // Digits only: the parser of the standard library lets a sign pass.
    match value.to_str() {
        Ok(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map(Some).map_err(|_| Error::ContentLengthField)
        }
        _ => Err(Error::ContentLengthField),
    }
}
