//! Two ends in memory, with genuine evidence of a development machine and a clock that the test moves.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use sealwire_attest::{
    Appraised, Bound, Claims, KeyDocument, Policy, UnixTime, Verifier, cmw,
    key_document::{self, Acceptance, Published, Seen, Wanted},
};
use sealwire_crypto::{digest::sha384, random::OsRandom};
use sealwire_session::{
    Error, Identity, Limits, Scheme,
    client::{self, Established, Outcome, Own, Ticket},
    message::{Authentication, Parameters},
    server::{self, HalfOpen, Next, Once, Presenting, Server},
};
use sealwire_tee::{Development, Tee};
use std::{
    collections::HashSet,
    env,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, SystemTime},
};

pub(crate) const AUTHORITY: &str = "app.example";
pub(crate) const INSTANCE: [u8; 16] = [0x11; 16];

/// The development machine of all tests of this binary. Its root is kept inside cargo's target folder.
pub(crate) static TEE: LazyLock<Development> = LazyLock::new(|| {
    let program = env::current_exe().unwrap();
    Development::open(&program.ancestors().nth(3).unwrap().join("tmp").join("sealwire-tests")).unwrap()
});

/// Unix milliseconds at which everything happens: the development chain is made for the present.
pub(crate) static NOW: LazyLock<u64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
});

pub(crate) fn at(now: u64) -> UnixTime {
    UnixTime(now / 1000)
}

pub(crate) static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\n\
         measurement = {{ any = \"test\" }}\nhost-data = {{ any = \"test\" }}\nminimum-tcb = {{ any = \"test\" }}\n\
         crl = \"if-available\"\nroots = [\"sha256:{}\"]\n",
        hex::encode(TEE.root_fingerprint())
    );
    Policy::from_toml(&text).unwrap()
});

pub(crate) static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::new(POLICY.trust()));

/// What may be used once.
#[derive(Default)]
pub(crate) struct Register(Mutex<HashSet<[u8; 16]>>);

impl Register {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Once for Register {
    fn take(&self, id: [u8; 16], _: u64, _: u64) -> bool {
        self.0.lock().unwrap().insert(id)
    }
}

/// A key document of a role with these identity keys, published.
pub(crate) fn publish(
    role: &str,
    instance: [u8; 16],
    identity: &Identity,
    authorities: &[&str],
) -> Published {
    let now = at(*NOW);
    let not_after = now.saturating_add(Duration::from_secs(3600));
    let document = KeyDocument {
        instance,
        serial: 1,
        issued_at: now,
        not_after,
        role: role.to_owned(),
        authorities: authorities.iter().map(ToString::to_string).collect(),
        keys: identity.published(now, not_after),
        wires: vec![sealwire_session::WIRE.to_owned()],
        suites: Default::default(),
        limits: Default::default(),
        config_digest: [0; 48],
        operator: None,
    };
    let document = document.encode();
    let role = if role == key_document::GATEWAY { key_document::GATEWAY } else { key_document::CLIENT };
    let (evidence, endorsements) = quote(&key_document::bound_as(role, &document, &[]));
    Published { document, evidence, endorsements }
}

/// Evidence of the machine over something.
pub(crate) fn quote(bound: &Bound) -> (sealwire_attest::Presented, sealwire_attest::Endorsements) {
    let produced = TEE.produce(&bound.digest(TEE.kind(), &[])).unwrap();
    (produced.evidence.into(), produced.endorsements)
}

/// A quote over a handshake, as it travels.
pub(crate) fn quote_bytes(bound: &Bound) -> Vec<u8> {
    cmw::encode(&quote(bound).0)
}

/// Appraises a quote that travelled, as the policy of all tests does.
pub(crate) fn appraise(quote: &[u8], bound: &Bound) -> Appraised<Claims> {
    let presented = cmw::decode(quote).unwrap();
    let (_, endorsements) = self::quote(bound);
    let verified = VERIFIER.verify_presented(&presented, &endorsements, bound, at(*NOW)).unwrap();
    POLICY.appraise(verified, at(*NOW)).unwrap()
}

pub(crate) fn accept(published: &Published, wanted: Wanted<'_>) -> Acceptance {
    key_document::accept(published, &VERIFIER, &POLICY, wanted, &[], Seen::default(), at(*NOW)).unwrap()
}

/// A server, as a gateway would hold one.
pub(crate) struct Gateway {
    pub(crate) server: Server,
    pub(crate) published: Published,
    pub(crate) register: Register,
    pub(crate) authentication: Authentication,
    authorities: Vec<String>,
}

impl Gateway {
    pub(crate) fn new(config: server::Config) -> Self {
        Self::of(INSTANCE, config, &[AUTHORITY])
    }

    pub(crate) fn of(instance: [u8; 16], config: server::Config, authorities: &[&str]) -> Self {
        let slh_dsa = config.schemes.contains(&Scheme::SlhDsaSha2192f);
        let identity = Identity::generate(slh_dsa, &OsRandom).unwrap();
        let published = publish(key_document::GATEWAY, instance, &identity, authorities);
        let server = Server::new(config, instance, identity, &OsRandom).unwrap();
        Self {
            server,
            published,
            register: Register::default(),
            authentication: Authentication::NotAsked,
            authorities: authorities.iter().map(ToString::to_string).collect(),
        }
    }

    pub(crate) fn asking(mut self, authentication: Authentication) -> Self {
        self.authentication = authentication;
        self
    }

    pub(crate) fn document_hash(&self) -> [u8; 48] {
        sha384(&[&self.published.document])
    }

    pub(crate) fn acceptance(&self) -> Acceptance {
        accept(&self.published, Wanted::Gateway(AUTHORITY))
    }

