//! One handshake between the two ends of the code, and what it is made of.

use super::{
    AUTHORITY, CLOCK,
    evidence::Evidence,
    requests,
    schedule::{Named, Schedule},
    script::Script,
};
use sealwire_attest::{
    KeyDocument, UnixTime,
    cbor::Reader,
    key_document::{CLIENT, GATEWAY, Published, Wanted},
};
use sealwire_crypto::{
    digest::sha384,
    kx::{Group, Offer},
    random::Scripted,
};
use sealwire_session::{
    Identity, Limits, Scheme,
    client::{self, Established, Outcome, Own, Ticket},
    message::{
        Authentication, ClientFinish, ClientHello, FinishAnswer, Parameters, ServerFlight, ServerHello,
    },
    server::{self, HalfOpen, Next, Once, Presenting, Server},
};
use serde_json::{Map, Value, json};
use std::{collections::HashSet, sync::Arc, sync::Mutex, time::Duration};

/// Identity keys, and the document that lists them.
fn identity(
    evidence: &Evidence,
    role: &'static str,
    instance: [u8; 16],
    authorities: &[&str],
) -> (Identity, Published, Value) {
    let script = Script::new(format!("{role}: identity"));
    let identity = Identity::generate(true, &script).unwrap();
    let issued_at = UnixTime(CLOCK / 1000 - 60);
    let not_after = issued_at.saturating_add(Duration::from_secs(3600));
    let document = KeyDocument {
        instance,
        serial: 1,
        issued_at,
        not_after,
        role: role.to_owned(),
        authorities: authorities.iter().map(ToString::to_string).collect(),
        keys: identity.published(issued_at, not_after),
        wires: vec![sealwire_session::WIRE.to_owned()],
        suites: Default::default(),
        limits: Default::default(),
        config_digest: [0; 48],
        operator: None,
    };
    let published = evidence.publish(role, document.encode());
    let drawn = script.drawn();
    let json = json!({
        "ed25519 seed": hex::encode(&drawn[1]),
        "ml-dsa-65 seed": hex::encode(&drawn[2]),
        "slh-dsa-sha2-192f seeds": hex::encode(drawn[3..].concat()),
        "document": hex::encode(&published.document),
        "published": hex::encode(published.encode()),
    });
    (identity, published, json)
}

/// What may be used once.
#[derive(Default)]
struct Register(Mutex<HashSet<[u8; 16]>>);

impl Once for Register {
    fn take(&self, id: [u8; 16], _: u64, _: u64) -> bool {
        self.0.lock().unwrap().insert(id)
    }
}

pub(crate) struct Gateway {
    server: Server,
    published: Published,
    register: Register,
    json: Value,
}

impl Gateway {
    pub(crate) fn new(evidence: &Evidence, config: server::Config) -> Self {
        let instance = [0x11; 16];
        let (identity, published, json) = identity(evidence, GATEWAY, instance, &[AUTHORITY]);
        let server = Server::new(config, instance, identity, &Script::new("gateway: start")).unwrap();
        Self { server, published, register: Register::default(), json }
    }

    pub(crate) fn to_json(&self) -> Value {
        self.json.clone()
    }

    fn document_hash(&self) -> [u8; 48] {
        sha384(&[&self.published.document])
    }
}

/// A client that can attest itself.
pub(crate) struct Caller {
    identity: Identity,
    published: Published,
    json: Value,
}

impl Caller {
    pub(crate) fn new(evidence: &Evidence) -> Self {
        let (identity, published, json) = identity(evidence, CLIENT, [0x22; 16], &[]);
        Self { identity, published, json }
    }

    pub(crate) fn to_json(&self) -> Value {
        self.json.clone()
    }
}

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

/// What is said, in order.
#[derive(Default)]
struct Said(Vec<Message>);

struct Message {
    name: &'static str,
    from: &'static str,
    bytes: Vec<u8>,
    /// whether it is an item of the transcript by itself
    hashed: bool,
}

impl Said {
    fn add(&mut self, from: &'static str, name: &'static str, bytes: &[u8]) {
        let hashed = !matches!(name, "server flight" | "client finish" | "finish answer" | "ticket");
        self.0.push(Message { name, from, bytes: bytes.to_vec(), hashed });
    }

