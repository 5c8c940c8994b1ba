//! Ours and a second implementation, which was written from the specification alone, with randomness of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/peer.rs"]
mod peer;

use bytes::{Bytes, BytesMut};
use common::{AUTHORITY, Caller, Gateway, NOW, accept, appraise, at, parameters, quote, quote_bytes};
use http::{HeaderMap, StatusCode};
use peer::{Peer, bytes, python, script};
use sealwire_attest::{
    Bound, binding,
    key_document::{self, Published, Wanted},
};
use sealwire_crypto::{aead::Aead, kx::Group, random::OsRandom};
use sealwire_message::{
    bhttp::{self, RequestDecoder, RequestEvent, ResponseHead},
    chunk,
};
use sealwire_session::{
    Error, Scheme, Suite,
    channel::{self, Channel, Sealed, Volume},
    client::{self, Established, Outcome, Own},
    message::{Authentication, ChannelOpen, Close, Closed, EvidenceMode},
    request::{self, Binder, Listed, Mode, Opened, Opener, Padding, Sealer, Window},
    server::{self, HalfOpen, Next},
};
use serde_json::{Value, json};
use std::{path::Path, process::Command, sync::Arc};

// SE-04, SE-05, SE-80: the suite that was negotiated is the one that runs, byte for byte, as somebody else computes it.
#[test]
fn the_second_implementation_computes_the_vectors() {
    let Some(python) = python() else { return };
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/session.json");
    let mut command = Command::new(python);
    // And it computes: a value that is altered is none that it passes.
    command.arg("-B").arg(script("vectors.py")).arg(vectors).arg("altered");
    assert!(command.status().unwrap().success());
}

// SE-01, SE-37, SE-80: a client that shares nothing with ours. It verifies our flight, seals requests that we open, in hidden
// and in bound mode, opens the answers, talks over a channel, closes, and resumes with early data.
#[test]
fn a_client_of_another_hand_and_our_server() {
    let Some(python) = python() else { return };
    for Case { group, aead, scheme, evidence, asks, retries } in cases() {
        let groups = if retries { vec![Group::SecP384r1MlKem1024] } else { vec![group] };
        let config = server::Config {
            groups,
            suites: vec![Suite { aead }],
            schemes: vec![scheme],
            ..server::Config::default()
        };
        let gateway = Gateway::new(config).asking(asks);
        let offered = if retries { vec![group, Group::SecP384r1MlKem1024] } else { vec![group] };
        let config = json!({
            "authority": AUTHORITY,
            "now": *NOW,
            "groups": offered.iter().map(|group| group.id()).collect::<Vec<_>>(),
            "aeads": [Aead::Aes256Gcm.id(), Aead::Aes128Gcm.id(), Aead::ChaCha20Poly1305.id()],
            "schemes": [scheme.id()],
            "evidence": u8::from(evidence == EvidenceMode::Handshake),
            "attests": asks == Authentication::Required,
        });
        Serving::new(gateway, Peer::start(&python, "client", &config)).run();
    }
}

// SE-01, SE-80: and a server that shares nothing with ours.
#[test]
fn our_client_and_a_server_of_another_hand() {
    let Some(python) = python() else { return };
    for case in cases() {
        // It signs with Ed25519 and ML-DSA only, and asks for no second hello.
        if case.scheme != Scheme::SlhDsaSha2192f && !case.retries {
            call(&python, &case, Authentication::NotAsked);
        }
    }
}

// SE-42: a server that accepts early data of a client that it asks to authenticate itself is refused.
#[test]
fn early_data_go_with_no_authentication() {
    let Some(python) = python() else { return };
    call(&python, &cases()[0], Authentication::Wanted);
}

struct Case {
    group: Group,
    aead: Aead,
    scheme: Scheme,
    evidence: EvidenceMode,
    asks: Authentication,
    retries: bool,
}

fn cases() -> [Case; 6] {
    let usual = || Case {
        group: Group::X25519MlKem768,
        aead: Aead::Aes256Gcm,
        scheme: Scheme::Ed25519MlDsa65,
        evidence: EvidenceMode::Identity,
        asks: Authentication::NotAsked,
        retries: false,
    };
    [
        usual(),
        Case {
            group: Group::SecP384r1MlKem1024,
            aead: Aead::ChaCha20Poly1305,
            scheme: Scheme::Ed25519,
            ..usual()
        },
        Case { group: Group::X25519, aead: Aead::Aes128Gcm, evidence: EvidenceMode::Handshake, ..usual() },
        Case { asks: Authentication::Required, ..usual() },
        Case { scheme: Scheme::SlhDsaSha2192f, asks: Authentication::Wanted, ..usual() },
        Case { retries: true, ..usual() },
    ]
}

