//! Pre-shared keys of callers: which tenant an id stands for, and what proves it.
//!
//! An id is sent in clear and proves nothing; the key behind it does. Keys come from a [file](FileCredentials), from Redis,
//! or from a [program](CommandCredentials). A source that cannot be asked is [`Unavailable`], which means refusal, and
//! never "unknown" (HH-17).

mod cached;
#[cfg(unix)]
mod command;
mod file;
#[cfg(feature = "redis")]
mod redis;

pub use cached::Cached;
#[cfg(unix)]
pub use command::CommandCredentials;
pub use file::{FileCredentials, FileError};
#[cfg(feature = "redis")]
pub use redis::{PREFIX as REDIS_PREFIX, RedisCredentials};

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::BoxFuture;

/// Longest id, in bytes. The shortest has one.
pub const ID: usize = 255;
/// Shortest key, in bytes.
pub const MIN_KEY: usize = 32;
/// Longest key, in bytes: more is no key but a mistake.
pub const MAX_KEY: usize = 1024;
/// Longest name of a tenant, in bytes.
pub const TENANT: usize = 128;

/// The wire that a key is for. A key of one is never taken on the other (HH-105).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Use {
    /// `hpke-http/3`
    #[default]
    #[serde(rename = "hpke-http/3")]
    Native,
    /// hpke-http 1.x
    #[serde(rename = "hpke-http/1.x")]
    Legacy,
}

/// A key, and whose it is. Wiped when it is dropped; never shown.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Credential {
    key: Zeroizing<Vec<u8>>,
    #[zeroize(skip)]
    tenant: Arc<str>,
    #[zeroize(skip)]
    usage: Use,
}

/// Why a key is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// HH-35: from 1 to 255 bytes
    #[error("an id has 1 to {ID} bytes")]
    Id,
    /// HH-35: at least 32 bytes
    #[error("a key has {MIN_KEY} to {MAX_KEY} bytes")]
    KeyLength,
    /// HH-35, HH-93: the id is sent in clear
    #[error(
        "the key is its own id, which is sent in clear: it is known to everybody on the way; make another"
    )]
    Disclosed,
    /// a name that people can read in a log
    #[error("a tenant has 1 to {TENANT} visible characters of ASCII")]
    Tenant,
}

impl Credential {
    /// A key of `tenant`, for callers that name `id`.
    ///
    /// # Errors
    /// [`Invalid`]
    pub fn new(id: &[u8], key: Zeroizing<Vec<u8>>, tenant: &str, usage: Use) -> Result<Self, Invalid> {
        if id.is_empty() || id.len() > ID {
            return Err(Invalid::Id);
        }
        if key.as_slice() == id {
            return Err(Invalid::Disclosed);
        }
        if !(MIN_KEY..=MAX_KEY).contains(&key.len()) {
            return Err(Invalid::KeyLength);
        }
        if tenant.is_empty() || tenant.len() > TENANT || !tenant.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::Tenant);
        }
        Ok(Self { key, tenant: tenant.into(), usage })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &Arc<str> {
        &self.tenant
    }

    /// The wire that it is for.
    #[must_use]
    pub fn usage(&self) -> Use {
        self.usage
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("tenant", &self.tenant)
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}

/// The source cannot be asked. The details are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of credentials is unavailable")]
pub struct Unavailable;

/// Where keys are found by their ids.
pub trait Credentials: fmt::Debug + Send + Sync + 'static {
    /// The key behind `id`; `None` where there is no such id.
    ///
    /// # Errors
    /// [`Unavailable`] for whatever is wrong with the source.
    fn find<'a>(&'a self, id: &'a [u8]) -> BoxFuture<'a, Result<Option<Arc<Credential>>, Unavailable>>;
}

/// A text that is wiped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Text(Zeroizing<String>);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// A key as files and programs write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// what callers name; a program that was asked for one need not say it
    id: Option<String>,
    /// the key, as its bytes
    key: Option<Text>,
    /// the same in base64url without padding
    key_base64: Option<Text>,
    tenant: String,
    #[serde(default, rename = "wire")]
    usage: Use,
}

impl Written {
    /// # Errors
    /// What is wrong, without what the key is.
    fn into_credential(self, id: &[u8]) -> Result<Credential, String> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

        if self.id.is_some_and(|named| named.as_bytes() != id) {
            return Err("this is another id than was asked for".to_owned());
        }
        let key = match (&self.key, &self.key_base64) {
            (Some(Text(text)), None) => Zeroizing::new(text.as_bytes().to_vec()),
            (None, Some(Text(text))) => Zeroizing::new(
                URL_SAFE_NO_PAD
                    .decode(text.as_bytes())
                    .map_err(|_| "`key-base64` is not base64url without padding".to_owned())?,
            ),
            _ => return Err("one of `key` and `key-base64` is needed".to_owned()),
        };
        Credential::new(id, key, &self.tenant, self.usage).map_err(|invalid| invalid.to_string())
    }
}

/// An id for others: ids are bytes that peers choose, and names and arguments are not.
#[cfg(any(unix, feature = "redis"))]
fn hexadecimal(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(id: &[u8], key: &[u8], tenant: &str) -> Result<Credential, Invalid> {
        Credential::new(id, Zeroizing::new(key.to_vec()), tenant, Use::Native)
    }

    // HH-35, HH-93
    #[test]
    fn keys_have_rules() {
        assert!(made(b"id", &[1; 32], "acme").is_ok());
        assert_eq!(made(b"", &[1; 32], "acme").unwrap_err(), Invalid::Id);
        assert_eq!(made(&[1; 256], &[1; 32], "acme").unwrap_err(), Invalid::Id);
        assert_eq!(made(b"id", &[1; 31], "acme").unwrap_err(), Invalid::KeyLength);
        assert_eq!(made(b"id", &[1; 1025], "acme").unwrap_err(), Invalid::KeyLength);
        assert_eq!(made(&[1; 32], &[1; 32], "acme").unwrap_err(), Invalid::Disclosed);
        assert_eq!(made(b"id", &[1; 32], "").unwrap_err(), Invalid::Tenant);
        assert_eq!(made(b"id", &[1; 32], "a b").unwrap_err(), Invalid::Tenant);
    }

    #[test]
    fn keys_are_not_shown() {
        let credential = made(b"id", b"0123456789abcdef0123456789abcdef", "acme").unwrap();
        let shown = format!("{credential:?}");
        assert!(
            shown.contains("acme") && !shown.contains("0123456789") && !shown.contains("48, 49"),
            "{shown}"
        );
    }
}
