//! One handshake between the two ends of the code.

use super::{
    AUTHORITY, CLOCK,
    ends::{Caller, Gateway},
    evidence::Evidence,
    record::{Record, Sent},
    requests,
    schedule::{Named, Schedule},
    script::Script,
};
use sealwire_attest::{UnixTime, key_document::Wanted};
use sealwire_crypto::{
    aead::Sequence,
    kx::{Group, Offer},
    random::Scripted,
};
use sealwire_session::{
    Limits, Scheme,
    client::{self, Established, ExpectOwnCredential, ExpectServerFlight, Outcome, Own, Ticket},
    message::{Authentication, EvidenceMode, Parameters},
    server::{self, ExpectClientFinish, HalfOpen, Hello, Next, Presenting},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What a session is to be.
pub(crate) struct Plan<'a> {
    pub(crate) name: String,
    pub(crate) config: client::Config,
    pub(crate) known: bool,
    pub(crate) busy: bool,
    pub(crate) authentication: Authentication,
    pub(crate) caller: Option<&'a Caller>,
    pub(crate) resumes: Option<Resumes>,
    pub(crate) early: bool,
    pub(crate) now: u64,
}

impl Plan<'_> {
    pub(crate) fn new(name: impl Into<String>, config: client::Config) -> Self {
        Self {
            name: name.into(),
            config,
            known: false,
            busy: false,
            authentication: Authentication::NotAsked,
            caller: None,
            resumes: None,
            early: false,
            now: CLOCK,
        }
    }
}

/// A ticket, and what the specification says that its PSK is.
pub(crate) struct Resumes {
    ticket: Ticket,
    psk: Vec<u8>,
    name: String,
}

pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) json: Map<String, Value>,
    pub(crate) schedule: Schedule,
    pub(crate) secrets: Named,
    pub(crate) client: Established,
    pub(crate) server: HalfOpen,
}

impl Session {
    /// The ticket of this session, which ends it.
    pub(crate) fn ticket(mut self) -> (Resumes, Value) {
        let psk = self.secrets.get("psk of the ticket").to_vec();
        let resumes = Resumes { ticket: self.client.ticket.take().unwrap(), psk, name: self.name.clone() };
        (resumes, self.finish())
    }

    /// Closes the session, and gives all of it.
    pub(crate) fn finish(mut self) -> Value {
        requests::close(&mut self);
        Value::Object(self.json)
    }
}

/// What is private in a share, by what was drawn for it in the order of the share (RFC 10024).
fn private(group: Group, drawn: &[Vec<u8>], ml_kem: &str) -> Value {
    match (group, drawn) {
        (Group::X25519, [scalar]) => json!({ "group": group.id(), "scalar": hex::encode(scalar) }),
        (Group::X25519MlKem768, [own, scalar]) | (Group::SecP384r1MlKem1024, [scalar, own]) => {
            json!({ "group": group.id(), "scalar": hex::encode(scalar), ml_kem: hex::encode(own) })
        }
        _ => panic!("not what a share is made of"),
    }
}

