//! The attested session: handshakes against their primitives and against TLS 1.3, requests against the plain route.

mod channel;
mod handshake;
mod layer;
mod peer;
mod requests;
mod resume;

pub(crate) use channel::{run as channel, tunnel, upstream as websocket};
pub(crate) use handshake::run as handshakes;
pub(crate) use layer::run as layer;
pub(crate) use requests::run as requests;
pub(crate) use resume::run as resume;

use anyhow::{Result, anyhow};
use sealwire_attest::{
    KeyDocument, Policy, UnixTime, Verifier,
    key_document::{self, Acceptance, Published, Seen, Wanted},
};
use sealwire_crypto::random::OsRandom;
use sealwire_http::session::{
    self, Identity, Scheme,
    client::{self, Established, Outcome, Received, Started},
    message::{Authentication, Parameters},
    server::{self, HalfOpen, Next, Once, Presenting, Server},
};
use sealwire_tee::{Tee, development::Development};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const AUTHORITY: &str = "app.example";

fn millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn now() -> UnixTime {
    UnixTime(millis() / 1000)
}

/// Both ends of a handshake, in memory; the client knows the server's document already.
struct Ends {
    server: Server,
    published: Vec<u8>,
    acceptance: Acceptance,
    config: Arc<client::Config>,
}

/// No ticket is used here twice, and no token at all.
struct Anything;

impl Once for Anything {
    fn take(&self, _: [u8; 16], _: u64, _: u64) -> bool {
        true
    }
}

impl Ends {
    fn new(state: &Path, scheme: Scheme) -> Result<Self> {
        let identity = Identity::generate(scheme == Scheme::SlhDsaSha2192f, &OsRandom)?;
        let not_after = now().saturating_add(Duration::from_secs(3600));
        let document = KeyDocument {
            instance: [1; 16],
            serial: 1,
            issued_at: now(),
            not_after,
            role: key_document::GATEWAY.to_owned(),
            authorities: vec![AUTHORITY.to_owned()],
            keys: identity.published(now(), not_after),
            wires: vec![session::WIRE.to_owned()],
            suites: Default::default(),
            limits: Default::default(),
            config_digest: [0; 48],
            operator: None,
        };
        let document = document.encode();
        let tee = Development::open(state)?;
        let produced = tee.produce(&key_document::report_data(&document, tee.kind(), b""))?;
        let published =
            Published { document, evidence: produced.evidence.into(), endorsements: produced.endorsements };
        let acceptance = accept(state, &published, AUTHORITY)?;
        let config = server::Config { schemes: vec![scheme], ..server::Config::default() };
        let server = Server::new(config, [1; 16], identity, &OsRandom)?;
        let config = client::Config { schemes: vec![scheme], ..client::Config::default() };
        Ok(Self { server, published: published.encode(), acceptance, config: Arc::new(config) })
    }

    fn hello(&self) -> Result<Started> {
        let (config, known) = (self.config.clone(), Some(self.acceptance.document_hash));
        Ok(client::start(config, AUTHORITY, known, None, false, millis(), &OsRandom)?)
    }

    fn flight(&self, hello: &[u8]) -> Result<(Vec<u8>, Box<HalfOpen>)> {
        let received = self.server.receive(hello, false, millis(), &Anything, &OsRandom)?;
        let server::Received::Hello(hello) = received else { return Err(anyhow!("a retry")) };
        let answering = hello.answer(&self.server, false, &OsRandom)?;
        let limits = self.server.config().limits;
        let presenting = Presenting {
            document: self.acceptance.document_hash,
            published: &self.published,
            quote: None,
            parameters: Parameters {
                lifetime: limits.lifetime,
                idle: limits.idle,
                requests: limits.requests,
                window: limits.window,
                message: limits.message,
            },
            authentication: Authentication::NotAsked,
            note: Some(b""),
        };
        match answering.present(&self.server, &presenting, millis(), &OsRandom)? {
            (flight, Next::HalfOpen(session)) => Ok((flight, session)),
            _ => Err(anyhow!("asked for authentication")),
        }
    }

    fn finish(&self, started: Started, flight: &[u8]) -> Result<Box<Established>> {
        finish(started.next.receive(flight, &OsRandom)?, |_| Ok(self.acceptance.clone()))
    }
}

/// Accepts what is presented, by a document that `accept` has accepted.
fn finish(
    received: Received,
    accept: impl FnOnce(Option<&[u8]>) -> Result<Acceptance>,
) -> Result<Box<Established>> {
    let Received::Presented(presented) = received else { return Err(anyhow!("not a flight")) };
    let acceptance = accept(presented.published()?)?;
    established(presented.accept(&acceptance, None, now())?)
}

fn established(outcome: Outcome) -> Result<Box<Established>> {
    match outcome {
        Outcome::Established(established) => Ok(established),
        Outcome::Authenticate(_) => Err(anyhow!("asked for authentication")),
    }
}

fn accept(state: &Path, published: &Published, authority: &str) -> Result<Acceptance> {
    let policy = Policy::from_toml(&crate::stream::accepting(state)?)?;
    let (verifier, wanted) = (Verifier::new(policy.trust()), Wanted::Gateway(authority));
    key_document::accept(published, &verifier, &policy, wanted, &[], Seen::default(), now())
        .map_err(|denial| anyhow!("{denial}"))
}
