//! `[registry]`: other instances behind the same names (SE-44).

use super::{
    error::{At, Fault},
    values,
};
use http::Uri;
use serde::Deserialize;
use std::time::Duration;

/// Where instances find each other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Registry {
    /// `redis://` URL of a Redis or Valkey server
    pub url: String,
    /// where the other instances reach this one: `http://HOST:PORT`
    pub advertise: String,
    /// how long an entry stays when nobody renews it
    #[serde(default = "ttl", deserialize_with = "values::time")]
    pub ttl: Duration,
}

fn ttl() -> Duration {
    Duration::from_secs(30)
}

/// The longest that an instance's id may begin with, in bytes. What is left of it is random, and tells every start apart.
const MAX_PREFIX: usize = 4;

/// Checks what the instance's id begins with.
pub(super) fn check_prefix(prefix: &[u8]) -> Result<(), Fault> {
    if prefix.len() <= MAX_PREFIX {
        return Ok(());
    }
    let what = "is longer than 4 bytes, which are 8 digits";
    Err(Fault::new(At::key("instance-prefix"), what, "what is left of the id tells every start apart"))
}

impl Registry {
    pub(super) fn check(&self) -> Result<(), Fault> {
        let at = |key| At::key("registry").then(key);
        if !self.url.starts_with("redis://") {
            return Err(Fault::new(at("url"), "is no redis:// URL", "for example \"redis://10.0.0.2:6379\""));
        }
        let hint = "for example \"http://10.0.0.5:8443\"; what goes there is sealed";
        let parsed: Option<Uri> = self.advertise.parse().ok();
        let is_base = |uri: &Uri| {
            uri.scheme_str() == Some("http")
                && uri.authority().is_some_and(|name| !name.as_str().contains('@'))
                && matches!(uri.path(), "" | "/")
                && uri.query().is_none()
        };
        if !parsed.as_ref().is_some_and(is_base) {
            return Err(Fault::new(at("advertise"), "is not http://HOST:PORT", hint));
        }
        if self.ttl < Duration::from_secs(3) {
            let hint = "entries are renewed three times in this time";
            return Err(Fault::new(at("ttl"), "is below 3 s", hint));
        }
        Ok(())
    }
}