/// Runs a plan from the first message to a session.
pub(crate) fn run(gateway: &Gateway, evidence: &Evidence, mut plan: Plan<'_>) -> Session {
    let (ticket, resumed) = match plan.resumes.take() {
        None => (None, None),
        Some(Resumes { ticket, psk, name }) => (Some(ticket), Some((psk, name))),
    };
    let client = Script::new(format!("{}: client", plan.name));
    let server = Script::new(format!("{}: server", plan.name));
    let mut run =
        Run { gateway, evidence, plan: &plan, client, server, sent: Vec::new(), offers: Vec::new() };
    let Greeted { hello, expect, early } = run.hello(ticket);
    let drawn_before = run.server.drawn().len();
    let (outcome, next) = run.flight(*hello, expect, early.is_some());
    let (client, server) = match (outcome, next) {
        (Outcome::Established(client), Next::HalfOpen(server)) => (*client, *server),
        (Outcome::Authenticate(own), Next::Authenticate(awaited)) => run.authenticate(*own, *awaited),
        _ => panic!("both sides know whether the client authenticates itself"),
    };
    let Run { sent, offers, server: server_random, .. } = run;

    let psk = resumed.as_ref().map(|(psk, _)| psk.as_slice());
    let mut record = Record::new(&sent, psk, |share| {
        let (group, drawn) = offers.last().unwrap();
        let offer = Offer::generate(*group, &Scripted::new(&drawn.concat())).unwrap();
        offer.complete(share).unwrap().as_bytes().to_vec()
    });
    let mut json = Map::new();
    let mut put = |name: &str, value: Value| json.insert(name.to_owned(), value);
    put("name", plan.name.clone().into());
    put("time", plan.now.into());
    put("group", client.group.map(Group::id).into());
    put("aead", record.chosen.aead.into());
    put("scheme", client.scheme.map(Scheme::id).into());
    if let Some((_, before)) = resumed {
        put("resumes", before.into());
    }
    put(
        "client's shares",
        offers.iter().map(|(group, drawn)| private(*group, drawn, "ml-kem seed")).collect(),
    );
    if let Some(group) = client.group {
        let count = if group == Group::X25519 { 1 } else { 2 };
        let drawn = &server_random.drawn()[drawn_before..drawn_before + count];
        put("server's share", private(group, drawn, "ml-kem randomness"));
    }
    put("messages", record.messages());
    put("secrets", record.secrets.to_json());
    if let Some((opening, sealing)) = early {
        assert!(client.early_accepted);
        let secret = record.schedule.derive(record.secrets.get("request"), "early answer", b"");
        record.keys.insert("early answer".into(), record.schedule.keys(&secret));
        let [(_, _, hello), .., (_, _, flight)] = sent.as_slice() else { panic!("two messages") };
        put("early data", requests::early(&client, &server, sealing, opening, hello, flight));
    }
    let Record { schedule, secrets, keys, .. } = record;
    put("keys", Value::Object(keys));
    Session { name: plan.name, json, schedule, secrets, client, server }
}

/// A handshake under way.
struct Run<'a> {
    gateway: &'a Gateway,
    evidence: &'a Evidence,
    plan: &'a Plan<'a>,
    client: Script,
    server: Script,
    sent: Vec<Sent>,
    /// groups of the client's shares, and what was drawn for each
    offers: Vec<(Group, Vec<Vec<u8>>)>,
}

/// The hello has arrived, and was not answered with a retry, or not again.
struct Greeted {
    hello: Box<Hello>,
    expect: ExpectServerFlight,
    /// what opens early data, and what seals them
    early: Option<(Sequence, Sequence)>,
}