/// Our server at the other end of the peer's lines.
struct Serving {
    gateway: Gateway,
    peer: Peer,
    awaited: Option<Box<server::ExpectClientFinish>>,
    session: Option<HalfOpen>,
    window: Window,
}

impl Serving {
    fn new(gateway: Gateway, peer: Peer) -> Self {
        Self { gateway, peer, awaited: None, session: None, window: Window::new(0) }
    }

    /// Goes on until the peer is content.
    fn run(mut self) {
        let mut answered = 0;
        loop {
            let line = self.peer.hear();
            let has = |name| line.get(name).is_some();
            if has("document") {
                let published = publish(key_document::CLIENT, bytes(&line, "document"));
                self.peer.say(&json!({ "published": hex::encode(published.encode()) }));
            } else if has("hello") {
                self.hello(&line);
            } else if has("finish") {
                self.finish(&bytes(&line, "finish"));
            } else if has("ticket") {
                self.request(&line);
                answered += 1;
            } else if has("open") {
                let open = ChannelOpen::decode(&bytes(&line, "open")).unwrap();
                let HalfOpen { id, secrets, .. } = self.session.as_ref().unwrap();
                let admitted = secrets.admit_channel(id, &open).unwrap();
                self.window.mark(admitted.number()).unwrap();
                let (opened, mut channel) = admitted.accept(&secrets.channel, &OsRandom).unwrap();
                channel.sender.update_after(Volume { records: 0, bytes: 0 });
                self.peer.say(&json!({ "opened": hex::encode(opened.encode()) }));
                echo(channel, &mut self.peer);
            } else if has("export") {
                let mut ours = [0; 40];
                self.session().secrets.exporter.export("test", b"context", &mut ours).unwrap();
                assert_eq!(bytes(&line, "export"), ours);
            } else if has("close") {
                let close = Close::decode(&bytes(&line, "close")).unwrap();
                let closed = self.session().secrets.close.answer(&close).unwrap();
                self.peer.say(&json!({ "closed": hex::encode(closed.encode()) }));
            } else {
                assert_eq!(line, json!({ "done": true }));
                assert!(answered >= 2);
                return;
            }
        }
    }

    fn session(&self) -> &HalfOpen {
        self.session.as_ref().unwrap()
    }

    fn hello(&mut self, line: &Value) {
        let hello = match self.gateway.receive(&bytes(line, "hello"), false, *NOW).unwrap() {
            server::Received::Hello(hello) => hello,
            server::Received::Retry(retry) => {
                self.peer.say(&json!({ "answer": hex::encode(retry), "early": "" }));
                return;
            }
        };
        let early = bytes(line, "early");
        let opening = hello.early().unwrap();
        assert_eq!(opening.is_some(), !early.is_empty());
        if let Some(sequence) = opening {
            let asked = open(Opener::new(sequence, chunk::Limits::default()), &early);
            assert_eq!(target_and_content(asked), ("/early".to_owned(), Vec::new()));
        }
        let (flight, next) = self.gateway.answer(*hello, *NOW).unwrap();
        let mut answer = Vec::new();
        match next {
            Next::HalfOpen(session) => {
                if !early.is_empty() {
                    let sequence = session.secrets.request.early_answer().unwrap();
                    let sealer = Sealer::new(sequence, Padding::To(256), chunk::Limits::default());
                    answer = seal(sealer, &response(b"as early"));
                }
                self.begin(*session);
            }
            Next::Authenticate(awaited) => self.awaited = Some(awaited),
        }
        self.peer.say(&json!({ "answer": hex::encode(flight), "early": hex::encode(answer) }));
    }

    fn finish(&mut self, message: &[u8]) {
        let awaited = self.awaited.take().unwrap();
        let received = awaited.receive(message).unwrap();
        let presented = awaited.presented(received);
        let server = &self.gateway.server;
        let note = Some(&b"note"[..]);
        let (answer, session) = match presented.published().unwrap() {
            None => presented.accept_unattested(server, note, *NOW, &OsRandom).unwrap(),
            Some(published) => {
                let acceptance = accept(&Published::decode(published).unwrap(), Wanted::Client);
                let schemes = [Scheme::Ed25519MlDsa65];
                let attested = presented.verify(&acceptance, None, &schemes, at(*NOW)).unwrap();
                presented.accept(&attested, server, note, *NOW, &OsRandom).unwrap()
            }
        };
        self.begin(session);
        self.peer.say(&json!({ "answer": hex::encode(answer) }));
    }

    fn begin(&mut self, session: HalfOpen) {
        self.session = Some(session);
        self.window = Window::new(parameters(&self.gateway.server.config().limits).window);
    }

