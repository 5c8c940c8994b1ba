//! `[tunnel]`: version 0 of the RA tunnel, for clients that others have made. Version 1 is the session's, and has no switch.

use super::{
    Config,
    error::{At, Fault},
    values,
};
use sealwire_http::ra_tunnel::Limits;
use serde::Deserialize;
use std::time::Duration;

/// The least that a message can be: anything below carries no ordinary answer.
const MIN_MESSAGE: usize = 16 << 10;

/// The RA tunnel (TU-01).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tunnel {
    /// take tunnels of version 0 at `/__ra__`. They are not forward secret, and a client cannot tell when the evidence was made
    pub version_0: bool,
    /// join several `set-cookie` of one answer with commas, as the peer does, instead of refusing the answer (TU-31)
    pub joined_cookies: bool,
    /// bytes of one message, at most 16 MiB; an answer has to fit into one (TU-22, TU-33)
    #[serde(deserialize_with = "values::size")]
    pub message: usize,
}

impl Default for Tunnel {
    fn default() -> Self {
        Self { version_0: false, joined_cookies: false, message: Limits::default().message }
    }
}

/// What it comes to, after every check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TunnelPlan {
    pub(crate) joined_cookies: bool,
    pub(crate) limits: Limits,
    /// how long one key is offered to new connections, 24 h at most (TU-35)
    pub(crate) rotation: Duration,
}

impl TunnelPlan {
    /// `None` where it is off.
    pub(super) fn checked(config: &Config) -> Result<Option<Self>, Fault> {
        let Tunnel { version_0, joined_cookies, message } = config.tunnel;
        let at = |key| At::key("tunnel").then(key);
        if !(MIN_MESSAGE..=Limits::HARD_MESSAGE).contains(&message) {
            let hint = "the default is 1 MiB; what is longer goes over a session";
            return Err(Fault::new(at("message"), "is below 16 KiB or above 16 MiB", hint));
        }
        if !version_0 {
            if joined_cookies {
                let hint = "add version-0 = true, or take the key out";
                return Err(Fault::new(at("joined-cookies"), "is set, and version 0 is off", hint));
            }
            return Ok(None);
        }
        let limits = Limits { message, ..Limits::default() };
        let rotation = config.keys.rotation.min(limits.lifetime);
        Ok(Some(Self { joined_cookies, limits, rotation }))
    }
}
