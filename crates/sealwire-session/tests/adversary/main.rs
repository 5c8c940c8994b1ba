//! SE-61: two ends in memory, a clock that the test moves, and between them somebody who drops, repeats, reorders,
//! truncates, alters and mixes up every message. Whatever he does: no altered plaintext is ever delivered, nothing is acted
//! upon twice, and both ends agree on a session, or one of them has none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod concurrent;
mod ends;

use bytes::BytesMut;
use common::{AUTHORITY, Gateway, NOW, at};
use ends::{BINDER, Belief, CALLER, Instance, answer, exported, judged, prefixed, read, split_prefixed};
use fastrand::Rng;
use sealwire_crypto::random::OsRandom;
use sealwire_message::chunk;
use sealwire_session::{
    Error, Scheme,
    client::{self, Established, ExpectServerFlight, Outcome, Own, Ticket},
    message::Authentication,
    request::{Binder, Listed, Mode, Opener, Padding, Sealer, base_id},
    server,
};
use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
};

/// Where a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Handshake,
    Early,
    Request,
}

/// Everything between the ends, and how often it leaves things as they are, in percent.
struct Network {
    rng: Rng,
    fair: u8,
    /// all that was ever sent, each way
    sent: HashMap<(Place, bool), Vec<Vec<u8>>>,
    /// what is held back, to come later
    held: Vec<(Place, usize, Vec<u8>)>,
}

impl Network {
    /// What arrives of a message: nothing, or one or more, none of which need be the one that was sent.
    fn pass(&mut self, place: Place, to_server: bool, message: &[u8]) -> Vec<Vec<u8>> {
        let before = self.sent.entry((place, to_server)).or_default();
        before.push(message.to_vec());
        if self.rng.u8(0..100) < self.fair || message.is_empty() {
            return vec![message.to_vec()];
        }
        let rng = &mut self.rng;
        let mut altered = message.to_vec();
        match rng.u8(0..8) {
            0 => vec![],
            1 => vec![altered.clone(), altered],
            2 => {
                altered.truncate(rng.usize(0..altered.len()));
                vec![altered]
            }
            3 | 4 => {
                let bit = rng.usize(0..8 * altered.len());
                altered[bit / 8] ^= 1 << (bit % 8);
                // The true one may come too, before or after.
                match rng.u8(0..3) {
                    0 => vec![altered],
                    1 => vec![altered, message.to_vec()],
                    _ => vec![message.to_vec(), altered],
                }
            }
            5 => {
                altered.push(rng.u8(..));
                vec![altered]
            }
            6 => vec![before[rng.usize(0..before.len())].clone()],
            _ => {
                // Two messages of the same place, joined where they were cut.
                let other = &before[rng.usize(0..before.len())];
                let at = rng.usize(0..=altered.len().min(other.len()));
                vec![[&altered[..at], &other[at..]].concat()]
            }
        }
    }
}

/// The whole of one run.
struct World {
    network: Network,
    instances: Vec<Instance>,
    now: u64,
    /// plaintexts that the client has sent
    asked: HashSet<Vec<u8>>,
    /// what the client believes of its sessions
    believed: HashMap<[u8; 32], Belief>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    sessions: usize,
    authenticated: usize,
    resumed: usize,
    answers: usize,
    early: usize,
    failed: usize,
}

struct Session {
    established: Established,
    next: u64,
}

