//! Tickets and early data in the wrong hands, at the wrong place, twice, and too late (SE-40 to SE-42, SE-73).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{AUTHORITY, Caller, Gateway, INSTANCE, NOW, establish, establish_mutual};
use sealwire_crypto::{aead::Aead, kx, random::OsRandom};
use sealwire_message::chunk;
use sealwire_session::{
    Error, Group, Limits, Suite,
    client::{self, Outcome, Received, Started, Ticket},
    message::{Authentication, ClientHello},
    request::{Listed, Mode, Opened, Opener, Padding, Sealer},
    server::{self, Table},
};
use std::{sync::Arc, time::Duration};

fn gateway() -> Gateway {
    Gateway::new(server::Config::default())
}

fn ticket(gateway: &Gateway) -> Ticket {
    establish(gateway, &client::Config::default(), None, *NOW).unwrap().0.ticket.unwrap()
}

fn resume(ticket: Ticket, early: bool, now: u64) -> Started {
    let config = Arc::new(client::Config::default());
    client::start(config, AUTHORITY, None, Some(ticket), early, now, &OsRandom).unwrap()
}

/// A hello that is answered, and whether by a resumption.
fn received(gateway: &Gateway, hello: &[u8], now: u64) -> Result<Box<server::Hello>, Error> {
    match gateway.receive(hello, false, now)? {
        server::Received::Hello(hello) => Ok(hello),
        server::Received::Retry(_) => panic!("no retry is due"),
    }
}

fn is_resumed(gateway: &Gateway, hello: &[u8], now: u64) -> Result<bool, Error> {
    Ok(received(gateway, hello, now)?.remembered().is_some())
}

// SE-40: who has seen a ticket has not its secret, and can neither use it with shares of his own nor answer what is
// answered to a copy.
#[test]
fn a_stolen_ticket_opens_nothing() {
    let gateway = gateway();
    let started = resume(ticket(&gateway), false, *NOW + 5);
    let mut stolen = ClientHello::decode(&started.hello).unwrap();
    let own = kx::Offer::generate(Group::X25519MlKem768, &OsRandom).unwrap();
    stolen.shares[0].1 = own.share().to_vec();
    assert_eq!(is_resumed(&gateway, &stolen.encode(), *NOW + 5), Err(Error::Binder));
    // Whatever of the hello is altered, the binder says so, and the ticket is not used up by it.
    for bit in (0..8 * started.hello.len()).step_by(5) {
        let mut altered = started.hello.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!matches!(is_resumed(&gateway, &altered, *NOW + 5), Ok(true)), "{bit}");
    }
    assert_eq!(is_resumed(&gateway, &started.hello, *NOW + 5), Ok(true));
}

// SE-40: a ticket is for one handshake; the second gets a full one, and so does a copy that came first.
#[test]
fn a_ticket_is_used_once() {
    let gateway = gateway();
    let started = resume(ticket(&gateway), false, *NOW + 5);
    assert_eq!(is_resumed(&gateway, &started.hello, *NOW + 5), Ok(true));
    assert_eq!(is_resumed(&gateway, &started.hello, *NOW + 6), Ok(false));
    let (flight, _) = gateway.flight(&started.hello, *NOW + 7).unwrap();
    assert!(matches!(started.next.receive(&flight, &OsRandom), Ok(Received::Presented(_))));
}

// SE-40, SE-44: another instance, and the same after a restart, do not open it; nor does its own when it has expired.
#[test]
fn a_ticket_is_its_instances() {
    let gateway = gateway();
    let others = [
        Gateway::of([0x33; 16], server::Config::default(), &[AUTHORITY]),
        Gateway::of(INSTANCE, server::Config::default(), &[AUTHORITY]),
    ];
    let started = resume(ticket(&gateway), true, *NOW);
    // Whoever carries it can tell whose it is.
    let hello = ClientHello::decode(&started.hello).unwrap();
    assert!(hello.resumption.unwrap().ticket.starts_with(&INSTANCE));
    for other in &others {
        let hello = received(other, &started.hello, *NOW).unwrap();
        assert!(hello.remembered().is_none() && hello.early().unwrap().is_none());
        assert!(other.register.is_empty());
    }
    let day = 24 * 3_600_000;
    assert_eq!(is_resumed(&gateway, &started.hello, *NOW + day), Ok(false));
    assert_eq!(is_resumed(&gateway, &started.hello, *NOW + day - 1), Ok(true));
    let kept = ticket(&gateway);
    assert!(kept.is_usable(*NOW + day - 1) && !kept.is_usable(*NOW + day));
}