    /// Takes a first message.
    pub(crate) fn receive(&self, message: &[u8], busy: bool, now: u64) -> Result<server::Received, Error> {
        self.server.receive(message, busy, now, &self.register, &OsRandom)
    }

    /// Answers a hello with a flight.
    pub(crate) fn answer(&self, hello: server::Hello, now: u64) -> Result<(Vec<u8>, Next), Error> {
        let early = hello.early()?.is_some() && self.authentication == Authentication::NotAsked;
        self.answer_with(hello, early, now)
    }

    /// The same; `early` says whether early data were accepted.
    pub(crate) fn answer_with(
        &self,
        hello: server::Hello,
        early: bool,
        now: u64,
    ) -> Result<(Vec<u8>, Next), Error> {
        if !self.authorities.iter().any(|served| served == hello.authority()) {
            return Err(Error::Authority);
        }
        let answering = hello.answer(&self.server, early, &OsRandom)?;
        let document = self.document_hash();
        let quote = answering.wants_quote().then(|| quote_bytes(&answering.bound(&document)));
        let published = self.published.encode();
        let presenting = Presenting {
            document,
            published: &published,
            quote: quote.as_deref(),
            parameters: parameters(&self.server.config().limits),
            authentication: self.authentication,
            note: Some(b"note"),
        };
        answering.present(&self.server, &presenting, now, &OsRandom)
    }

    /// A whole flight for a hello that needs no retry.
    pub(crate) fn flight(&self, message: &[u8], now: u64) -> Result<(Vec<u8>, Next), Error> {
        match self.receive(message, false, now)? {
            server::Received::Hello(hello) => self.answer(*hello, now),
            server::Received::Retry(_) => panic!("a retry that the test does not expect"),
        }
    }
}

pub(crate) fn parameters(limits: &Limits) -> Parameters {
    Parameters {
        lifetime: limits.lifetime,
        idle: limits.idle,
        requests: limits.requests,
        window: limits.window,
        message: limits.message,
    }
}

/// A caller that attests itself.
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    pub(crate) published: Published,
}

impl Caller {
    pub(crate) fn new() -> Self {
        let identity = Identity::generate(false, &OsRandom).unwrap();
        let published = publish(key_document::CLIENT, [0x22; 16], &identity, &[]);
        Self { identity, published }
    }

    pub(crate) fn document_hash(&self) -> [u8; 48] {
        sha384(&[&self.published.document])
    }

    pub(crate) fn acceptance(&self) -> Acceptance {
        accept(&self.published, Wanted::Client)
    }
}

/// The client's half up to a session, or to its own authentication.
pub(crate) fn greet(
    gateway: &Gateway,
    config: &client::Config,
    ticket: Option<Ticket>,
    now: u64,
) -> Result<(Outcome, Next), Error> {
    let resumes = ticket.is_some();
    let started = client::start(Arc::new(config.clone()), AUTHORITY, None, ticket, false, now, &OsRandom)?;
    let (flight, next) = gateway.flight(&started.hello, now)?;
    match started.next.receive(&flight, &OsRandom)? {
        client::Received::Again { .. } => panic!("a retry that the test does not expect"),
        client::Received::Presented(presented) => {
            assert!(!resumes || presented.document_hash()? == gateway.document_hash());
            let published = Published::decode(presented.published()?.unwrap()).unwrap();
            let acceptance = accept(&published, Wanted::Gateway(AUTHORITY));
            let claims = presented.quote()?.map(|(quote, bound)| appraise(quote, &bound));
            Ok((presented.accept(&acceptance, claims.as_ref(), at(now))?, next))
        }
        client::Received::Resumed(resumed) => {
            Ok((resumed.accept(&gateway.acceptance(), config.attests)?, next))
        }
    }
}

/// A session between the two, without the client's authentication.
pub(crate) fn establish(
    gateway: &Gateway,
    config: &client::Config,
    ticket: Option<Ticket>,
    now: u64,
) -> Result<(Established, HalfOpen), Error> {
    match greet(gateway, config, ticket, now)? {
        (Outcome::Established(client), Next::HalfOpen(server)) => Ok((*client, *server)),
        _ => panic!("an authentication that the test does not expect"),
    }
}

/// A session with a client that authenticates itself, or shows nothing.
pub(crate) fn establish_mutual(
    gateway: &Gateway,
    config: &client::Config,
    caller: Option<&Caller>,
    now: u64,
) -> Result<(Established, HalfOpen), Error> {
    let (Outcome::Authenticate(own), Next::Authenticate(awaited)) = greet(gateway, config, None, now)? else {
        panic!("no authentication where the test expects it")
    };
    let published = caller.map(|caller| caller.published.encode());
    let shown = caller.map(|caller| Own {
        identity: &caller.identity,
        scheme: Scheme::Ed25519MlDsa65,
        document: caller.document_hash(),
        published: published.as_deref().unwrap(),
        quote: None,
    });
    let (message, expect) = own.present(shown, &OsRandom)?;
    let presented = {
        let received = awaited.receive(&message)?;
        awaited.presented(received)
    };
    let note = Some(&b"mutual"[..]);
    let (answer, session) = match presented.published()? {
        None => presented.accept_unattested(&gateway.server, note, now, &OsRandom)?,
        Some(bytes) => {
            let acceptance = accept(&Published::decode(bytes).unwrap(), Wanted::Client);
            let attested = presented.verify(&acceptance, None, &[Scheme::Ed25519MlDsa65], at(now))?;
            presented.accept(&attested, &gateway.server, note, now, &OsRandom)?
        }
    };
    Ok((expect.receive(&answer)?, session))
}
