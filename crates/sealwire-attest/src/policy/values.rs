//! Values of a policy file: each is checked where it stands, so that an error can name its line.

use crate::{TcbStatus, UnixTime, composite::MAX_LABEL};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, time::Duration};

/// TPM_ALG_SHA256, with which names begin (TPM 2.0 part 1, section 16).
const SHA256: [u8; 2] = [0x00, 0x0b];

/// Bytes in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hex<const N: usize>(pub(super) [u8; N]);

/// `sha256:`, `sha384:` or `ed25519:` and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConfigDigest(pub(super) [u8; 48]);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OperatorKey(pub(super) [u8; 32]);

/// A duration such as `24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

/// What is accepted of a register (AT-21): listed values, or anything, said out loud with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Accept<T> {
    /// one of these; never empty
    Listed(Vec<T>),
    /// anything; why
    Any(String),
}

/// `{ any = "reason" }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Any {
    any: String,
}

fn reason<E: de::Error>(any: Any) -> Result<String, E> {
    if any.any.trim().is_empty() {
        return Err(E::custom("`any` needs a reason"));
    }
    Ok(any.any)
}

/// Parses a string inside of the visitor: an error that arises there is given the place of the value, one that arises
/// later the place of the list around it.
struct Text<T>(fn(&str) -> Result<T, String>);

impl<T> Text<T> {
    fn deserialize<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

fn hex_bytes<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| format!("not {N} bytes in hex ({} digits)", 2 * N))?;
    Ok(bytes)
}

fn prefixed<'a>(text: &'a str, prefix: &str) -> Result<&'a str, String> {
    text.strip_prefix(prefix).ok_or_else(|| format!("does not begin with `{prefix}`"))
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| hex_bytes(text).map(Self)).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| hex_bytes(prefixed(text, "sha256:")?).map(Self)).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for ConfigDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| hex_bytes(prefixed(text, "sha384:")?).map(Self)).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for OperatorKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| {
            let text = prefixed(text, "ed25519:")?;
            // 64 hex digits are 48 bytes as base64, so that the two cannot be mistaken for each other.
            if text.len() == 64 {
                return hex_bytes(text).map(Self);
            }
            let key = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
            let key = key.and_then(|key| key.try_into().ok());
            key.map(Self).ok_or_else(|| "not 32 bytes in base64url or hex".to_owned())
        })
        .deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| {
            let signed = text.parse::<jiff::SignedDuration>().ok();
            let duration = signed.and_then(|signed| Duration::try_from(signed).ok());
            duration.map(Self).ok_or_else(|| "not a duration".to_owned())
        })
        .deserialize(deserializer)
    }
}

/// A product by its name; FMSPCs are written in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Product(pub(super) String);

/// A label of a companion.
pub(super) struct Label(pub(super) String);

/// A status of a firmware level that may be accepted.
pub(super) struct Status(pub(super) TcbStatus);

/// The first second of a day.
pub(super) struct Date(pub(super) UnixTime);

/// The name of a TPM's key: algorithm and digest.
pub(super) struct TpmKey(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Product {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| Ok(Self(text.to_ascii_lowercase()))).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| {
            let fits = (1..=MAX_LABEL).contains(&text.len())
                && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            fits.then(|| Self(text.to_owned())).ok_or_else(|| "not a label".to_owned())
        })
        .deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| match TcbStatus::from_name(text) {
            Some(TcbStatus::Revoked | TcbStatus::Unlisted) => Err(format!("{text} is never accepted")),
            Some(status) => Ok(Self(status)),
            None => Err("not a status that is known".to_owned()),
        })
        .deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| {
            UnixTime::from_rfc3339(&format!("{text}T00:00:00Z"))
                .map(Self)
                .map_err(|_| "not a date".to_owned())
        })
        .deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for TpmKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text(|text| {
            let name = hex::decode(text).ok().filter(|name| name.len() == 34 && name.starts_with(&SHA256));
            name.map(Self).ok_or_else(|| "not the SHA-256 name of a key".to_owned())
        })
        .deserialize(deserializer)
    }
}

impl<T> Accept<T> {
    pub(super) fn map<U>(self, f: impl FnMut(T) -> U) -> Accept<U> {
        match self {
            Self::Listed(values) => Accept::Listed(values.into_iter().map(f).collect()),
            Self::Any(reason) => Accept::Any(reason),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Accept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Values<T> {
            type Value = Accept<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, a list of values, or { any = \"why\" }")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::deserialize(de::value::StrDeserializer::new(text)).map(|value| Accept::Listed(vec![value]))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                T::deserialize(de::value::I64Deserializer::new(number))
                    .map(|value| Accept::Listed(vec![value]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                if values.is_empty() {
                    return Err(de::Error::custom("an empty list accepts nothing"));
                }
                Ok(Accept::Listed(values))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                reason(Any::deserialize(MapAccessDeserializer::new(map))?).map(Accept::Any)
            }
        }
        deserializer.deserialize_any(Values(std::marker::PhantomData))
    }
}

/// The value that an attribute has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "true, false or a number")]
pub(super) enum AttributeValue {
    Flag(bool),
    Number(u64),
}

impl AttributeValue {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Flag(flag) => u64::from(flag),
            Self::Number(number) => number,
        }
    }

    /// What was found instead, in the words in which it was asked for.
    pub(super) fn told(self, found: Option<u64>) -> String {
        match (self, found) {
            (_, None) => "none".to_owned(),
            (Self::Flag(_), Some(found @ (0 | 1))) => (found == 1).to_string(),
            (_, Some(found)) => found.to_string(),
        }
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}