// SE-40: a client gives a ticket to nobody but the name that it is of, and offers with it what it would offer anyway.
#[test]
fn a_ticket_is_for_its_name_and_suite() {
    let gateway = gateway();
    let begin = |config: client::Config, authority: &str, ticket, early| {
        client::start(Arc::new(config), authority, None, ticket, early, *NOW, &OsRandom).err()
    };
    let config = client::Config::default;
    assert_eq!(begin(config(), "other.example", Some(ticket(&gateway)), false), Some(Error::Ticket));
    let suites = vec![Suite { aead: Aead::ChaCha20Poly1305 }];
    let other = client::Config { suites, ..config() };
    assert_eq!(begin(other, AUTHORITY, Some(ticket(&gateway)), false), Some(Error::Ticket));
    assert_eq!(begin(config(), AUTHORITY, None, true), Some(Error::Ticket));
}

// SE-40: without a key agreement only where both sides say so; a hello that has no share then gets a retry, not a session.
#[test]
fn agreement_is_left_out_by_both_or_not_at_all() {
    let lax = client::Config { without_agreement: true, ..client::Config::default() };
    let gateway = gateway();
    let (first, _) = establish(&gateway, &lax, None, *NOW).unwrap();
    let (client, _) = establish(&gateway, &lax, first.ticket, *NOW).unwrap();
    assert!(client.group.is_some());
    // A server that leaves it out for a client that did not say so.
    let permissive = Gateway::new(server::Config { without_agreement: true, ..server::Config::default() });
    let (first, _) = establish(&permissive, &client::Config::default(), None, *NOW).unwrap();
    let (client, _) = establish(&permissive, &client::Config::default(), first.ticket, *NOW).unwrap();
    assert!(client.group.is_some());

    let started =
        client::start(Arc::new(lax.clone()), AUTHORITY, None, Some(ticket(&gateway)), false, *NOW, &OsRandom)
            .unwrap();
    let mut bare = ClientHello::decode(&started.hello).unwrap();
    bare.shares.clear();
    for gateway in [&gateway, &permissive] {
        let received = gateway.receive(&bare.encode(), false, *NOW);
        assert!(matches!(received, Ok(server::Received::Retry(_))));
    }
}

/// A request as early data: the chunks behind the hello.
fn early_chunks(sequence: sealwire_crypto::aead::Sequence) -> BytesMut {
    let mut chunks = BytesMut::new();
    let sealer = Sealer::new(sequence, Padding::Off, chunk::Limits::default());
    sealer.finish(&mut chunks, &[b"early"]).unwrap();
    chunks
}

fn open_early(hello: &server::Hello, chunks: &[u8]) -> Option<Opened> {
    let mut opener = Opener::new(hello.early().unwrap()?, chunk::Limits::default());
    opener.push(chunks);
    opener.end();
    opener.next_data().unwrap()
}

// SE-42: early data are opened once, by the instance of the ticket, and by nobody after a restart.
#[test]
fn early_data_are_not_replayed() {
    let gateway = gateway();
    let mut started = resume(ticket(&gateway), true, *NOW + 100);
    let chunks = early_chunks(started.early.take().unwrap());
    let another = Gateway::of([0x33; 16], server::Config::default(), &[AUTHORITY]);
    let restarted = gateway_of_the_same_id();
    for elsewhere in [&another, &restarted] {
        let hello = received(elsewhere, &started.hello, *NOW + 100).unwrap();
        assert_eq!(open_early(&hello, &chunks), None);
    }
    let hello = received(&gateway, &started.hello, *NOW + 100).unwrap();
    assert_eq!(open_early(&hello, &chunks), Some(Opened::Final("early".into())));
    // Its answer comes in the session, sealed for nothing else.
    let (flight, next) = gateway.answer_with(*hello, true, *NOW + 100).unwrap();
    let server::Next::HalfOpen(server) = next else { panic!() };
    let Ok(Received::Resumed(resumed)) = started.next.receive(&flight, &OsRandom) else { panic!() };
    let Ok(Outcome::Established(client)) = resumed.accept(&gateway.acceptance(), false) else { panic!() };
    assert!(client.early_accepted);
    let mut answer = BytesMut::new();
    let sequence = server.secrets.request.early_answer().unwrap();
    let sealer = Sealer::new(sequence, Padding::Off, chunk::Limits::default());
    sealer.finish(&mut answer, &[b"the answer"]).unwrap();
    let mut opener = Opener::new(client.secrets.request.early_answer().unwrap(), chunk::Limits::default());
    opener.push(&answer);
    opener.end();
    assert_eq!(opener.next_data(), Ok(Some(Opened::Final("the answer".into()))));

    // The same bytes once more.
    let again = received(&gateway, &started.hello, *NOW + 101).unwrap();
    assert!(again.remembered().is_none());
    assert_eq!(open_early(&again, &chunks), None);
    // Whoever answers cannot say that they were accepted, either.
    let (flight, _) = gateway.answer_with(*again, true, *NOW + 101).unwrap();
    let flight = sealwire_session::message::ServerFlight::decode(&flight).unwrap();
    assert!(!sealwire_session::message::ServerHello::decode(flight.hello).unwrap().early);
}

