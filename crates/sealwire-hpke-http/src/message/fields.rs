use super::vector;
use crate::{Error, Limits};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields of one hop, which are never inside (HH-29).
const OUTER_ONLY: [&str; 12] = [
    "connection",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a field is of one hop.
pub(super) fn is_outer_only(name: &str) -> bool {
    OUTER_ONLY.contains(&name)
}

/// A field section: lines in their order, each checked (HH-28, HH-29). Held as it is on the wire.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    section: Bytes,
    count: usize,
    /// names and values, bytes
    size: usize,
}

impl Fields {
    /// The lines of an iterator.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] for a line that the wire does not allow.
    pub fn new<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        lines: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Error> {
        let mut section = Vec::new();
        let mut fields = Self::default();
        for (name, value) in lines {
            let (name, value) = (name.as_ref(), value.as_ref());
            fields.count(name, value)?;
            vector::put(&mut section, name);
            vector::put(&mut section, value);
        }
        fields.section = section.into();
        Ok(fields)
    }

    /// Decodes the whole of `section`.
    pub(super) fn decode(section: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut fields = Self::default();
        let mut rest = section;
        while !rest.is_empty() {
            if fields.count >= limits.max_header_count {
                return Err(Error::LimitExceeded);
            }
            let name = vector::take(&mut rest)?;
            let value = vector::take(&mut rest)?;
            if fields.size.saturating_add(name.len()).saturating_add(value.len()) > limits.max_header_bytes {
                return Err(Error::LimitExceeded);
            }
            fields.count(name, value).map_err(Error::received)?;
        }
        fields.section = Bytes::copy_from_slice(section);
        Ok(fields)
    }

    fn count(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        if !is_name(name) || !is_value(value) {
            return Err(Error::InvalidConfiguration);
        }
        self.count = self.count.saturating_add(1);
        self.size = self.size.saturating_add(name.len()).saturating_add(value.len());
        Ok(())
    }

    /// Whether they are within the limits.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), Error> {
        let is_within = self.count <= limits.max_header_count && self.size <= limits.max_header_bytes;
        if is_within { Ok(()) } else { Err(Error::LimitExceeded) }
    }

    /// The section as it is on the wire.
    pub(super) fn section(&self) -> &[u8] {
        &self.section
    }

    /// Lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Names and values, in their order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.section }
    }

    /// The values of all lines of this name, which is in lower case.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |line| line.0 == name).map(|line| line.1)
    }

    /// The same lines for `http`; values are not copied. Lines of one name keep their order, which is all that has
    /// a meaning.
    #[must_use]
    pub fn to_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.count);
        for (name, value) in self {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_maybe_shared(self.section.slice_ref(value.as_bytes()));
            // What a line may be here is a part of what it may be there.
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        headers
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Values can be secrets: only how many lines there are is told.
impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fields").field("len", &self.count).finish_non_exhaustive()
    }
}

/// The lines of [`Fields`].
#[derive(Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        // The section was checked as a whole.
        let name = vector::take(&mut self.rest).ok()?;
        let value = vector::take(&mut self.rest).ok()?;
        Some((str::from_utf8(name).ok()?, str::from_utf8(value).ok()?))
    }
}

/// A token in lower case (RFC 9110 section 5.6.2) that may be inside.
fn is_name(name: &[u8]) -> bool {
    let is_token = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty()
        && name.iter().all(is_token)
        && str::from_utf8(name).is_ok_and(|name| !is_outer_only(name))
}

fn is_value(value: &[u8]) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
        && !is_blank(value.first())
        && !is_blank(value.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    // HH-28, HH-29, HH-72
    #[test]
    fn lines() {
        let line = |name: &str, value: &[u8]| Fields::new([(name, value)]).map(|fields| fields.len());
        for (name, value) in [("a", &b""[..]), ("x!#$%&'*+-.^_`|~9", b"a \t~"), ("content-type", b"x")] {
            assert_eq!(line(name, value), Ok(1), "{name}");
        }
        for name in ["", "A", "a b", "a:", "\u{e4}", "a\0", "a/"].into_iter().chain(OUTER_ONLY) {
            assert_eq!(line(name, b"x"), Err(Error::InvalidConfiguration), "{name}");
        }
        for value in [
            &b" a"[..],
            b"a ",
            b"\ta",
            b"a\t",
            b" ",
            b"a\nb",
            b"a\rb",
            b"\0",
            b"\x7f",
            b"\x80",
            "ä".as_bytes(),
        ] {
            assert_eq!(line("a", value), Err(Error::InvalidConfiguration), "{value:?}");
        }
    }

    // HH-28
    #[test]
    fn order_and_duplicates_stay() {
        let lines = [("b", "1"), ("a", "2"), ("b", ""), ("b", "1")];
        let fields = Fields::new(lines).unwrap();
        assert_eq!(fields.iter().collect::<Vec<_>>(), lines);
        let decoded = Fields::decode(fields.section(), &Limits::default()).unwrap();
        assert_eq!(decoded, fields);
        assert_eq!(decoded.get_all("b").collect::<Vec<_>>(), ["1", "", "1"]);
        let headers = decoded.to_headers();
        assert_eq!(headers.get_all("b").iter().collect::<Vec<_>>(), ["1", "", "1"]);
        assert_eq!(headers.len(), 4);
    }
}
