//! Handshakes by hand, so that their messages can be sent again, elsewhere and later.

use bytes::BytesMut;
use http::Method;
use sealwire_attest::{
    UnixTime, Verifier,
    key_document::{self, Acceptance, Published, Wanted},
};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    Clock, SystemClock,
    session::{
        client::{self, Config, Established, Outcome, Received, Started, Ticket},
        media,
        message::{Resumed, ServerFlight, ServerHello},
        request::{Opened, Opener, Padding, Sealer},
    },
    wire::SESSION_PATH,
};
use sealwire_message::{bhttp::encode, chunk};
use sealwire_tests::{
    Stage, message,
    raw::{Answer, Raw},
    stage::AUTHORITY,
    tee::PolicyText,
};
use std::{net::SocketAddr, sync::Arc};

/// A session, and what it rests on.
pub(crate) struct Made {
    pub(crate) established: Established,
    pub(crate) acceptance: Acceptance,
}

pub(crate) fn now() -> u64 {
    SystemClock.unix_millis()
}

/// Sends a message of a handshake.
pub(crate) async fn say(to: SocketAddr, media_type: &str, message: &[u8]) -> Answer {
    let fields = [("content-type", media_type)];
    Raw::connect(to).await.post(SESSION_PATH, &fields, message).await.answer().await
}

/// A session, made by hand.
pub(crate) async fn handshake(stage: &Stage) -> Established {
    session(stage).await.established
}

pub(crate) async fn session(stage: &Stage) -> Made {
    session_at(stage.address()).await
}

/// The same of a gateway that is nobody's stage.
pub(crate) async fn session_at(address: SocketAddr) -> Made {
    let started = first_hello();
    let answer = say(address, media::HANDSHAKE, &started.hello).await;
    assert_eq!((answer.status, answer.field("content-type")), (200, media::HANDSHAKE), "{}", answer.text());
    judged(started, &answer.content)
}

/// A hello of nobody in particular.
pub(crate) fn first_hello() -> Started {
    let config = Arc::new(Config::default());
    client::start(config, AUTHORITY, None, None, false, now(), &OsRandom).unwrap()
}

/// The session that the answer to a first hello leads to.
pub(crate) fn judged(started: Started, flight: &[u8]) -> Made {
    let at = UnixTime(now() / 1000);
    let Received::Presented(presented) = started.next.receive(flight, &OsRandom).unwrap() else {
        panic!("not a flight")
    };
    let published = Published::decode(presented.published().unwrap().unwrap()).unwrap();
    let policy = PolicyText::default().policy();
    let (verifier, wanted) = (Verifier::new(policy.trust()), Wanted::Gateway(AUTHORITY));
    let acceptance =
        key_document::accept(&published, &verifier, &policy, wanted, &[], Default::default(), at).unwrap();
    let outcome = presented.accept(&acceptance, None, at).unwrap();
    Made { established: established(outcome), acceptance }
}

fn established(outcome: Outcome) -> Established {
    match outcome {
        Outcome::Established(established) => *established,
        Outcome::Authenticate(_) => panic!("asked for authentication"),
    }
}

/// A hello with a ticket, said at a time.
pub(crate) fn hello(ticket: Ticket, early: bool, at: u64) -> Started {
    let config = Arc::new(Config::default());
    client::start(config, AUTHORITY, None, Some(ticket), early, at, &OsRandom).unwrap()
}

/// Whether a flight takes the ticket.
pub(crate) fn takes(flight: &[u8]) -> bool {
    let hello = ServerHello::decode(ServerFlight::decode(flight).unwrap().hello).unwrap();
    hello.resumed != Resumed::No
}

/// The whole message of a hello with a request behind it: `u32 length || hello || chunks`.
pub(crate) fn with_request(started: &mut Started, method: &Method) -> Vec<u8> {
    let keys = started.early.take().unwrap();
    let mut plaintext = BytesMut::new();
    encode::request_head(&mut plaintext, &message::head(method.as_str(), "/early"));
    encode::end(&mut plaintext, None);
    let mut sealed = BytesMut::new();
    let sealer = Sealer::new(keys, Padding::To(256), chunk::Limits::default());
    sealer.finish(&mut sealed, &[&plaintext]).unwrap();
    let length = u32::try_from(started.hello.len()).unwrap();
    [&length.to_be_bytes()[..], &started.hello, &sealed].concat()
}

/// The session that an answer with early data in it leads to, and the inner status.
pub(crate) fn answered(started: Started, answer: &Answer, acceptance: &Acceptance) -> (Established, u16) {
    assert_eq!((answer.status, answer.field("content-type")), (200, media::EARLY), "{}", answer.text());
    let (length, rest) = answer.content.split_first_chunk::<4>().unwrap();
    let (flight, sealed) = rest.split_at(u32::from_be_bytes(*length) as usize);
    let Received::Resumed(resumed) = started.next.receive(flight, &OsRandom).unwrap() else {
        panic!("the ticket is not taken")
    };
    let established = established(resumed.accept(acceptance, false).unwrap());
    assert!(established.early_accepted);
    let keys = established.secrets.request.early_answer().unwrap();
    let status = status(Opener::new(keys, chunk::Limits::default()), sealed);
    (established, status)
}

/// The inner status of a sealed answer.
pub(crate) fn status(mut opener: Opener, sealed: &[u8]) -> u16 {
    opener.push(sealed);
    opener.end();
    let mut plain = Vec::new();
    while let Some(Opened::Data(data) | Opened::Final(data)) = opener.next_data().unwrap() {
        plain.extend_from_slice(&data);
    }
    // A response of indeterminate length, then its status as a two-byte varint (RFC 9292).
    assert_eq!(plain[0], 3);
    u16::from_be_bytes([plain[1], plain[2]]) & 0x3fff
}
