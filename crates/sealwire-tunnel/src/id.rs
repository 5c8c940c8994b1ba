use sealwire_crypto::random::{self, Random};
use std::fmt;

/// The longest id that is read, in bytes (TU-07).
const MAX: usize = 128;
/// Characters of an id's random part.
const RANDOM: usize = 9;

/// A `requestId` or a `connectionId`: any text of 1 to 128 bytes (TU-07). It belongs to the control WebSocket that it came
/// by, and means nothing on another (TU-26).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// An id that was read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (1..=MAX).contains(&text.len()).then(|| Self(text.into()))
    }

    /// A fresh `requestId` as the peer makes them: milliseconds since 1970 and nine characters of base 36.
    ///
    /// # Errors
    /// No randomness.
    pub fn of_request(now_millis: u64, random: &dyn Random) -> Result<Self, sealwire_crypto::Error> {
        Self::fresh("", now_millis, random)
    }

    /// A fresh `connectionId`: `ws_` and the same.
    ///
    /// # Errors
    /// No randomness.
    pub fn of_socket(now_millis: u64, random: &dyn Random) -> Result<Self, sealwire_crypto::Error> {
        Self::fresh("ws_", now_millis, random)
    }

    fn fresh(prefix: &str, now_millis: u64, random: &dyn Random) -> Result<Self, sealwire_crypto::Error> {
        // The remainder is a little uneven, which for a name does no harm.
        let mut number = u64::from_le_bytes(random::array(random)?);
        let mut text = format!("{prefix}{now_millis}");
        for _ in 0..RANDOM {
            let digit = u32::try_from(number % 36).unwrap_or_default();
            text.push(char::from_digit(digit, 36).unwrap_or('0'));
            number /= 36;
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_crypto::random::OsRandom;

    // TU-07
    #[test]
    fn ids_are_texts_of_1_to_128_bytes() {
        for len in [1, 128] {
            assert!(Id::parse(&"x".repeat(len)).is_some(), "{len}");
        }
        for len in [0, 129] {
            assert!(Id::parse(&"x".repeat(len)).is_none(), "{len}");
        }
        assert!(Id::parse(&"é".repeat(65)).is_none(), "bytes count, not characters");
    }

    // TU-07
    #[test]
    fn fresh_ids_are_of_the_peers_form() {
        let request = Id::of_request(1_700_000_000_000, &OsRandom).unwrap();
        let socket = Id::of_socket(1_700_000_000_000, &OsRandom).unwrap();
        for (id, prefix) in [(&request, "1700000000000"), (&socket, "ws_1700000000000")] {
            let rest = id.as_str().strip_prefix(prefix).unwrap();
            assert_eq!(rest.len(), 9);
            assert!(rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()));
        }
        assert_ne!(request, Id::of_request(1_700_000_000_000, &OsRandom).unwrap());
    }
}
