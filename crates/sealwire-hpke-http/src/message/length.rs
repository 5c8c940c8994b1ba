//! HH-31: what a content-length field says, and what comes.

use super::{Fields, Method};
use crate::Error;

/// The one content-length field, if there is one. More than 64 bits are more than any limit.
fn content_length(fields: &Fields) -> Result<Option<u64>, Error> {
    let mut values = fields.get_all("content-length");
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() || value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::InvalidConfiguration);
    }
    value.parse().map(Some).map_err(|_| Error::LimitExceeded)
}

/// What may still come of a request's content.
#[derive(Clone, Copy)]
pub(crate) struct Remaining {
    announced: Option<u64>,
    limit: u64,
}

impl Remaining {
    /// Before the first byte.
    pub(crate) fn new(fields: &Fields, limit: u64) -> Result<Self, Error> {
        let announced = content_length(fields)?;
        if announced.is_some_and(|announced| announced > limit) {
            return Err(Error::LimitExceeded);
        }
        Ok(Self { announced, limit })
    }

    /// Takes so many bytes. More than was announced is refused at once.
    pub(crate) fn take(&mut self, len: usize) -> Result<(), Error> {
        let take = |left: u64| left.checked_sub(len as u64).ok_or(Error::LimitExceeded);
        *self = Self { announced: self.announced.map(take).transpose()?, limit: take(self.limit)? };
        Ok(())
    }

    /// At the end, all that was announced has come.
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.announced.is_none_or(|left| left == 0) { Ok(()) } else { Err(Error::InvalidConfiguration) }
    }
}

/// Whether a finite body of `len` bytes can be the answer.
pub(crate) fn response_length(method: Method, status: u16, fields: &Fields, len: usize) -> Result<(), Error> {
    let is_bodyless = method == Method::Head || matches!(status, 204 | 205 | 304);
    // More than 64 bits cannot be the length of what came, but may tell the one of what did not.
    let announced = match content_length(fields) {
        Err(Error::LimitExceeded) => Some(u64::MAX),
        other => other?,
    };
    let is_right = match announced {
        None => true,
        Some(_) if status == 204 => false,
        Some(_) if method == Method::Head || status == 304 => true,
        Some(announced) => announced == len as u64,
    };
    if is_right && (len == 0 || !is_bodyless) { Ok(()) } else { Err(Error::InvalidConfiguration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(values: &[&str]) -> Fields {
        Fields::new(values.iter().map(|value| ("content-length", value))).unwrap()
    }

    // HH-31
    #[test]
    fn requests() {
        let new = |values: &[&str], limit| Remaining::new(&announced(values), limit).map(|_| ());
        assert_eq!(new(&["1", "1"], 9), Err(Error::InvalidConfiguration));
        for wrong in ["", "+1", "1a", "-1", "1, 1"] {
            assert_eq!(new(&[wrong], 9), Err(Error::InvalidConfiguration), "{wrong}");
        }
        assert_eq!(new(&["10"], 9), Err(Error::LimitExceeded));
        assert_eq!(new(&["18446744073709551616"], 9), Err(Error::LimitExceeded));
        let mut remaining = Remaining::new(&announced(&["007"]), 9).unwrap();
        assert_eq!(remaining.take(3), Ok(()));
        assert_eq!(remaining.end(), Err(Error::InvalidConfiguration));
        assert_eq!(remaining.take(5), Err(Error::LimitExceeded));
        assert_eq!(remaining.take(4), Ok(()));
        assert_eq!(remaining.end(), Ok(()));
        let mut unannounced = Remaining::new(&announced(&[]), 9).unwrap();
        assert_eq!(unannounced.take(9), Ok(()));
        assert_eq!(unannounced.take(1), Err(Error::LimitExceeded));
        assert_eq!(unannounced.end(), Ok(()));
    }

    // HH-31, HH-73
    #[test]
    fn answers() {
        let allowed = |method, status, values: &[&str], len| {
            response_length(method, status, &announced(values), len).is_ok()
        };
        assert!(allowed(Method::Get, 200, &["03"], 3));
        assert!(!allowed(Method::Get, 200, &["3"], 2));
        assert!(!allowed(Method::Get, 200, &["3", "3"], 3));
        assert!(!allowed(Method::Get, 200, &["18446744073709551616"], 3));
        assert!(allowed(Method::Head, 200, &["18446744073709551616"], 0));
        assert!(allowed(Method::Get, 304, &["9"], 0));
        for (method, status) in
            [(Method::Head, 200), (Method::Get, 204), (Method::Get, 205), (Method::Get, 304)]
        {
            assert!(allowed(method, status, &[], 0));
            assert!(!allowed(method, status, &[], 1));
        }
        assert!(!allowed(Method::Head, 204, &["0"], 0));
        assert!(!allowed(Method::Get, 205, &["1"], 0));
        assert!(allowed(Method::Get, 205, &["0"], 0));
    }
}
