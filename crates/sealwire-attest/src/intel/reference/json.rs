//! How values are written in Intel's JSON (Intel PCS API version 4).

use crate::UnixTime;
use serde::{Deserialize as _, Deserializer, de::Error as _};
use std::borrow::Cow;

/// Bytes in hex, of either case.
pub(super) fn hex_array<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[u8; N], D::Error> {
    let text = Cow::<str>::deserialize(from)?;
    let mut out = [0; N];
    hex::decode_to_slice(text.as_bytes(), &mut out).map_err(D::Error::custom)?;
    Ok(out)
}

/// A time in ISO 8601.
pub(super) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<UnixTime, D::Error> {
    UnixTime::from_rfc3339(&Cow::<str>::deserialize(from)?).map_err(D::Error::custom)
}