fn gateway_of_the_same_id() -> Gateway {
    Gateway::of(INSTANCE, server::Config::default(), &[AUTHORITY])
}

// SE-42: held back for more than ten seconds, they are too late, and the handshake goes on without them.
#[test]
fn early_data_that_come_late_are_refused() {
    for (held, taken) in [(0, true), (10_000, true), (10_001, false), (3_600_000, false)] {
        let gateway = gateway();
        let started = resume(ticket(&gateway), true, *NOW + 100);
        let hello = received(&gateway, &started.hello, *NOW + 100 + held).unwrap();
        assert!(hello.remembered().is_some());
        assert_eq!(hello.early().unwrap().is_some(), taken, "{held}");
    }
    // Early data that came with a hello that is said again are gone.
    let gateway = gateway();
    let mut started = resume(ticket(&gateway), true, *NOW);
    let chunks = early_chunks(started.early.take().unwrap());
    let Ok(server::Received::Retry(retry)) = gateway.receive(&started.hello, true, *NOW) else { panic!() };
    let Ok(Received::Again { message, next }) = started.next.receive(&retry, &OsRandom) else { panic!() };
    let hello = received(&gateway, &message, *NOW).unwrap();
    assert!(hello.remembered().is_some());
    assert_eq!(open_early(&hello, &chunks), None);
    let (flight, _) = gateway.answer_with(*hello, true, *NOW).unwrap();
    assert!(matches!(next.receive(&flight, &OsRandom), Ok(Received::Resumed(_))));
}

// SE-73: a resumption neither knows nor touches the live session that its ticket came from.
#[test]
fn se_73_resumption_leaves_the_live_session_alone() {
    let gateway = gateway();
    let table = Table::new(Limits::default());
    let (first, server) = establish(&gateway, &client::Config::default(), None, *NOW).unwrap();
    table.insert(Box::new(server), 1, *NOW);
    let listed = Listed::nothing();
    let request = &first.secrets.request;
    let ticket = |number| request.ticket(&first.id, number, Mode::Hidden, &listed, &OsRandom).unwrap();
    let captured: Vec<_> = (0..10).map(ticket).collect();
    let admit = |id, ticket| table.admit(id, ticket, Mode::Hidden, &listed, *NOW);
    for sent in &captured {
        assert!(admit(&first.id, *sent).is_ok());
    }
    assert!(first.id.starts_with(&INSTANCE));
    let old = first.ticket.unwrap();
    let (second, server) = establish(&gateway, &client::Config::default(), Some(old), *NOW).unwrap();
    assert_ne!(first.id, second.id);
    table.insert(Box::new(server), 2, *NOW);
    for sent in &captured {
        assert_eq!(admit(&first.id, *sent).err().unwrap().reason(), Error::Replay);
        assert_eq!(admit(&second.id, *sent).err().unwrap().reason(), Error::HeaderMac);
    }
    // Both go on, each by its own numbers and keys.
    assert_eq!(admit(&first.id, ticket(10)).ok().unwrap().data, 1);
    let own = second.secrets.request.ticket(&second.id, 0, Mode::Hidden, &listed, &OsRandom).unwrap();
    assert_eq!(admit(&first.id, own).err().unwrap().reason(), Error::HeaderMac);
    assert_eq!(admit(&second.id, own).ok().unwrap().data, 2);
    let exported = |secrets: &sealwire_session::Secrets| {
        let mut out = [0; 32];
        secrets.exporter.export("test", b"", &mut out).unwrap();
        out
    };
    assert_ne!(exported(&first.secrets), exported(&second.secrets));
}

