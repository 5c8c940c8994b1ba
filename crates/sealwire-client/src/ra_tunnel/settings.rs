use super::{Bindings, Limits};
use crate::{Error, settings::Base};
use http::Uri;
use sealwire_attest::{Policy, key_document::authority};
use sealwire_http::ra_tunnel::PATH;
use std::{path::PathBuf, time::Duration};

/// Which server, and what it must prove.
#[derive(Clone)]
pub struct Settings {
    /// the server, `http://` or `https://`, no path; the tunnel does not rest on TLS
    pub to: Uri,
    /// the authority that requests name; that of `to` unless said. The wire does not carry it
    pub authority: Option<String>,
    /// what the server must prove. On this wire nobody shows who runs it but a Sealwire gateway, by the digest of its
    /// configuration: of any other server the policy has to say `any-operator = true`
    pub policy: Policy,
    /// how quote and key may belong together
    pub bindings: Bindings,
    /// of each connection
    pub limits: Limits,
    /// set-up of a connection
    pub timeout: Duration,
    /// certificates in DER that TLS trusts besides the system's
    pub tls_roots: Vec<Vec<u8>>,
    /// files or folders of endorsements besides those that a Sealwire gateway sends along, read anew for each connection
    pub endorsements: Vec<PathBuf>,
}

impl Settings {
    /// With the defaults: quotes over verifier's data and key, 10 s for a connection, the system's TLS roots.
    #[must_use]
    pub fn new(to: Uri, policy: Policy) -> Self {
        Self {
            to,
            authority: None,
            policy,
            bindings: Bindings::default(),
            limits: Limits::default(),
            timeout: Duration::from_secs(10),
            tls_roots: Vec::new(),
            endorsements: Vec::new(),
        }
    }

    /// The authority that requests name, and where tunnels are opened (TU-02).
    pub(super) fn places(&self) -> Result<(String, Uri), Error> {
        let base = Base::gateway(&self.to)?;
        let authority = match &self.authority {
            Some(authority) => authority::normalise(authority, authority::DEFAULT_PORT),
            None => base.name(),
        };
        let authority = authority.map_err(|_| {
            Error::Settings("the authority is a host name or address, with a port where it is not 443")
        })?;
        Ok((authority, base.join(PATH)?))
    }
}
