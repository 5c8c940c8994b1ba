//! Time is a parameter (AT-05).

use std::{fmt, time::Duration};

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// Parses RFC 3339, for example `2026-11-20T06:00:00Z`; fractions are cut off.
    ///
    /// # Errors
    /// [`crate::Error::Malformed`] when it is not one, or before 1970.
    pub fn from_rfc3339(text: &str) -> Result<Self, crate::Error> {
        let malformed = crate::Error::Malformed("not an RFC 3339 time");
        let timestamp: jiff::Timestamp = text.parse().map_err(|_| malformed.clone())?;
        u64::try_from(timestamp.as_second()).map(Self).map_err(|_| malformed)
    }

    /// Later by `duration`, whole seconds; the end of time at most.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// How long ago `earlier` was; zero when it is in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for UnixTime {
    /// RFC 3339 in UTC; bare seconds past the year 9999.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Certificates without an end say 9999-12-31T23:59:59Z (RFC 5280 section 4.1.2.5), which is past the last
        // `Timestamp` but not past the last date of the calendar.
        let civil = i64::try_from(self.0).ok().and_then(|seconds| {
            jiff::civil::datetime(1970, 1, 1, 0, 0, 0, 0)
                .checked_add(jiff::SignedDuration::from_secs(seconds))
                .ok()
        });
        match civil {
            Some(civil) => write!(f, "{civil}Z"),
            None => write!(f, "{}", self.0),
        }
    }
}
