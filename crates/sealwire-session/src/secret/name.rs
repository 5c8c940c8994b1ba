//! Names of secrets.

use std::{borrow::Borrow, fmt, str::FromStr};

/// Longest name in bytes.
pub const MAX_NAME: usize = 255;

/// The name of a secret: segments of letters, digits, `.`, `_` and `-`, none of them `.` or `..`. There is one way to
/// write each, and it is a path as it stands, so that nothing between the ends can read it otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to 255 letters, digits, `.`, `_`, `-`, in segments with `/` between; no segment is empty, `.` or `..`"
)]
pub struct BadName;

impl Name {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
        if text.len() <= MAX_NAME && text.split('/').all(is_segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName)
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // SE-20 (a)
    #[test]
    fn names_have_one_spelling() {
        let longest = "n".repeat(MAX_NAME);
        for good in ["a", "db/password", "A.b_c-9/...", "..a/b..", longest.as_str()] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        let longer = format!("{longest}n");
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/.",
            "%61",
            "a%2fb",
            "a b",
            "a\\b",
            "a?b",
            "a;b",
            "ä",
            "a\0",
            "a\n",
            "*",
            "db/*",
            longer.as_str(),
        ] {
            assert_eq!(bad.parse::<Name>(), Err(BadName), "{bad:?}");
        }
    }

    proptest! {
        // SE-20 (a): what is taken for a name is written in a URL as it stands.
        #[test]
        fn a_name_is_its_own_path(text in "\\PC{0,40}") {
            if let Ok(name) = text.parse::<Name>() {
                let path = format!("{}/{name}", super::super::PATH);
                let uri: http::Uri = path.parse().unwrap();
                prop_assert_eq!(uri.path(), path.as_str());
                prop_assert_eq!(uri.query(), None);
            }
        }
    }
}
