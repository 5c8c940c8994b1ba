//! Names of fields that an application may take for one: CGI and what descends from it writes `-` as `_` (RFC 3875 section
//! 4.1.18), so that `a_b` and `a-b` become the same variable.

use http::{HeaderMap, HeaderName};

/// Removes every field whose name an application may take for `name`.
pub fn remove_alike(fields: &mut HeaderMap, name: &HeaderName) {
    let alike: Vec<_> = fields.keys().filter(|other| are_alike(other, name)).cloned().collect();
    for other in alike {
        fields.remove(other);
    }
}

/// Whether an application may take the two for one.
#[must_use]
pub fn are_alike(one: &HeaderName, other: &HeaderName) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    one.as_str().bytes().map(plain).eq(other.as_str().bytes().map(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    // HH-64
    #[test]
    fn names_that_become_one_variable_are_removed_together() {
        let mut fields = HeaderMap::new();
        for name in ["sealwire-tenant", "sealwire_tenant", "sealwire-tenants", "sealwire-tenan"] {
            fields.append(HeaderName::from_static(name), HeaderValue::from_static("forged"));
        }
        fields.append(HeaderName::from_static("sealwire_tenant"), HeaderValue::from_static("again"));
        remove_alike(&mut fields, &HeaderName::from_static("sealwire-tenant"));
        let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["sealwire-tenan", "sealwire-tenants"]);
    }
}
