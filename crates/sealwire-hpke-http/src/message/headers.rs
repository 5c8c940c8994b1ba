//! Between the fields of `http` and those of the wire (HH-30).

use super::{Fields, fields::is_outer_only};
use crate::Error;
use http::{HeaderMap, header};

/// The fields of a request that go inside: all but those of one hop, and those that ask for an encoding or
/// a continuation of an answer that is sealed.
///
/// # Errors
/// [`Error::InvalidConfiguration`] for a content coding other than identity, or a value that the wire does not allow.
pub fn request_fields(headers: &HeaderMap) -> Result<Fields, Error> {
    inner(headers, &["accept-encoding", "expect"])
}

/// The fields of an answer that go inside: all but those of one hop.
///
/// # Errors
/// As [`request_fields`].
pub fn response_fields(headers: &HeaderMap) -> Result<Fields, Error> {
    inner(headers, &[])
}

fn inner(headers: &HeaderMap, dropped: &[&str]) -> Result<Fields, Error> {
    let named: Vec<&str> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    if !is_identity(headers) {
        return Err(Error::InvalidConfiguration);
    }
    let is_inner = |name: &str| {
        !is_outer_only(name)
            && !dropped.contains(&name)
            && !named.iter().any(|named| named.eq_ignore_ascii_case(name))
    };
    let lines = headers.iter().filter(|(name, _)| is_inner(name.as_str()));
    Fields::new(lines.map(|(name, value)| (name.as_str(), value.as_bytes().trim_ascii())))
}

fn is_identity(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.into_iter().all(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    // HH-30
    #[test]
    fn what_goes_inside() {
        let headers = map(&[
            ("Host", "a"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("accept-encoding", "gzip"),
            ("expect", "100-continue"),
            ("content-encoding", "Identity"),
            ("x-kept", " 1 "),
        ]);
        let request = request_fields(&headers).unwrap();
        assert_eq!(request.iter().collect::<Vec<_>>(), [("content-encoding", "Identity"), ("x-kept", "1")]);
        let response = response_fields(&headers).unwrap();
        assert_eq!(response.len(), 3);
        assert_eq!(response.get_all("accept-encoding").count(), 1);
        let coded = map(&[("content-encoding", "gzip")]);
        assert_eq!(request_fields(&coded), Err(Error::InvalidConfiguration));
        assert_eq!(response_fields(&coded), Err(Error::InvalidConfiguration));
        let mut headers = HeaderMap::new();
        headers.insert("a", HeaderValue::from_bytes(&[0xe4]).unwrap());
        assert_eq!(response_fields(&headers), Err(Error::InvalidConfiguration));
    }
}
