//! `Attest-Listed`: the outer fields of a request that its header MAC covers, in bound mode (SE-31).

use http::{HeaderMap, HeaderName, HeaderValue, header};
use sealwire_session::request::LISTED;

/// Names in one list (SE-38).
pub const MAX_LISTED: usize = 32;

/// Fields of the outer message itself: they frame it, say what is sealed in it and where it goes, or are taken away at
/// each hop. Inside they would be those of another message.
const OWN: [HeaderName; 17] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("early-data"),
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    crate::INCREMENTAL,
];

/// Whether a field may be listed: not where it belongs to the outer message, or to this wire.
#[must_use]
pub fn may_be_listed(name: &HeaderName) -> bool {
    !OWN.contains(name) && !["attest-", "sealwire-"].iter().any(|own| name.as_str().starts_with(own))
}

/// The field's value: a List of Strings (RFC 9651), in the order of `names`.
pub(crate) fn write<'a>(names: impl Iterator<Item = &'a HeaderName>) -> Option<HeaderValue> {
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    HeaderValue::try_from(names.join(", ")).ok()
}

/// Reads the field; no name where it is not there. `None` where it is not one line of at most [`MAX_LISTED`] names that
/// may be listed, in lower case, each once.
pub(crate) fn read(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let name = HeaderName::from_static(LISTED);
    if !headers.contains_key(&name) {
        return Some(Vec::new());
    }
    let mut names = Vec::new();
    for member in crate::wire::single(headers, &name)?.split(',') {
        let member = member.trim_matches([' ', '\t']);
        let text = member.strip_prefix('"')?.strip_suffix('"')?;
        let name = HeaderName::from_lowercase(text.as_bytes()).ok()?;
        if names.len() == MAX_LISTED || names.contains(&name) || !may_be_listed(&name) {
            return None;
        }
        names.push(name);
    }
    Some(names)
}

/// The value of a field that may have several lines: theirs, joined (RFC 9110 section 5.3), those of `cookie` as RFC
/// 9113 section 8.2.3 says. `None` where there is no such field.
pub(crate) fn value(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let between: &[u8] = if *name == header::COOKIE { b"; " } else { b", " };
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    (!lines.is_empty()).then(|| lines.join(between))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listed(lines: &[&str]) -> Option<Vec<String>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LISTED, HeaderValue::from_str(line).unwrap());
        }
        Some(read(&headers)?.iter().map(ToString::to_string).collect())
    }

    // SE-31: a List of Strings, lower-case names, each once.
    #[test]
    fn lists_have_one_form() {
        assert_eq!(listed(&[]), Some(Vec::new()));
        assert_eq!(listed(&["\"x-a\""]).unwrap(), ["x-a"]);
        assert_eq!(listed(&["\"x-a\",\"x-b\" ,\t\"cookie\""]).unwrap(), ["x-a", "x-b", "cookie"]);
        for bad in [
            "",
            "x-a",
            "\"x-a\",",
            ",\"x-a\"",
            "\"x-a\", \"x-a\"",
            "\"X-A\"",
            "\"x a\"",
            "\"\"",
            "\"x-a",
            "\"x-a\";a=1",
            "\"x-a\" \"x-b\"",
            ":eC1h:",
            "(\"x-a\")",
        ] {
            assert_eq!(listed(&[bad]), None, "{bad}");
        }
        assert_eq!(listed(&["\"x-a\"", "\"x-b\""]), None, "two lines");
        let many = |count: usize| {
            let names: Vec<_> = (0..count).map(|number| format!("\"x-{number}\"")).collect();
            listed(&[&names.join(", ")]).map(|names| names.len())
        };
        assert_eq!((many(MAX_LISTED), many(MAX_LISTED + 1)), (Some(MAX_LISTED), None));
    }

    // SE-31, SE-36: what belongs to the outer message crosses under no list.
    #[test]
    fn fields_of_the_outer_message_are_not_listed() {
        for name in
            ["host", "content-type", "connection", "te", "attest-ticket", "sealwire-hop", "early-data"]
        {
            assert_eq!(listed(&[&format!("\"{name}\"")]), None, "{name}");
        }
    }

    #[test]
    fn lines_are_joined() {
        let mut headers = HeaderMap::new();
        for (name, line) in [("x-a", "1"), ("x-a", "2, 3"), ("cookie", "a=1"), ("cookie", "b=2")] {
            headers.append(name, HeaderValue::from_static(line));
        }
        let value = |name: &'static str| value(&headers, &HeaderName::from_static(name));
        assert_eq!(value("x-a").unwrap(), b"1, 2, 3");
        assert_eq!(value("cookie").unwrap(), b"a=1; b=2");
        assert_eq!(value("x-b"), None);
    }

    proptest! {
        // SE-31
        #[test]
        fn what_is_written_is_read(names in prop::collection::hash_set("x-[a-z0-9_-]{0,9}", 1..=MAX_LISTED)) {
            let names: Vec<HeaderName> = names.iter().map(|name| name.parse().unwrap()).collect();
            let mut headers = HeaderMap::new();
            headers.insert(LISTED, write(names.iter()).unwrap());
            prop_assert_eq!(read(&headers), Some(names));
        }

        #[test]
        fn no_list_is_too_strange_to_be_refused(line in "[ -~]{0,40}") {
            let _ = listed(&[&line]);
        }
    }
}
