//! How long a request may be accepted (HH-15, HH-16). Times are Unix seconds.

use crate::Error;

/// How long a request lives, seconds.
pub const LIFETIME: u64 = 300;
/// How far two clocks may be apart, seconds.
pub const CLOCK_SKEW: u64 = 30;

/// The exclusive second until which a request that is valid now has to be remembered.
pub(crate) fn deadline(issued_at: u64, now: u64) -> Result<u64, Error> {
    let latest = now.checked_add(CLOCK_SKEW).ok_or(Error::InvalidRequestTime)?;
    let deadline = issued_at.checked_add(LIFETIME + CLOCK_SKEW).ok_or(Error::InvalidRequestTime)?;
    if issued_at <= latest && now < deadline { Ok(deadline) } else { Err(Error::InvalidRequestTime) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HH-15: both edges, and clocks that cannot be.
    #[test]
    fn edges() {
        let now = 1_800_000_000;
        assert_eq!(deadline(now, now), Ok(now + 330));
        assert_eq!(deadline(now + 30, now), Ok(now + 360));
        assert_eq!(deadline(now + 31, now), Err(Error::InvalidRequestTime));
        assert_eq!(deadline(now - 329, now), Ok(now + 1));
        assert_eq!(deadline(now - 330, now), Err(Error::InvalidRequestTime));
        assert_eq!(deadline(u64::MAX, now), Err(Error::InvalidRequestTime));
        assert_eq!(deadline(u64::MAX - 329, u64::MAX - 330), Err(Error::InvalidRequestTime));
        assert_eq!(deadline(0, u64::MAX), Err(Error::InvalidRequestTime));
    }
}