    /// Answers a request with its content backwards.
    fn request(&mut self, line: &Value) {
        let session = self.session.as_ref().unwrap();
        assert_eq!(request::parse_base_id(&bytes(line, "base_id")).unwrap(), session.id);
        let ticket = request::Ticket::from_field(&bytes(line, "ticket")).unwrap();
        let (mode, listed) = if line["mode"] == 1 {
            let mut listed = Listed::target("POST", AUTHORITY, "/v1/ask", "model=small");
            listed.field("x-tenant", b"blue");
            (Mode::Bound, listed)
        } else {
            (Mode::Hidden, Listed::nothing())
        };
        let secret = &session.secrets.request;
        let admitted = secret.admit(&session.id, ticket, mode, &listed).unwrap();
        self.window.mark(admitted.number()).unwrap();
        let limits = chunk::Limits::default();
        let (opener, reply) = secret.open(admitted).unwrap().opening(limits);
        let (target, mut content) = target_and_content(open(opener, &bytes(line, "body")));
        assert_eq!(target, "/v1/ask?model=small");
        content.reverse();
        let (binder, sealer) = reply.begin(Padding::To(256), limits, &OsRandom).unwrap();
        let body = seal(sealer, &response(&content));
        self.peer.say(&json!({ "binder": hex::encode(binder.to_field()), "body": hex::encode(body) }));
    }
}

/// Says everything again, up to the close.
fn echo(channel: Channel, peer: &mut Peer) {
    let Channel { mut sender, mut receiver } = channel;
    let say = |peer: &mut Peer, record: BytesMut| peer.say(&json!({ "record": hex::encode(record) }));
    let mut updates = 0;
    loop {
        let mut data = BytesMut::from(bytes(&peer.hear(), "record").as_slice());
        match receiver.open(&mut data).unwrap() {
            channel::Received::KeyUpdate => updates += 1,
            channel::Received::Data => loop {
                let mut record = BytesMut::new();
                let sealed = sender.seal([&data[..]], &mut record).unwrap();
                say(peer, record);
                if sealed == Sealed::Data(data.len()) {
                    break;
                }
            },
            channel::Received::Close => break,
        }
    }
    assert_eq!(updates, 2);
    let mut record = BytesMut::new();
    sender.close(&mut record).unwrap();
    say(peer, record);
}

/// Our client, from the first message to the end of the session, and another one with early data where there is a ticket.
/// Whether the server asks for authentication then, `asks_later` says.
fn call(python: &Path, case: &Case, asks_later: Authentication) {
    let Case { group, aead, scheme, evidence, asks, .. } = *case;
    let config = json!({
        "authority": AUTHORITY,
        "now": *NOW,
        "aeads": [aead.id()],
        "schemes": [scheme.id()],
        "asks": asks as u8,
        "asks later": asks_later as u8,
    });
    let mut peer = Peer::start(python, "server", &config);
    let published = publish(key_document::GATEWAY, bytes(&peer.hear(), "document"));
    peer.say(&json!({ "published": hex::encode(published.encode()) }));
    let acceptance = accept(&published, Wanted::Gateway(AUTHORITY));

    let config = Arc::new(client::Config {
        groups: vec![group],
        schemes: vec![scheme],
        evidence,
        attests: asks != Authentication::NotAsked,
        ..client::Config::default()
    });
    let started = client::start(Arc::clone(&config), AUTHORITY, None, None, false, *NOW, &OsRandom).unwrap();
    peer.say(&json!({ "hello": hex::encode(&started.hello), "early": "" }));
    let mut line = peer.hear();
    if line.get("bound").is_some() {
        let bound = Bound::new(binding::HANDSHAKE, key_document::GATEWAY, &bytes(&line, "bound"), &[]);
        peer.say(&json!({ "quote": hex::encode(quote_bytes(&bound)) }));
        line = peer.hear();
    }
    let client::Received::Presented(presented) =
        started.next.receive(&bytes(&line, "flight"), &OsRandom).unwrap()
    else {
        panic!("a full handshake")
    };
    assert_eq!(presented.published().unwrap(), Some(published.encode().as_slice()));
    let claims = presented.quote().unwrap().map(|(quote, bound)| appraise(quote, &bound));
    assert_eq!(claims.is_some(), evidence == EvidenceMode::Handshake);
    let mut session = match presented.accept(&acceptance, claims.as_ref(), at(*NOW)).unwrap() {
        Outcome::Established(session) => *session,
        Outcome::Authenticate(own) => {
            let caller = Caller::new();
            let shown = Own {
                identity: &caller.identity,
                scheme: Scheme::Ed25519MlDsa65,
                document: caller.document_hash(),
                published: &caller.published.encode(),
                quote: None,
            };
            let (message, expect) = own.present(Some(shown), &OsRandom).unwrap();
            peer.say(&json!({ "finish": hex::encode(message) }));
            expect.receive(&bytes(&peer.hear(), "answer")).unwrap()
        }
    };
    assert_eq!((session.suite.aead, session.group, session.scheme), (aead, Some(group), Some(scheme)));
    ask(&session, &mut peer);
    let mut ours = [0; 40];
    session.secrets.exporter.export("test", b"context", &mut ours).unwrap();
    assert_eq!(bytes(&peer.hear(), "export"), ours);
    peer.say(&json!({ "close": hex::encode(session.secrets.close.close(&session.id).encode()) }));
    let closed = Closed::decode(&bytes(&peer.hear(), "closed")).unwrap();
    session.secrets.close.confirm(&session.id, &closed).unwrap();

    let ticket = session.ticket.take();
    assert!(ticket.is_some());
    if asks == Authentication::NotAsked {
        let started = client::start(config, AUTHORITY, None, ticket, true, *NOW, &OsRandom).unwrap();
        let limits = chunk::Limits::default();
        let early = seal(Sealer::new(started.early.unwrap(), Padding::To(256), limits), b"abc");
        peer.say(&json!({ "hello": hex::encode(started.hello), "early": hex::encode(early) }));
        let line = peer.hear();
        let client::Received::Resumed(resumed) =
            started.next.receive(&bytes(&line, "flight"), &OsRandom).unwrap()
        else {
            panic!("a resumption")
        };
        let outcome = resumed.accept(&acceptance, false);
        if asks_later != Authentication::NotAsked {
            assert_eq!(outcome.err(), Some(Error::Inconsistent));
            return;
        }
        let Ok(Outcome::Established(session)) = outcome else { panic!("no authentication") };
        assert!(session.early_accepted);
        let sequence = session.secrets.request.early_answer().unwrap();
        let answer = open(Opener::new(sequence, limits), &bytes(&line, "early"));
        assert_eq!(answer, response(b"abc"));
        ask(&session, &mut peer);
    }
    assert_eq!(peer.hear(), json!({ "done": true }));
}