    fn items(&self) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
        let mut items = Vec::new();
        self.0.iter().filter(|message| message.hashed).map(move |Message { name, from, bytes, .. }| {
            items.push(u8::from(*from == "server"));
            items.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
            items.extend_from_slice(bytes);
            (*name, items.clone())
        })
    }

    /// T(name)
    fn transcript(&self, schedule: Schedule, name: &str) -> Vec<u8> {
        let (_, items) = self.items().find(|(known, _)| *known == name).unwrap();
        schedule.hash(&items)
    }

    fn to_json(&self, schedule: Schedule) -> Value {
        let messages = self.0.iter().map(|Message { name, from, bytes, hashed }| {
            let mut message = json!({ "name": name, "from": from, "bytes": hex::encode(bytes) });
            if *hashed {
                message["transcript"] = hex::encode(self.transcript(schedule, name)).into();
            }
            message
        });
        messages.collect()
    }
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

/// The elements of a CBOR array of byte strings.
fn parts(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(bytes);
    let count = reader.array(4).unwrap();
    (0..count).map(|_| reader.bytes(1 << 20).unwrap().to_vec()).collect()
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

/// Secrets up to those of the handshake.
fn secrets(
    schedule: Schedule,
    said: &Said,
    psk: Option<&[u8]>,
    shared: Option<&[u8]>,
) -> (Named, Map<String, Value>) {
    let zeros = vec![0; schedule.hash_len()];
    let (mut secrets, mut keys) = (Named::default(), Map::new());
    let early = schedule.extract(&zeros, psk.unwrap_or(&zeros));
    if let Some(psk) = psk {
        secrets.add("psk", psk.to_vec());
        secrets.add("early", early.clone());
        let binder = schedule.derive(&early, "binder", b"");
        let hello = said.transcript(schedule, "client hello");
        let traffic = schedule.derive(&early, "early", &hello);
        let binder_key = schedule.derive(&binder, "finished", b"");
        keys.insert("binder key".into(), json!({ "finished key": hex::encode(binder_key) }));
        keys.insert("early traffic".into(), schedule.keys(&traffic));
        secrets.add("binder key", binder);
        secrets.add("early traffic", traffic);
    } else {
        secrets.add("early", early.clone());
    }
    if let Some(shared) = shared {
        secrets.add("shared secret", shared.to_vec());
    }
    let derived = schedule.derive(&early, "derived", b"");
    let handshake = schedule.extract(&derived, shared.unwrap_or(&zeros));
    let hello = said.transcript(schedule, "server hello");
    let client = schedule.derive(&handshake, "client handshake", &hello);
    let server = schedule.derive(&handshake, "server handshake", &hello);
    keys.insert("client handshake".into(), schedule.keys(&client));
    keys.insert("server handshake".into(), schedule.keys(&server));
    let main = schedule.extract(&schedule.derive(&handshake, "derived", b""), &zeros);
    secrets.add("handshake", handshake);
    secrets.add("client handshake", client);
    secrets.add("server handshake", server);
    secrets.add("main", main);
    (secrets, keys)
}

/// Runs a plan from the first message to a session.
pub(crate) fn run(gateway: &Gateway, evidence: &Evidence, plan: Plan<'_>) -> Session {
    let Plan { name, config, known, busy, authentication, caller, resumes, early, now } = plan;
    let (client_random, server_random) =
        (Script::new(format!("{name}: client")), Script::new(format!("{name}: server")));
    let (config, mut said) = (Arc::new(config), Said::default());
    let (ticket, resumed) = match resumes {
        None => (None, None),
        Some(Resumes { ticket, psk, name }) => (Some(ticket), Some((psk, name))),
    };
    let psk = resumed.as_ref().map(|(psk, _)| psk.as_slice());
    let known = known.then(|| gateway.document_hash());

    let started =
        client::start(Arc::clone(&config), AUTHORITY, known, ticket, early, now, &client_random).unwrap();
    said.add("client", "client hello", &started.hello);
    let first_share = client_random.drawn()[1..].to_vec();
    let mut offers = vec![(config.groups[0], first_share.clone())];
    let receive = |message: &[u8], busy| {
        gateway.server.receive(message, busy, now, &gateway.register, &server_random).unwrap()
    };
    let (hello, expect) = match receive(&started.hello, busy) {
        server::Received::Hello(hello) => (hello, started.next),
        server::Received::Retry(retry) => {
            said.add("server", "retry", &retry);
            let client::Received::Again { message, next } =
                started.next.receive(&retry, &client_random).unwrap()
            else {
                panic!("a retry is answered with the hello")
            };
            said.add("client", "hello again", &message);
            let drawn = client_random.drawn()[1 + first_share.len()..].to_vec();
            if !drawn.is_empty() {
                offers.push((gateway.server.config().groups[0], drawn));
            }
            let server::Received::Hello(hello) = receive(&message, false) else { panic!("one retry") };
            (hello, *next)
        }
    };

    let early_sequences = hello.early().unwrap().zip(started.early);
    let drawn_before = server_random.drawn().len();
    let answering = hello.answer(&gateway.server, early_sequences.is_some(), &server_random).unwrap();
    let document = gateway.document_hash();
    let quote = answering.wants_quote().then(|| evidence.quote(&answering.bound(&document)));
    let published = gateway.published.encode();
    let limits = Limits::default();
    let presenting = Presenting {
        document,
        published: &published,
        quote: quote.as_deref(),
        parameters: Parameters {
            lifetime: limits.lifetime,
            idle: limits.idle,
            requests: limits.requests,
            window: limits.window,
            message: limits.message,
        },
        authentication,
        note: Some(b"note"),
    };
    let (flight, next) = answering.present(&gateway.server, &presenting, now, &server_random).unwrap();

    said.add("server", "server flight", &flight);
    let sealed = ServerFlight::decode(&flight).unwrap();
    said.add("server", "server hello", sealed.hello);
    let chosen = ServerHello::decode(sealed.hello).unwrap();
    let (group, schedule) = (chosen.share.as_ref().and_then(|(group, _)| Group::from_id(*group)), {
        let suite = sealwire_session::Suite::from_id(chosen.aead).unwrap();
        Schedule(suite)
    });
    let shared = chosen.share.as_ref().map(|(_, share)| {
        let (group, drawn) = offers.last().unwrap();
        let offer = Offer::generate(*group, &Scripted::new(&drawn.concat())).unwrap();
        offer.complete(share).unwrap().as_bytes().to_vec()
    });
    let (mut secrets, mut keys) = secrets(schedule, &said, psk, shared.as_deref());
    let opened = schedule.open(
        secrets.get("server handshake"),
        0,
        &said.transcript(schedule, "server hello"),
        sealed.sealed,
    );
    for (name, part) in
        ["server credential", "server proof", "server Finished", "ticket"].into_iter().zip(parts(&opened))
    {
        if name != "ticket" || !part.is_empty() {
            said.add("server", name, &part);
        }
    }

    let accepted = |published: &Published| evidence.accept(published, Wanted::Gateway(AUTHORITY));
    let outcome = match expect.receive(&flight, &client_random).unwrap() {
        client::Received::Presented(presented) => {
            assert_eq!(presented.published().unwrap().is_none(), known.is_some());
            let claims = presented.quote().unwrap().map(|(quote, bound)| evidence.appraise(quote, &bound));
            presented.accept(&accepted(&gateway.published), claims.as_ref(), UnixTime(now / 1000)).unwrap()
        }
        client::Received::Resumed(resumed) => {
            resumed.accept(&accepted(&gateway.published), config.attests).unwrap()
        }
        client::Received::Again { .. } => panic!("no second retry"),
    };
    let (client, server) = match (outcome, next) {
        (Outcome::Established(client), Next::HalfOpen(server)) => (*client, *server),
        (Outcome::Authenticate(own), Next::Authenticate(awaited)) => {
            let published = caller.map(|caller| caller.published.encode());
            let quote =
                caller.filter(|_| config.evidence == sealwire_session::message::EvidenceMode::Handshake);
            let quote =
                quote.map(|caller| evidence.quote(&own.bound(&sha384(&[&caller.published.document]))));
            let shown = caller.map(|caller| Own {
                identity: &caller.identity,
                scheme: Scheme::Ed25519MlDsa65,
                document: sha384(&[&caller.published.document]),
                published: published.as_deref().unwrap(),
                quote: quote.as_deref(),
            });
            let (message, expect) = own.present(shown, &client_random).unwrap();
            let received = awaited.receive(&message).unwrap();
            let presented = awaited.presented(received);
            said.add("client", "client finish", &message);
            let sealed = ClientFinish::decode(&message).unwrap().sealed;
            let aad = said.transcript(schedule, "server Finished");
            let opened = schedule.open(secrets.get("client handshake"), 0, &aad, sealed);
            for (name, part) in
                ["client credential", "client proof", "client Finished"].into_iter().zip(parts(&opened))
            {
                said.add("client", name, &part);
            }
            let (answer, server) = match caller {
                None => presented.accept_unattested(&gateway.server, None, now, &server_random).unwrap(),
                Some(caller) => {
                    let acceptance = evidence.accept(&caller.published, Wanted::Client);
                    let claims =
                        presented.quote().unwrap().map(|(quote, bound)| evidence.appraise(quote, &bound));
                    let schemes = [Scheme::Ed25519MlDsa65];
                    let at = UnixTime(now / 1000);
                    let attested = presented.verify(&acceptance, claims.as_ref(), &schemes, at).unwrap();
                    let note = Some(&b"note"[..]);
                    presented.accept(&attested, &gateway.server, note, now, &server_random).unwrap()
                }
            };
            said.add("server", "finish answer", &answer);
            let sealed = FinishAnswer::decode(&answer).unwrap().sealed;
            let aad = said.transcript(schedule, "client Finished");
            let opened = schedule.open(secrets.get("server handshake"), 1, &aad, sealed);
            let mut reader = Reader::new(&opened);
            assert_eq!((reader.array(2).unwrap(), reader.uint().unwrap()), (2, 0));
            let ticket = reader.bytes(1 << 14).unwrap();
            if !ticket.is_empty() {
                said.add("server", "ticket", ticket);
            }
            (expect.receive(&answer).unwrap(), server)
        }
        _ => panic!("both sides know whether the client authenticates itself"),
    };

    let last = if authentication == Authentication::NotAsked { "server Finished" } else { "client Finished" };
    let complete = said.transcript(schedule, last);
    for name in ["request", "channel", "close", "exporter", "resumption"] {
        let secret = schedule.derive(secrets.get("main"), name, &complete);
        secrets.add(name, secret);
    }
    let psk = schedule.expand(secrets.get("resumption"), "psk", b"", schedule.hash_len());
    secrets.add("psk of the ticket", psk);

    let mut json = Map::new();
    let mut put = |name: &str, value: Value| json.insert(name.to_owned(), value);
    put("name", name.clone().into());
    put("time", now.into());
    put("group", group.map(Group::id).into());
    put("aead", chosen.aead.into());
    put("scheme", client.scheme.map(Scheme::id).into());
    if let Some((_, before)) = &resumed {
        put("resumes", before.clone().into());
    }
    let offers = offers.iter().map(|(group, drawn)| private(*group, drawn, "ml-kem seed"));
    put("client's shares", offers.collect());
    if let Some(group) = group {
        let count = if group == Group::X25519 { 1 } else { 2 };
        let drawn = &server_random.drawn()[drawn_before..drawn_before + count];
        put("server's share", private(group, drawn, "ml-kem randomness"));
    }
    put("messages", said.to_json(schedule));
    put("secrets", secrets.to_json());
    if let Some((opening, sealing)) = early_sequences {
        let hello = ClientHello::decode(&said.0[0].bytes).unwrap();
        assert!(hello.early && client.early_accepted);
        let secret = schedule.derive(secrets.get("request"), "early answer", b"");
        keys.insert("early answer".into(), schedule.keys(&secret));
        put("early data", requests::early(&client, &server, sealing, opening, &said.0[0].bytes, &flight));
        put("keys", Value::Object(keys));
    } else {
        put("keys", Value::Object(keys));
    }
    Session { name, json, schedule, secrets, client, server }
}
