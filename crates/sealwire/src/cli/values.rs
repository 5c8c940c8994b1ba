//! Values on the command line, parsed where clap can still say which flag was wrong.

use super::names;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytesize::ByteSize;
use http::{Uri, uri::Scheme};
use sealwire_attest::{Kind, UnixTime, key_document::authority};
use sealwire_client::SealedWith;
use sealwire_crypto::{kem::Kem, kx::Group};
use sealwire_http::session;
use std::{
    fmt::{self, Write},
    net::SocketAddr,
    str::FromStr,
    time::Duration,
};

/// `N` bytes in hex.
pub(crate) fn hex_array<const N: usize>(text: &str) -> Result<[u8; N], String> {
    hex_bytes(text)?
        .try_into()
        .map_err(|bytes: Vec<u8>| format!("{} bytes where {N} are due ({} hex digits)", bytes.len(), N * 2))
}

/// The digest of a configuration, as it is printed, or its hex digits alone.
pub(crate) fn config_digest(text: &str) -> Result<[u8; 48], String> {
    hex_array(text.trim().strip_prefix(names::CONFIG_DIGEST).unwrap_or(text))
}

/// Bytes in hex.
pub(crate) fn hex_bytes(text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text.trim()).map_err(|error| format!("not hex: {error}"))
}

/// Bytes of any length in hex.
#[derive(Debug, Clone)]
pub(crate) struct HexBytes(pub(crate) Vec<u8>);

impl FromStr for HexBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        hex_bytes(text).map(Self)
    }
}

/// The URL of a gateway or relay, shown as people write it: without a final slash.
#[derive(Debug, Clone)]
pub(crate) struct Url(pub(crate) Uri);

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "give a URL such as https://gateway.example or http://127.0.0.1:8443";
        let uri: Uri = text.parse().map_err(|error| format!("{error}; {wanted}"))?;
        let known = [Scheme::HTTP, Scheme::HTTPS].iter().any(|scheme| uri.scheme() == Some(scheme));
        if known && uri.authority().is_some() { Ok(Self(uri)) } else { Err(wanted.to_owned()) }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

/// A kind of evidence by its name.
pub(crate) fn kind(text: &str) -> Result<Kind, String> {
    Kind::from_name(text).ok_or_else(|| {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("known kinds: {}", names.join(", "))
    })
}

/// A time.
pub(crate) fn time(text: &str) -> Result<UnixTime, String> {
    UnixTime::from_rfc3339(text).map_err(|_| "give RFC 3339, for example 2026-11-20T06:00:00Z".to_owned())
}

/// A host with an optional port.
pub(crate) fn authority(text: &str) -> Result<String, String> {
    authority::normalise(text, authority::DEFAULT_PORT).map_err(|_| {
        "a host name or address, with a port where it is not 443: gateway.example, 127.0.0.1:8443".into()
    })
}

/// An address to listen on. `localhost` is 127.0.0.1: names are not looked up, and the digest must not depend on it.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| {
        "an IP address with a port, for example 127.0.0.1:8080, or 0.0.0.0:8080 for every network".into()
    })
}

/// A KEM by its name.
pub(crate) fn kem(text: &str) -> Result<Kem, String> {
    KEMS.iter().find(|(_, name)| *name == text).map(|(kem, _)| *kem).ok_or_else(|| {
        let mut known = String::from("known KEMs:");
        for (_, name) in KEMS {
            let _ = write!(known, " {name}");
        }
        known
    })
}

/// The name of the wire that requests go by.
pub(crate) fn wire_name(sealed_with: &SealedWith) -> &'static str {
    match sealed_with {
        SealedWith::Oblivious { .. } => "oblivious",
        SealedWith::Session(_) => "session",
        SealedWith::Tunnel(_) => "tunnel",
        SealedWith::HpkeHttp => "hpke-http",
        SealedWith::HpkeHttp1 => "hpke-http-1",
        SealedWith::Ehbp => "ehbp",
        _ => "unknown",
    }
}

/// A key agreement by its name.
pub(crate) fn group(text: &str) -> Result<Group, String> {
    let known = [Group::X25519MlKem768, Group::SecP384r1MlKem1024, Group::X25519];
    let found = known.into_iter().find(|group| group.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("known key agreements: {}", known.map(Group::name).join(" ")))
}

/// A signature scheme by its name.
pub(crate) fn scheme(text: &str) -> Result<session::Scheme, String> {
    use session::Scheme;
    let known = [Scheme::Ed25519MlDsa65, Scheme::SlhDsaSha2192f, Scheme::Ed25519];
    let found = known.into_iter().find(|scheme| scheme.name() == text);
    found.ok_or_else(|| format!("known schemes: {}", known.map(Scheme::name).join(" ")))
}

/// What requests are sealed with, in a few words.
pub(crate) fn sealed_with(sealed_with: &SealedWith) -> String {
    match sealed_with {
        SealedWith::Oblivious { kem, .. } => kem_name(*kem).to_owned(),
        SealedWith::Session(facts) | SealedWith::Tunnel(facts) => {
            let group = facts.group.map_or("resumption", Group::name);
            format!("a session ({group}, {})", facts.suite.name())
        }
        SealedWith::HpkeHttp | SealedWith::HpkeHttp1 => "x25519 and a pre-shared key".to_owned(),
        SealedWith::Ehbp => "x25519, contents alone".to_owned(),
        _ => "a newer wire".to_owned(),
    }
}

/// The name of a KEM.
pub(crate) fn kem_name(kem: Kem) -> &'static str {
    KEMS.iter().find(|(known, _)| *known == kem).map_or("unknown", |(_, name)| name)
}

const KEMS: [(Kem, &str); 3] = [(Kem::XWing, "x-wing"), (Kem::X25519, "x25519"), (Kem::P256, "p-256")];

/// A number of seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.trim_end_matches('s').parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err("a number of seconds, at least 1".to_owned()),
    }
}

/// A time span of one unit, such as 90s, 10m, 24h or 7d.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || "a duration such as 90s, 10m, 24h or 7d".to_owned();
    let unit = text.chars().last().ok_or_else(wanted)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wanted()),
    };
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok()).ok_or_else(wanted)?;
    if number == 0 { Err(wanted()) } else { Ok(Duration::from_secs(u64::from(number) * seconds)) }
}

/// An Ed25519 public key as policies write it: `ed25519:` and 32 bytes in hex or base64url.
pub(crate) fn ed25519_key(text: &str) -> Result<[u8; 32], String> {
    let wanted = || "ed25519: and 32 bytes in hex or base64url".to_owned();
    let key = text.trim().strip_prefix("ed25519:").ok_or_else(wanted)?;
    if key.len() == 64 {
        return hex_array(key);
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(key.trim_end_matches('=')).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(wanted)
}

/// A number of bytes, such as "64 MiB".
pub(crate) fn size(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| "a size such as 1000000, \"64 KiB\" or \"1 GiB\"".into())
}
