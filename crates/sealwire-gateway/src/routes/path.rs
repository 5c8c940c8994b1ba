//! Paths: the normal form in a configuration, and the ways in which servers may read one in a request.

/// How a lenient server may read a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// as it is written
    AsWritten,
    /// percent-decoded, with `\` for `/`, without empty segments and parameters; case is left to the comparison
    Otherwise(Vec<u8>),
    /// with a segment `.` or `..`: it may leave the route, or the upstream's base path
    Escapes,
}

/// The path of a route without its final `/`; `None` if it cannot be one.
pub(crate) fn normal_path(path: &str) -> Option<String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(String::new());
    }
    let segments = path.strip_prefix('/')?;
    let plain = |segment: &str| {
        !["", ".", ".."].contains(&segment)
            && segment.bytes().all(|byte| byte.is_ascii_graphic() && !b"%;\\?#\"<>{}|^`".contains(&byte))
    };
    segments.split('/').all(plain).then(|| path.to_owned())
}

/// Whether the first segments of `path` are those of `route`, a normal path.
pub(crate) fn begins_with(path: &str, route: &str) -> bool {
    path.strip_prefix(route).is_some_and(|rest| route.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

/// The same for a lenient reading, by servers that do not tell cases apart.
pub(super) fn begins_with_ignoring_case(path: &[u8], route: &str) -> bool {
    path.split_at_checked(route.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(route.as_bytes())
            && (route.is_empty() || rest.is_empty() || rest.starts_with(b"/"))
    })
}

/// How a lenient server may read `path`.
pub(super) fn read(path: &str) -> Reading {
    let bytes = path.as_bytes();
    let peculiar = bytes.iter().any(|byte| matches!(byte, b'%' | b'\\' | b';' | b'A'..=b'Z'))
        || bytes.windows(2).any(|pair| matches!(pair, b"//" | b"/."));
    if !peculiar {
        return Reading::AsWritten;
    }
    let decoded = percent_decoded(bytes);
    let mut lenient = Vec::with_capacity(decoded.len());
    for segment in decoded.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        match name {
            b"" => {}
            b"." | b".." => return Reading::Escapes,
            name => {
                lenient.push(b'/');
                lenient.extend_from_slice(name);
            }
        }
    }
    Reading::Otherwise(lenient)
}

/// Decodes once; what is no escape stays.
fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, tail))
            }
            _ => None,
        };
        let (byte, tail) = escaped.unwrap_or((*first, tail));
        out.push(byte);
        rest = tail;
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn normal_paths_have_no_final_slash() {
        for (written, normal) in [
            ("/", Some("")),
            ("", Some("")),
            ("/v1", Some("/v1")),
            ("/v1/", Some("/v1")),
            ("/a/b-c_d~e", Some("/a/b-c_d~e")),
            ("v1", None),
            ("/v1//", None),
            ("//v1", None),
            ("/../a", None),
            ("/a%20b", None),
            ("/a;b", None),
            ("/a?b", None),
            ("/ä", None),
        ] {
            assert_eq!(normal_path(written).as_deref(), normal, "{written}");
        }
    }

    #[test]
    fn whole_segments_are_compared() {
        for (path, route, begins) in [
            ("/v1", "/v1", true),
            ("/v1/x", "/v1", true),
            ("/v10", "/v1", false),
            ("/v", "/v1", false),
            ("/anything", "", true),
            ("*", "", true),
        ] {
            assert_eq!(begins_with(path, route), begins, "{path} {route}");
            assert_eq!(begins_with_ignoring_case(path.as_bytes(), route), begins, "{path} {route}");
        }
    }

    #[test]
    fn readings() {
        let otherwise = |path: &str| Reading::Otherwise(path.as_bytes().to_vec());
        for (path, reading) in [
            ("/a/b", Reading::AsWritten),
            ("/a/b/", Reading::AsWritten),
            ("*", Reading::AsWritten),
            ("/%61", otherwise("/a")),
            ("/a%2Fb", otherwise("/a/b")),
            ("/a%5cb", otherwise("/a/b")),
            ("//a///b", otherwise("/a/b")),
            ("/a;v=1/b", otherwise("/a/b")),
            ("/A", otherwise("/A")),
            ("/.well-known/x", otherwise("/.well-known/x")),
            ("/...", otherwise("/...")),
            ("/%zz", otherwise("/%zz")),
            ("/%", otherwise("/%")),
            ("/a/../b", Reading::Escapes),
            ("/./b", Reading::Escapes),
            ("/a/..", Reading::Escapes),
            ("/a/%2e%2E/b", Reading::Escapes),
            ("/a/..;/b", Reading::Escapes),
            ("/a\\..\\b", Reading::Escapes),
            ("/a%2f..%2fb", Reading::Escapes),
        ] {
            assert_eq!(read(path), reading, "{path}");
        }
    }

    proptest! {
        #[test]
        fn encoding_every_byte_changes_no_reading(segments in prop::collection::vec("[a-z0-9]{1,8}", 1..5)) {
            let path = format!("/{}", segments.join("/"));
            let encoded: String = path.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(read(&encoded), Reading::Otherwise(path.into_bytes()));
        }

        #[test]
        fn reading_is_total(path in "\\PC*") {
            read(&path);
        }
    }
}
