//! Fields whose value is a list of tokens.

use http::{HeaderMap, HeaderName};

/// The members of a list field (RFC 9110 section 5.6.1), over all its lines. Quoted strings are not read.
pub(super) fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}