// SE-38: a session that began with a ticket has the limits of any other, and no more time or requests than they say.
#[test]
fn a_resumed_session_keeps_the_limits() {
    let gateway = gateway();
    let limits = Limits { requests: 2, ..Limits::default() };
    let table = Table::new(limits);
    let (first, _) = establish(&gateway, &client::Config::default(), None, *NOW).unwrap();
    let begin = |ticket| {
        let (client, server) = establish(&gateway, &client::Config::default(), ticket, *NOW).unwrap();
        assert!(client.scheme.is_none() && server.remembered.is_some());
        table.insert(Box::new(server), (), *NOW);
        client
    };
    let listed = Listed::nothing();
    let admit = |session: &client::Established, number, now| {
        let request = &session.secrets.request;
        let ticket = request.ticket(&session.id, number, Mode::Hidden, &listed, &OsRandom).unwrap();
        table.admit(&session.id, ticket, Mode::Hidden, &listed, now).err().map(|refused| refused.reason())
    };
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap();
    let mut session = begin(first.ticket);
    assert_eq!(
        [0, 1, 2].map(|number| admit(&session, number, *NOW)),
        [None, None, Some(Error::RequestLimit)]
    );
    session = begin(session.ticket);
    assert_eq!(admit(&session, 0, *NOW + millis(limits.idle)), Some(Error::Expired));
    session = begin(session.ticket);
    let almost = *NOW + millis(limits.lifetime) - 1;
    assert_eq!(admit(&session, 0, almost), Some(Error::Expired), "idle since it began");
    // Half-open sessions make room, whichever way they began.
    let few = Table::new(Limits { half_open: 1, ..limits });
    let (one, server) = establish(&gateway, &client::Config::default(), session.ticket, *NOW).unwrap();
    few.insert(Box::new(server), (), *NOW);
    let (_, server) = establish(&gateway, &client::Config::default(), one.ticket, *NOW).unwrap();
    few.insert(Box::new(server), (), *NOW);
    assert!(!few.knows(&one.id));
}

// SE-41: the age of a caller's evidence is that of its document, through every ticket; that a later session was asked and
// shown nothing makes it no younger.
#[test]
fn ages_count_from_the_original_evidence() {
    let caller = Caller::new();
    let issued = caller.acceptance().document.get().issued_at.0;
    let config = client::Config { attests: true, ..client::Config::default() };
    let later = u64::try_from(Duration::from_mins(50).as_millis()).unwrap();
    let gateway = gateway().asking(Authentication::Wanted);
    let (first, _) = establish_mutual(&gateway, &config, Some(&caller), *NOW + later).unwrap();
    let mut ticket = first.ticket;
    for session in 1..4 {
        let now = *NOW + later + session * 1000;
        let started =
            client::start(Arc::new(config.clone()), AUTHORITY, None, ticket, false, now, &OsRandom).unwrap();
        let (flight, next) = gateway.flight(&started.hello, now).unwrap();
        let server::Next::Authenticate(expect) = next else { panic!() };
        let Ok(Received::Resumed(resumed)) = started.next.receive(&flight, &OsRandom) else { panic!() };
        let Ok(Outcome::Authenticate(own)) = resumed.accept(&gateway.acceptance(), true) else { panic!() };
        let (finish, awaited) = own.present(None, &OsRandom).unwrap();
        let received = expect.receive(&finish).unwrap();
        let presented = expect.presented(received);
        let (answer, server) =
            presented.accept_unattested(&gateway.server, Some(b"note"), now, &OsRandom).unwrap();
        assert_eq!(server.remembered.unwrap().attested_at, issued, "session {session}");
        ticket = awaited.receive(&answer).unwrap().ticket;
    }
    // What is known by the ticket can be left aside: the handshake is a full one then.
    let started = resume(establish_ticket(&gateway, &config, &caller), false, *NOW);
    let Ok(server::Received::Hello(mut hello)) = gateway.receive(&started.hello, false, *NOW) else {
        panic!()
    };
    assert!(hello.remembered().is_some());
    hello.forget_ticket();
    let (flight, _) = gateway.answer(*hello, *NOW).unwrap();
    assert!(matches!(started.next.receive(&flight, &OsRandom), Ok(Received::Presented(_))));
}

fn establish_ticket(gateway: &Gateway, config: &client::Config, caller: &Caller) -> Ticket {
    establish_mutual(gateway, config, Some(caller), *NOW).unwrap().0.ticket.unwrap()
}
