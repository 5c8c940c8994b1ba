use super::Key;
use crate::{Ehbp, Error, HpkeHttp, HpkeHttp1, settings::Base};
use http::Uri;
use sealwire_attest::key_document::authority;
use std::time::Duration;

/// Which server, and what it is believed for.
#[derive(Clone)]
pub struct Settings {
    /// the server, `http://` or `https://`, no path
    pub to: Uri,
    /// the authority that requests name; that of `to` unless said
    pub authority: Option<String>,
    /// the key, and the wire that it is of
    pub wire: Wire,
    /// set-up of a connection
    pub timeout: Duration,
    /// how long nothing may come of an answer that has begun
    pub idle_time: Duration,
    /// certificates in DER that TLS trusts besides the system's
    pub tls_roots: Vec<Vec<u8>>,
}

/// The key that is pinned, and how it is used.
#[derive(Clone)]
pub enum Wire {
    /// hpke-http/3
    HpkeHttp(Key, HpkeHttp),
    /// hpke-http 1.x; the id of the key is not used
    HpkeHttp1(Key, HpkeHttp1),
    /// EHBP; the id of the key is not used
    Ehbp(Key, Ehbp),
}

impl Wire {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::HpkeHttp(key, _) | Self::HpkeHttp1(key, _) | Self::Ehbp(key, _) => key,
        }
    }

    /// The stable name of the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::HpkeHttp(..) => sealwire_http::client::hpke_http::WIRE,
            Self::HpkeHttp1(..) => sealwire_http::client::hpke_http_1::WIRE,
            Self::Ehbp(..) => sealwire_http::ehbp::WIRE,
        }
    }
}

impl Settings {
    /// With the defaults: 10 s for a connection, 5 minutes of silence, the system's TLS roots.
    #[must_use]
    pub fn new(to: Uri, wire: Wire) -> Self {
        Self {
            to,
            authority: None,
            wire,
            timeout: Duration::from_secs(10),
            idle_time: Duration::from_secs(300),
            tls_roots: Vec::new(),
        }
    }

    /// The authority that requests name, and where they go.
    pub(super) fn places(&self) -> Result<(String, Uri), Error> {
        let base = Base::gateway(&self.to)?;
        let path = match &self.wire {
            Wire::HpkeHttp(_, spoken) => {
                spoken.check()?;
                spoken.endpoint.path()
            }
            Wire::HpkeHttp1(..) | Wire::Ehbp(..) => "/",
        };
        let authority = match &self.authority {
            Some(authority) => authority::normalise(authority, authority::DEFAULT_PORT),
            None => base.name(),
        };
        let authority = authority.map_err(|_| {
            Error::Settings("the authority is a host name or address, with a port where it is not 443")
        })?;
        Ok((authority, base.join(path)?))
    }
}