impl Run<'_> {
    fn say(&mut self, from: &'static str, name: &'static str, bytes: &[u8]) {
        self.sent.push((from, name, bytes.to_vec()));
    }

    fn now(&self) -> UnixTime {
        UnixTime(self.plan.now / 1000)
    }

    fn hello(&mut self, ticket: Option<Ticket>) -> Greeted {
        let Plan { config, known, busy, early, now, .. } = self.plan;
        let known = known.then(|| self.gateway.document_hash());
        let config = Arc::new(config.clone());
        let first = config.groups[0];
        let started = client::start(config, AUTHORITY, known, ticket, *early, *now, &self.client).unwrap();
        self.say("client", "client hello", &started.hello);
        self.offers.push((first, self.client.drawn()[1..].to_vec()));
        let (hello, expect) = match self.receive(&started.hello, *busy) {
            server::Received::Hello(hello) => (hello, started.next),
            server::Received::Retry(retry) => self.again(started.next, &retry),
        };
        let early = hello.early().unwrap().zip(started.early);
        Greeted { hello, expect, early }
    }

    fn receive(&self, message: &[u8], busy: bool) -> server::Received {
        let Gateway { server, register, .. } = self.gateway;
        server.receive(message, busy, self.plan.now, register, &self.server).unwrap()
    }

    fn again(&mut self, expect: ExpectServerFlight, retry: &[u8]) -> (Box<Hello>, ExpectServerFlight) {
        self.say("server", "retry", retry);
        let drawn_before = self.client.drawn().len();
        let client::Received::Again { message, next } = expect.receive(retry, &self.client).unwrap() else {
            panic!("a retry is answered with the hello")
        };
        self.say("client", "hello again", &message);
        let drawn = self.client.drawn()[drawn_before..].to_vec();
        if !drawn.is_empty() {
            self.offers.push((self.gateway.server.config().groups[0], drawn));
        }
        let server::Received::Hello(hello) = self.receive(&message, false) else { panic!("one retry") };
        (hello, *next)
    }

    fn flight(&mut self, hello: Hello, expect: ExpectServerFlight, early: bool) -> (Outcome, Next) {
        let Self { gateway, evidence, .. } = *self;
        let answering = hello.answer(&gateway.server, early, &self.server).unwrap();
        let document = gateway.document_hash();
        let quote = answering.wants_quote().then(|| evidence.quote(&answering.bound(&document)));
        let limits = Limits::default();
        let presenting = Presenting {
            document,
            published: &gateway.published.encode(),
            quote: quote.as_deref(),
            parameters: Parameters {
                lifetime: limits.lifetime,
                idle: limits.idle,
                requests: limits.requests,
                window: limits.window,
                message: limits.message,
            },
            authentication: self.plan.authentication,
            note: Some(b"note"),
        };
        let (flight, next) =
            answering.present(&gateway.server, &presenting, self.plan.now, &self.server).unwrap();
        self.say("server", "server flight", &flight);

        let acceptance = evidence.accept(&gateway.published, Wanted::Gateway(AUTHORITY));
        let outcome = match expect.receive(&flight, &self.client).unwrap() {
            client::Received::Presented(presented) => {
                assert_eq!(presented.published().unwrap().is_none(), self.plan.known);
                let quote = presented.quote().unwrap();
                let claims = quote.map(|(quote, bound)| evidence.appraise(quote, &bound));
                presented.accept(&acceptance, claims.as_ref(), self.now()).unwrap()
            }
            client::Received::Resumed(resumed) => {
                resumed.accept(&acceptance, self.plan.config.attests).unwrap()
            }
            client::Received::Again { .. } => panic!("no second retry"),
        };
        (outcome, next)
    }

    /// The client shows who it is, or nothing where nothing is planned.
    fn authenticate(
        &mut self,
        own: ExpectOwnCredential,
        awaited: ExpectClientFinish,
    ) -> (Established, HalfOpen) {
        const SCHEME: Scheme = Scheme::Ed25519MlDsa65;
        let Self { gateway, evidence, plan, .. } = *self;
        let published = plan.caller.map(|caller| caller.published.encode());
        let quotes = plan.config.evidence == EvidenceMode::Handshake;
        let quote = plan.caller.filter(|_| quotes);
        let quote = quote.map(|caller| evidence.quote(&own.bound(&caller.document_hash())));
        let shown = plan.caller.map(|caller| Own {
            identity: &caller.identity,
            scheme: SCHEME,
            document: caller.document_hash(),
            published: published.as_deref().unwrap(),
            quote: quote.as_deref(),
        });
        let (message, expect) = own.present(shown, &self.client).unwrap();
        self.say("client", "client finish", &message);
        let received = awaited.receive(&message).unwrap();
        let presented = awaited.presented(received);
        let (answer, server) = match plan.caller {
            None => presented.accept_unattested(&gateway.server, None, plan.now, &self.server).unwrap(),
            Some(caller) => {
                let acceptance = evidence.accept(&caller.published, Wanted::Client);
                let quote = presented.quote().unwrap();
                let claims = quote.map(|(quote, bound)| evidence.appraise(quote, &bound));
                let attested = presented.verify(&acceptance, claims.as_ref(), &[SCHEME], self.now()).unwrap();
                let note = Some(&b"note"[..]);
                presented.accept(&attested, &gateway.server, note, plan.now, &self.server).unwrap()
            }
        };
        self.say("server", "finish answer", &answer);
        (expect.receive(&answer).unwrap(), server)
    }
}