/// A request whose answer is what was asked, backwards.
fn ask(session: &Established, peer: &mut Peer) {
    let (limits, listed) = (chunk::Limits::default(), Listed::nothing());
    let secret = &session.secrets.request;
    let ticket = secret.ticket(&session.id, 9, Mode::Hidden, &listed, &OsRandom).unwrap();
    let (sealer, awaited) = secret.seal(ticket).unwrap().sealing(Padding::To(64), limits);
    let asked: Vec<u8> = (0..=255).cycle().take(40_000).collect();
    peer.say(&json!({
        "base_id": hex::encode(request::base_id(&session.id)),
        "ticket": hex::encode(ticket.to_field()),
        "body": hex::encode(seal(sealer, &asked)),
    }));
    let line = peer.hear();
    let opener = awaited.receive(&Binder::from_field(&bytes(&line, "binder")).unwrap()).unwrap();
    assert!(open(opener, &bytes(&line, "body")).into_iter().rev().eq(asked));
}

/// The published form of somebody else's document.
fn publish(role: &'static str, document: Vec<u8>) -> Published {
    let (evidence, endorsements) = quote(&key_document::bound_as(role, &document, &[]));
    Published { document, evidence, endorsements }
}

fn response(content: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    bhttp::encode::response_start(&mut out);
    let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
    bhttp::encode::response_head(&mut out, &head);
    bhttp::encode::content_prefix(&mut out, content.len());
    out.extend_from_slice(content);
    bhttp::encode::end(&mut out, None);
    out.to_vec()
}

fn target_and_content(request: Vec<u8>) -> (String, Vec<u8>) {
    let mut decoder = RequestDecoder::new(bhttp::Limits::default());
    decoder.push(Bytes::from(request));
    decoder.end();
    let (mut target, mut content) = (String::new(), Vec::new());
    loop {
        match decoder.next_event().unwrap().unwrap() {
            RequestEvent::Head(head) => {
                assert_eq!(head.authority.unwrap(), AUTHORITY);
                target = head.path.to_string();
            }
            RequestEvent::Data(data) => content.extend_from_slice(&data),
            RequestEvent::Trailers(_) => panic!("no trailers"),
            RequestEvent::End => return (target, content),
        }
    }
}

fn seal(mut sealer: Sealer, data: &[u8]) -> Vec<u8> {
    let mut body = BytesMut::new();
    sealer.seal(&mut body, data).unwrap();
    sealer.finish(&mut body, &[]).unwrap();
    body.to_vec()
}

fn open(mut opener: Opener, body: &[u8]) -> Vec<u8> {
    opener.push(body);
    opener.end();
    let mut data = Vec::new();
    loop {
        match opener.next_data().unwrap().unwrap() {
            Opened::Data(part) => data.extend_from_slice(&part),
            Opened::Final(part) => {
                data.extend_from_slice(&part);
                return data;
            }
        }
    }
}
