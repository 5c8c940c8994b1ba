//! HH-27: a path with a query, or `*`.

use super::{Method, authority::is_encoded};

/// Whether `target` is one for `method`.
pub(super) fn is_target(method: Method, target: &str) -> bool {
    if target == "*" {
        return method == Method::Options;
    }
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\');
    target.starts_with('/') && is_encoded(target, is_allowed) && is_path(path)
}

/// What a path may not come to when it is decoded: everything that programs behind this one could read in two ways.
fn is_path(path: &str) -> bool {
    if !path.contains('%') {
        return !path.split('/').any(is_dots);
    }
    let Some(decoded) = decode(path).and_then(|decoded| String::from_utf8(decoded).ok()) else {
        return false;
    };
    !decoded.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\') && !decoded.split('/').any(is_dots)
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// `None` where a slash is encoded, which some take for a separator and some do not.
fn decode(path: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => match (digit(bytes.next()?)? << 4) | digit(bytes.next()?)? {
                b'/' => return None,
                byte => byte,
            },
            byte => byte,
        });
    }
    Some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // HH-27, HH-72
    #[test]
    fn targets() {
        for right in [
            "/",
            "/a/b?c=/../d%2f%00",
            "/...",
            "/a.b/..c",
            "/%41%C3%A4",
            "/a//b",
            "/<>\"{}|^`",
            "/?",
            "/a?b?c",
        ] {
            assert!(is_target(Method::Get, right), "{right}");
        }
        for wrong in [
            "",
            "a",
            "*",
            "?a",
            "http://a/",
            "/a b",
            "/a#b",
            "/a\\b",
            "/ä",
            "/%",
            "/%4",
            "/%4g",
            "/?%4g",
            "/%2f",
            "/%2F",
            "/%5c",
            "/%00",
            "/%7f",
            "/%ff",
            "/%c3",
            "/.",
            "/..",
            "/a/../b",
            "/%2e",
            "/a/.%2E/b",
            "/./?x",
        ] {
            assert!(!is_target(Method::Get, wrong), "{wrong}");
        }
        assert!(is_target(Method::Options, "*"));
        assert!(!is_target(Method::Options, "*?a"));
    }
}
