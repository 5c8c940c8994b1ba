//! What a connector is told, and what follows from it.

use crate::{Attester, Ehbp, Error, HpkeHttp, HpkeHttp1, Offer, Wire, revocation};
use http::{HeaderName, Uri, uri::Scheme};
use sealwire_attest::{
    Policy,
    key_document::{self, authority},
};
use sealwire_http::crypto::{
    kem::Kem,
    random::{OsRandom, Random},
};
use sealwire_http::oblivious::Limits;
use sealwire_http::{
    Clock, SystemClock, channel,
    client::oblivious,
    listed::{MAX_LISTED, may_be_listed},
    wire::{OBLIVIOUS_PATH, SESSION_PATH, SESSION_REQUEST_PATH},
};
use std::{collections::HashSet, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

/// How to reach a gateway, and what it must prove.
#[derive(Clone)]
pub struct Settings {
    /// the gateway, `http://` or `https://`, no path. The channel does not rest on TLS
    pub to: Uri,
    /// the authority that requests name inside; that of `to` unless said
    pub authority: Option<String>,
    /// what the gateway must prove
    pub policy: Policy,
    /// a relay's URL for this gateway (`https://relay/NAME`); keys are then learnt through it too (OB-88), and `to`
    /// is never contacted. Only a relay on this machine may be `http://` (OB-82)
    pub relay: Option<Uri>,
    /// the wire, [`Wire::Auto`] unless said; a session cannot be made through a relay
    pub wire: Wire,
    /// whether a request with a safe method, which is the first of a resumed session, goes along with the handshake: one
    /// round trip less (SE-42). Its keys rest on the last session alone, and who sends the request again where its answer
    /// did not come has it carried out twice; off unless said
    pub early_data: bool,
    /// what sessions are made of, as far as this side has a say
    pub offer: Offer,
    /// in sessions: `Some` shows method and target of requests outside, and those of these fields that a request has, all
    /// under its header MAC, for infrastructure that routes by them (SE-31); content and other fields stay sealed. HEAD,
    /// TRACE and `OPTIONS *` cannot show, and go hidden. `None` shows nothing
    pub bound: Option<Vec<HeaderName>>,
    /// one message each way, or streams, on the oblivious wire. Where that has to be, name it in `wire`
    pub form: oblivious::Form,
    /// KEMs that may be used on the oblivious wire
    pub kems: Vec<Kem>,
    /// limits of the oblivious wire
    pub limits: Limits,
    /// what belongs to hpke-http; that wire needs it
    pub hpke_http: Option<HpkeHttp>,
    /// what belongs to hpke-http 1.x; that wire needs it
    pub hpke_http_1: Option<HpkeHttp1>,
    /// what belongs to EHBP
    pub ehbp: Ehbp,
    /// fetch of the key document, and connection set-up
    pub timeout: Duration,
    /// certificates in DER that TLS trusts besides the system's
    pub tls_roots: Vec<Vec<u8>>,
    /// files or folders of endorsements besides those that the gateway sends along, read anew for each key document
    pub endorsements: Vec<PathBuf>,
    /// the operator's revocation list (AT-25); required where the policy names keys for lists
    pub revocation: Option<revocation::Source>,
    /// what this side attests itself with, in sessions, where the gateway wants to see who calls (SE-11); asks for a session
    pub attester: Option<Arc<dyn Attester>>,
}

impl Settings {
    /// With the defaults: a session where the gateway offers them, else chunked oblivious messages with X-Wing or X25519;
    /// 10 s, the system's TLS roots, no relay.
    #[must_use]
    pub fn new(to: Uri, policy: Policy) -> Self {
        Self {
            to,
            authority: None,
            policy,
            relay: None,
            wire: Wire::default(),
            early_data: false,
            offer: Offer::default(),
            bound: None,
            form: oblivious::Form::Chunked,
            kems: vec![Kem::XWing, Kem::X25519],
            limits: Limits::default(),
            hpke_http: None,
            hpke_http_1: None,
            ehbp: Ehbp::default(),
            timeout: Duration::from_secs(10),
            tls_roots: Vec::new(),
            endorsements: Vec::new(),
            revocation: None,
            attester: None,
        }
    }
}

/// What a connector takes from its surroundings; tests bring their own.
#[derive(Clone)]
pub struct Environment {
    /// time of day: of key documents, of the Date field, and of the pause between renewals
    pub clock: Arc<dyn Clock>,
    /// randomness of keys, and of the moments of renewal
    pub random: Arc<dyn Random>,
}

impl Default for Environment {
    /// The machine's clock and generator.
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(OsRandom) }
    }
}