impl World {
    fn new(seed: u64, asked: Authentication) -> Self {
        let mut rng = Rng::with_seed(seed);
        let without_agreement = rng.bool();
        let instances = [[0x11; 16], [0x33; 16]].map(|instance| {
            let config = server::Config { without_agreement, ..server::Config::default() };
            Instance::new(Gateway::of(instance, config, &[AUTHORITY]).asking(asked))
        });
        let fair = [40, 75, 90][usize::try_from(seed % 3).unwrap()];
        Self {
            network: Network { rng, fair, sent: HashMap::new(), held: Vec::new() },
            instances: instances.into(),
            now: *NOW,
            asked: HashSet::new(),
            believed: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// Sends a message to an instance, over the network, and gives what comes back; some of what arrives may go to the
    /// other instance, and some later.
    fn exchange(&mut self, place: Place, instance: usize, message: &[u8]) -> Vec<Vec<u8>> {
        let mut arrived: Vec<_> =
            self.network.pass(place, true, message).into_iter().map(|m| (place, instance, m)).collect();
        let rng = &mut self.network.rng;
        if rng.u8(..) < 16 {
            self.network.held.append(&mut arrived);
        }
        if rng.u8(..) < 24 {
            arrived.append(&mut self.network.held);
        }
        if rng.u8(..) < 8 {
            arrived.iter_mut().for_each(|(_, instance, _)| *instance = 1 - *instance);
        }
        rng.shuffle(&mut arrived);
        self.now += rng.u64(0..500);
        let mut answers = Vec::new();
        for (to, instance, message) in arrived {
            let (busy, now) = (self.network.rng.u8(..) < 48, self.now);
            let instance = &mut self.instances[instance];
            let answer = match to {
                Place::Handshake => instance.handshake(&message, busy, now),
                Place::Early => instance.early(&message, busy, now),
                Place::Request => instance.request(&message, now),
            };
            match answer {
                Ok(answer) if to == place => answers.extend(self.network.pass(place, false, &answer)),
                Ok(_) => {}
                Err(_) => self.counts.failed += 1,
            }
        }
        answers
    }

    /// A handshake, and a request as early data where there are any; `None` when it came to nothing.
    fn connect(&mut self, instance: usize, ticket: Option<Ticket>, early: Option<&[u8]>) -> Option<Session> {
        let config = Arc::new(client::Config {
            attests: true,
            without_agreement: self.network.rng.bool(),
            ..client::Config::default()
        });
        let early = early.filter(|_| ticket.is_some());
        let offered = ticket.is_some();
        let started =
            client::start(config, AUTHORITY, None, ticket, early.is_some(), self.now, &OsRandom).unwrap();
        let limits = chunk::Limits::default();
        let (place, message) = match (started.early, early) {
            (Some(sequence), Some(request)) => {
                self.asked.insert(request.to_vec());
                let mut chunks = BytesMut::new();
                Sealer::new(sequence, Padding::Off, limits).finish(&mut chunks, &[request]).unwrap();
                (Place::Early, prefixed(&started.hello, &chunks))
            }
            _ => (Place::Handshake, started.hello),
        };
        // A client takes the first answer that comes, and none after it.
        let answer = self.exchange(place, instance, &message).into_iter().next()?;
        let (flight, chunks) = match place {
            Place::Early => split_prefixed(&answer).map(|(a, b)| (a.to_vec(), b.to_vec()))?,
            _ => (answer, Vec::new()),
        };
        let outcome = self.outcome(started.next, instance, &flight, true)?;
        let established = match outcome {
            Outcome::Established(established) => established,
            Outcome::Authenticate(own) => {
                let published = CALLER.published.encode();
                let shows = own.is_required() || self.network.rng.bool();
                let shown = shows.then(|| Own {
                    identity: &CALLER.identity,
                    scheme: Scheme::Ed25519MlDsa65,
                    document: CALLER.document_hash(),
                    published: &published,
                    quote: None,
                });
                let (message, expect) = own.present(shown, &OsRandom).unwrap();
                let answer = self.exchange(Place::Handshake, instance, &message).into_iter().next()?;
                Box::new(expect.receive(&answer).ok()?)
            }
        };
        if established.early_accepted {
            let sequence = established.secrets.request.early_answer().unwrap();
            // What opens is the answer to what was asked.
            if let Ok(data) = read(Opener::new(sequence, limits), &chunks) {
                assert_eq!(data, ends::answer(early.expect("accepted only where there were some")));
                self.counts.early += 1;
            }
        }
        self.agree(&established, offered);
        Some(Session { established: *established, next: 0 })
    }

    fn outcome(
        &mut self,
        next: ExpectServerFlight,
        instance: usize,
        answer: &[u8],
        first: bool,
    ) -> Option<Outcome> {
        match next.receive(answer, &OsRandom).ok()? {
            client::Received::Again { message, next } => {
                assert!(first, "a hello is said again once");
                let answer = self.exchange(Place::Handshake, instance, &message).into_iter().next()?;
                self.outcome(*next, instance, &answer, false)
            }
            client::Received::Presented(presented) => {
                let acceptance = judged(&self.instances, presented.published().unwrap().unwrap())?;
                presented.accept(&acceptance, None, at(self.now)).ok()
            }
            client::Received::Resumed(resumed) => {
                let acceptance = self.instances[instance].accepted.clone();
                resumed.accept(&acceptance, true).ok()
            }
        }
    }

    /// What the client believes is what the instance that made the session believes.
    fn agree(&mut self, client: &Established, offered: bool) {
        let made = self.instances.iter().find_map(|instance| instance.made.get(&client.id));
        let made = made.expect("a session that no instance made");
        let belief = Belief {
            suite: client.suite,
            exported: exported(&client.secrets),
            authenticated: client.authenticated,
            resumed: client.scheme.is_none(),
        };
        assert_eq!(*made, belief);
        assert!(offered || !belief.resumed);
        self.counts.sessions += 1;
        self.counts.authenticated += usize::from(belief.authenticated);
        self.counts.resumed += usize::from(belief.resumed);
        assert!(self.believed.insert(client.id, belief).is_none(), "a session id came twice");
    }

    /// A request in a session; what opens of its answers is its answer.
    fn request(&mut self, instance: usize, session: &mut Session, request: &[u8]) {
        let (id, secrets) = (session.established.id, &session.established.secrets);
        let number = session.next;
        session.next += 1;
        self.asked.insert(request.to_vec());
        let ticket =
            secrets.request.ticket(&id, number, Mode::Hidden, &Listed::nothing(), &OsRandom).unwrap();
        let limits = chunk::Limits::default();
        let (mut sealer, awaited) = secrets.request.seal(ticket).unwrap().sealing(Padding::To(32), limits);
        let mut body = BytesMut::new();
        let (first, rest) = request.split_at(request.len() / 2);
        sealer.seal(&mut body, first).unwrap();
        sealer.finish(&mut body, &[rest]).unwrap();
        let message = [base_id(&id).as_bytes(), ticket.to_field().as_bytes(), &body].concat();
        let Some(bytes) = self.exchange(Place::Request, instance, &message).into_iter().next() else {
            return;
        };
        let Some((binder, body)) = bytes.split_at_checked(BINDER) else { return };
        let Ok(binder) = Binder::from_field(binder) else { return };
        if let Ok(data) = awaited.receive(&binder).and_then(|opener| read(opener, body)) {
            assert_eq!(data, answer(request));
            self.counts.answers += 1;
        }
    }

    fn close(&mut self, instance: usize, session: Session) {
        let Established { id, secrets, .. } = session.established;
        let answers = self.exchange(Place::Handshake, instance, &secrets.close.close(&id).encode());
        for answer in answers {
            if let Ok(closed) = sealwire_session::message::Closed::decode(&answer)
                && secrets.close.confirm(&id, &closed).is_ok()
            {
                let table = &self.instances[instance].table;
                let close = secrets.close.close(&id);
                assert_eq!(table.close(&close).err().unwrap().reason(), Error::UnknownSession);
            }
        }
    }

    /// One run of a client and two instances.
    fn run(&mut self) {
        let mut ticket = None;
        let mut number = 0;
        for _ in 0..self.network.rng.usize(3..7) {
            let instance = usize::from(self.network.rng.u8(..) < 32);
            let early = format!("early request {number}");
            number += 1;
            let early = (self.network.rng.bool()).then_some(early.as_bytes());
            let Some(mut session) = self.connect(instance, mem::take(&mut ticket), early) else { continue };
            for _ in 0..self.network.rng.usize(0..5) {
                self.request(instance, &mut session, format!("request {number}").as_bytes());
                number += 1;
            }
            ticket = session.established.ticket.take();
            if self.network.rng.bool() {
                self.close(instance, session);
            }
        }
        // What is still held back comes in the end, and all that was ever sent once more.
        for (place, instance, message) in mem::take(&mut self.network.held) {
            self.replay(place, instance, &message);
        }
        let sent = mem::take(&mut self.network.sent);
        for ((place, to_server), messages) in sent {
            for message in messages {
                if to_server && self.network.rng.u8(..) < 64 {
                    let instance = self.network.rng.usize(0..2);
                    self.replay(place, instance, &message);
                }
            }
        }
    }

    fn replay(&mut self, place: Place, instance: usize, message: &[u8]) {
        let now = self.now;
        let instance = &mut self.instances[instance];
        let _ = match place {
            Place::Handshake => instance.handshake(message, false, now),
            Place::Early => instance.early(message, false, now),
            Place::Request => instance.request(message, now),
        };
    }

    /// What has to hold after anything at all.
    fn check(&self) {
        let mut acted = HashSet::new();
        for request in self.instances.iter().flat_map(|instance| &instance.acted) {
            assert!(self.asked.contains(request), "acted upon what nobody asked");
            assert!(acted.insert(request), "acted upon {:?} twice", String::from_utf8_lossy(request));
        }
        for instance in &self.instances {
            for id in &instance.used {
                assert_eq!(self.believed.get(id), instance.made.get(id), "acted in a session of one side");
            }
        }
    }
}

fn runs(seeds: std::ops::Range<u64>, asked: Authentication) -> Counts {
    let mut all = Counts::default();
    for seed in seeds {
        let mut world = World::new(seed, asked);
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            world.run();
            world.check();
        }));
        if let Err(fault) = found {
            eprintln!("with seed {seed}");
            std::panic::resume_unwind(fault);
        }
        let Counts { sessions, authenticated, resumed, answers, early, failed } = world.counts;
        all.sessions += sessions;
        all.authenticated += authenticated;
        all.resumed += resumed;
        all.answers += answers;
        all.early += early;
        all.failed += failed;
    }
    println!("{all:?}");
    all
}

// SE-61, SE-02, SE-03, SE-10, SE-32, SE-34, SE-42
#[test]
fn the_network_is_against_both() {
    let counts = runs(0..600, Authentication::NotAsked);
    // It does not pass because nothing ever comes about.
    assert!(counts.sessions > 1000 && counts.resumed > 300 && counts.answers > 1000 && counts.early > 100);
    assert!(counts.failed > 1000);
}

// SE-61, SE-11: the same where the client is asked who it is.
#[test]
fn the_network_is_against_both_where_callers_attest_themselves() {
    for asked in [Authentication::Wanted, Authentication::Required] {
        let counts = runs(1000..1150, asked);
        assert!(counts.sessions > 200 && counts.answers > 100);
        assert_eq!(counts.authenticated == counts.sessions, asked == Authentication::Required);
    }
}
