//! Values that a file writes otherwise than Rust holds them: `"24h"`, `"64 KiB"`, `"x-wing"`.

use bytesize::ByteSize;
use jiff::SignedDuration;
use sealwire_http::{
    crypto::{aead::Aead, kem::Kem},
    session::{Group, Scheme},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::time::Duration;

/// A time of the forms `"30s"`, `"10m"`, `"1h 30m"`, `"250ms"`.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong =
        || D::Error::custom(format!("`{text}` is no time; write for example \"30s\", \"10m\" or \"24h\""));
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| wrong())
}

pub(super) fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    time(deserializer).map(Some)
}

/// What holds unless a file says otherwise.
pub(super) fn yes() -> bool {
    true
}

/// Bytes in hexadecimal digits.
pub(super) fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    hex::decode(&text).map_err(|_| {
        D::Error::custom(format!("`{text}` is not bytes in hexadecimal digits; write for example \"01\""))
    })
}

/// Bytes, as a number or of the forms `"64 KiB"`, `"1 MiB"`.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    Size::deserialize(deserializer)?.bytes()
}

/// A size, or `false` for none.
pub(super) fn size_or_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    match SizeOrSwitch::deserialize(deserializer)? {
        SizeOrSwitch::Size(size) => size.bytes().map(Some),
        SizeOrSwitch::Switch(false) => Ok(None),
        SizeOrSwitch::Switch(true) => {
            Err(D::Error::custom("gathering needs a bound; write for example complete-requests = \"1 MiB\""))
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a size; write a number of bytes, or for example \"64 KiB\"")]
enum Size {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a size or false; write for example \"1 MiB\"")]
enum SizeOrSwitch {
    Switch(bool),
    Size(Size),
}

impl Size {
    fn bytes<E: serde::de::Error>(self) -> Result<usize, E> {
        let bytes = match &self {
            Self::Number(bytes) => *bytes,
            Self::Text(text) => {
                let wrong = || E::custom(format!("`{text}` is no size; write for example \"64 KiB\""));
                text.parse::<ByteSize>().map_err(|_| wrong())?.as_u64()
            }
        };
        usize::try_from(bytes).map_err(|_| E::custom("more than this machine can address"))
    }
}

/// Names of KEMs in files.
const KEMS: [(&str, Kem); 3] = [("x-wing", Kem::XWing), ("x25519", Kem::X25519), ("p-256", Kem::P256)];
/// Names of AEADs in files.
const AEADS: [(&str, Aead); 3] = [
    ("aes-256-gcm", Aead::Aes256Gcm),
    ("chacha20-poly1305", Aead::ChaCha20Poly1305),
    ("aes-128-gcm", Aead::Aes128Gcm),
];

pub(super) fn kems<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Kem>, D::Error> {
    named(deserializer, &KEMS)
}

pub(super) fn aeads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Aead>, D::Error> {
    named(deserializer, &AEADS)
}

/// Names of key agreements in files: those of TLS, as `connect` tells them.
const GROUPS: [Group; 3] = [Group::X25519MlKem768, Group::SecP384r1MlKem1024, Group::X25519];
/// Names of signature schemes in files.
const SCHEMES: [Scheme; 3] = [Scheme::Ed25519MlDsa65, Scheme::SlhDsaSha2192f, Scheme::Ed25519];

pub(super) fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Group>, D::Error> {
    named(deserializer, &GROUPS.map(|group| (group.name(), group)))
}

pub(super) fn schemes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Scheme>, D::Error> {
    named(deserializer, &SCHEMES.map(|scheme| (scheme.name(), scheme)))
}

fn named<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    names: &[(&'static str, T)],
) -> Result<Vec<T>, D::Error> {
    let known = |name: &String| {
        names.iter().find(|(known, _)| known == name).map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<_> = names.iter().map(|(known, _)| *known).collect();
            D::Error::custom(format!("`{name}` is unknown; known are {}", known.join(", ")))
        })
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(known).collect()
}