/// Where everything is, worked out once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// the authority inside, in its normal form
    pub(crate) authority: String,
    /// the key document
    pub(crate) keys: Uri,
    /// where sealed requests go
    pub(crate) resource: Uri,
    /// where sessions are made
    pub(crate) session: Uri,
    /// where requests over sessions go
    pub(crate) requests: Uri,
    /// where channels of sessions are opened
    pub(crate) channel: Uri,
    /// the endpoint of hpke-http
    pub(crate) endpoint: Uri,
    /// where requests of EHBP and hpke-http 1.x go, each to its own path
    pub(crate) root: Uri,
}

impl Places {
    pub(crate) fn of(settings: &Settings) -> Result<Self, Error> {
        let to = Base::gateway(&settings.to)?;
        let authority = match &settings.authority {
            Some(authority) => authority::normalise(authority, authority::DEFAULT_PORT),
            None => to.name(),
        }
        .map_err(|_| {
            Error::Settings("the authority is a host name or address, with a port where it is not 443")
        })?;
        let base = match &settings.relay {
            Some(relay) => Base::relay(relay)?,
            None => to,
        };
        settings.offer.check()?;
        if let Some(names) = &settings.bound {
            check_bound(settings, names)?;
        }
        Ok(Self {
            authority,
            keys: base.join(key_document::PATH)?,
            resource: base.join(OBLIVIOUS_PATH)?,
            session: base.join(SESSION_PATH)?,
            requests: base.join(SESSION_REQUEST_PATH)?,
            channel: base.join(channel::PATH)?,
            endpoint: base.join(settings.hpke_http.as_ref().map_or("/", |spoken| spoken.endpoint.path()))?,
            root: base.join("/")?,
        })
    }
}

fn check_bound(settings: &Settings, names: &[HeaderName]) -> Result<(), Error> {
    let what = if settings.early_data {
        "early data go along with the handshake, where the target of a request cannot show"
    } else if names.len() > MAX_LISTED || names.iter().collect::<HashSet<_>>().len() != names.len() {
        "at most 32 fields are listed, each once"
    } else if !names.iter().all(may_be_listed) {
        "a field that belongs to the outer message (host, content-type, connection, attest-…) cannot be listed"
    } else {
        return Ok(());
    };
    Err(Error::Settings(what))
}

/// A URL that resources hang from.
pub(crate) struct Base<'a> {
    scheme: &'a Scheme,
    authority: &'a str,
    path: &'a str,
}

impl<'a> Base<'a> {
    /// A gateway: no path.
    pub(crate) fn gateway(uri: &'a Uri) -> Result<Self, Error> {
        let base = Self::parse(uri).ok_or(Error::Settings("a gateway is http://HOST or https://HOST"))?;
        if base.path.is_empty() {
            Ok(base)
        } else {
            Err(Error::Settings("a gateway's URL has no path; requests bring their own"))
        }
    }

    /// A relay: its path says which gateway. Clear text would show an onlooker who talks to whom (OB-82).
    fn relay(uri: &'a Uri) -> Result<Self, Error> {
        let base = Self::parse(uri).ok_or(Error::Settings("a relay is https://HOST/NAME"))?;
        if *base.scheme == Scheme::HTTPS || is_loopback(uri) {
            Ok(base)
        } else {
            Err(Error::Settings("a relay is reached by https:// unless it is on this machine (OB-82)"))
        }
    }

    fn parse(uri: &'a Uri) -> Option<Self> {
        let scheme = uri.scheme().filter(|s| **s == Scheme::HTTP || **s == Scheme::HTTPS)?;
        let authority = uri.authority()?.as_str();
        if uri.query().is_some() || authority.contains('@') {
            return None;
        }
        Some(Self { scheme, authority, path: uri.path().trim_end_matches('/') })
    }

    /// The authority in its normal form.
    pub(crate) fn name(&self) -> Result<String, key_document::Error> {
        authority::normalise(self.authority, self.default_port())
    }

    fn default_port(&self) -> u16 {
        if *self.scheme == Scheme::HTTP { 80 } else { 443 }
    }

    /// `path` begins with a slash.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, Error> {
        format!("{}://{}{}{path}", self.scheme, self.authority, self.path)
            .parse()
            .map_err(|_| Error::Settings("a URL of this length or form cannot be used"))
    }
}

/// Whether a URL names this machine: `localhost`, or a loopback address. Other names are not looked up.
#[must_use]
pub fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}
