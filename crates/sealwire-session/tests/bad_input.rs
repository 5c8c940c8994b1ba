//! Messages that are cut, repeated, out of order, of another session, or with a field out of range: the exact error, and no
//! session suffers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{AUTHORITY, Caller, Gateway, NOW, accept, at, establish, greet};
use sealwire_attest::{
    cbor,
    key_document::{Published, Wanted},
};
use sealwire_crypto::{aead::Aead, kx::Group, random::OsRandom};
use sealwire_session::{
    Error, Limits, Outside, Scheme, Suite,
    client::{self, Outcome, Own, Started},
    message::{
        Answer, Authentication, ChannelOpen, ChannelOpened, ClientCredential, ClientFinish, ClientHello,
        Close, Closed, FinishAnswer, HelloAgain, Proof, Resumption, Retry, ServerCredential, ServerFlight,
        ServerHello, TicketMessage, Type,
    },
    request::{Listed, Mode},
    server::{self, Next, Pending},
};
use std::sync::{Arc, LazyLock};

const BOUNDS: Error = Error::Malformed(cbor::Error::Bounds);

fn start(config: client::Config) -> Started {
    client::start(Arc::new(config), AUTHORITY, None, None, false, *NOW, &OsRandom).unwrap()
}

/// A genuine message of each type, of one kind of session after another.
struct Messages {
    gateway: Gateway,
    hello: Vec<u8>,
    retry: Vec<u8>,
    again: Vec<u8>,
    flight: Vec<u8>,
    finish: Vec<u8>,
    answer: Vec<u8>,
    open: Vec<u8>,
    opened: Vec<u8>,
    close: Vec<u8>,
    closed: Vec<u8>,
}

static MESSAGES: LazyLock<Messages> = LazyLock::new(|| {
    let gateway = Gateway::new(server::Config::default()).asking(Authentication::Required);
    let config = client::Config { attests: true, ..client::Config::default() };
    let started = start(config.clone());
    let hello = started.hello.clone();
    let Ok(server::Received::Retry(retry)) = gateway.receive(&hello, true, *NOW) else { panic!() };
    let Ok(client::Received::Again { message: again, .. }) = started.next.receive(&retry, &OsRandom) else {
        panic!()
    };
    let (flight, _) = gateway.flight(&again, *NOW).unwrap();
    let caller = Caller::new();
    let (Outcome::Authenticate(own), Next::Authenticate(expect)) =
        greet(&gateway, &config, None, *NOW).unwrap()
    else {
        panic!()
    };
    let (finish, awaited) = own.present(Some(shown(&caller, &caller.published.encode())), &OsRandom).unwrap();
    let received = expect.receive(&finish).unwrap();
    let presented = expect.presented(received);
    let schemes = [Scheme::Ed25519MlDsa65];
    let attested = presented.verify(&caller.acceptance(), None, &schemes, at(*NOW)).unwrap();
    let (answer, server) = presented.accept(&attested, &gateway.server, None, *NOW, &OsRandom).unwrap();
    let client = awaited.receive(&answer).unwrap();
    let (open, _) = client.secrets.open_channel(&client.id, 1, &OsRandom).unwrap();
    let admitted = server.secrets.admit_channel(&server.id, &open).unwrap();
    let opened = admitted.accept(&server.secrets.channel, &OsRandom).unwrap().0;
    let close = client.secrets.close.close(&client.id);
    let closed = server.secrets.close.answer(&close).unwrap();
    Messages {
        gateway,
        hello,
        retry,
        again,
        flight,
        finish,
        answer,
        open: open.encode(),
        opened: opened.encode(),
        close: close.encode(),
        closed: closed.encode(),
    }
});

fn shown<'a>(caller: &'a Caller, published: &'a [u8]) -> Own<'a> {
    Own {
        identity: &caller.identity,
        scheme: Scheme::Ed25519MlDsa65,
        document: caller.document_hash(),
        published,
        quote: None,
    }
}

impl Messages {
    fn all(&self) -> [(Type, &[u8]); 10] {
        [
            (Type::ClientHello, &self.hello),
            (Type::Retry, &self.retry),
            (Type::HelloAgain, &self.again),
            (Type::ServerFlight, &self.flight),
            (Type::ClientFinish, &self.finish),
            (Type::FinishAnswer, &self.answer),
            (Type::ChannelOpen, &self.open),
            (Type::ChannelOpened, &self.opened),
            (Type::Close, &self.close),
            (Type::Closed, &self.closed),
        ]
    }
}

fn decode(kind: Type, message: &[u8]) -> Result<(), Error> {
    match kind {
        Type::ClientHello => ClientHello::decode(message).map(drop),
        Type::Retry => Retry::decode(message).map(drop),
        Type::HelloAgain => HelloAgain::decode(message).map(drop),
        Type::ServerFlight => ServerFlight::decode(message).map(drop),
        Type::ServerHello => ServerHello::decode(message).map(drop),
        Type::ClientFinish => ClientFinish::decode(message).map(drop),
        Type::FinishAnswer => FinishAnswer::decode(message).map(drop),
        Type::ChannelOpen => ChannelOpen::decode(message).map(drop),
        Type::ChannelOpened => ChannelOpened::decode(message).map(drop),
        Type::Close => Close::decode(message).map(drop),
        Type::Closed => Closed::decode(message).map(drop),
    }
}

// SE-02: every message, at every length, and with a byte too many.
#[test]
fn what_is_cut_is_malformed() {
    let server_hello = ServerFlight::decode(&MESSAGES.flight).unwrap().hello;
    for (kind, message) in MESSAGES.all().into_iter().chain([(Type::ServerHello, server_hello)]) {
        assert_eq!(decode(kind, message), Ok(()), "{kind:?}");
        for len in 0..message.len() {
            let cut = decode(kind, &message[..len]);
            assert!(matches!(cut, Err(Error::Malformed(_))), "{kind:?} at {len}: {cut:?}");
        }
        let longer = [message, &[0]].concat();
        assert_eq!(decode(kind, &longer), Err(Error::Malformed(cbor::Error::Trailing)), "{kind:?}");
    }
}

// SE-02: the same where they arrive; nothing that is cut is answered, and nothing of it is kept.
#[test]
fn what_is_cut_is_refused_by_both_ends() {
    let gateway = Gateway::new(server::Config::default());
    for len in 0..MESSAGES.hello.len() {
        let error = gateway.receive(&MESSAGES.hello[..len], false, *NOW).err();
        assert!(matches!(error, Some(Error::Malformed(_))), "{len}: {error:?}");
        assert_eq!(error.unwrap().outside(), Outside::Malformed);
    }
    for len in (0..MESSAGES.again.len()).step_by(3) {
        let error = gateway.receive(&MESSAGES.again[..len], false, *NOW).err();
        assert!(matches!(error, Some(Error::Malformed(_))), "{len}: {error:?}");
    }
    let started = start(client::Config::default());
    let flight = gateway.flight(&started.hello, *NOW).unwrap().0;
    for len in (0..flight.len()).step_by(61).chain(flight.len() - 20..flight.len()) {
        let error = start(client::Config::default()).next.receive(&flight[..len], &OsRandom).err();
        assert!(matches!(error, Some(Error::Malformed(_))), "{len}: {error:?}");
    }
}

// SE-02: a message that is not the one that is awaited, at each place where one is.
#[test]
fn what_is_out_of_order_is_unexpected() {
    let (_, awaited, expect) = finishing(&MESSAGES.gateway);
    let pending = Pending::new(&Limits::default());
    pending.insert(expect, *NOW);
    for (kind, message) in MESSAGES.all() {
        if !matches!(kind, Type::ClientHello | Type::HelloAgain) {
            let error = MESSAGES.gateway.receive(message, false, *NOW).err();
            assert_eq!(error, Some(Error::Unexpected), "{kind:?}");
        }
        if !matches!(kind, Type::Retry | Type::ServerFlight) {
            let error = start(client::Config::default()).next.receive(message, &OsRandom).err();
            assert_eq!(error, Some(Error::Unexpected), "{kind:?}");
        }
        if kind != Type::ClientFinish {
            assert_eq!(pending.receive(message).err(), Some(Error::Unexpected), "{kind:?}");
        }
        for (other, _) in MESSAGES.all() {
            if other != kind {
                assert_eq!(decode(other, message), Err(Error::Unexpected), "{kind:?} as {other:?}");
            }
        }
    }
    assert_eq!(awaited.receive(&MESSAGES.hello).err(), Some(Error::Unexpected));
    let unknown = cbor::encode(|e| e.map(2)?.u8(0)?.str("sealwire/1")?.u8(1)?.u8(12)?.ok());
    assert_eq!(Type::of(&unknown), Err(Error::Unexpected));
    let other = cbor::encode(|e| e.map(2)?.u8(0)?.str("sealwire/2")?.u8(1)?.u8(1)?.ok());
    assert_eq!(Type::of(&other), Err(Error::Protocol));
    assert_eq!(MESSAGES.gateway.receive(&other, false, *NOW).err(), Some(Error::Protocol));
}

/// A handshake that has come to the client's finish: that message, what awaits the answer, and what awaits it.
fn finishing(gateway: &Gateway) -> (Vec<u8>, client::ExpectFinishAnswer, Box<server::ExpectClientFinish>) {
    let config = client::Config { attests: true, ..client::Config::default() };
    match greet(gateway, &config, None, *NOW).unwrap() {
        (Outcome::Authenticate(own), Next::Authenticate(expect)) => {
            let caller = Caller::new();
            let (finish, awaited) =
                own.present(Some(shown(&caller, &caller.published.encode())), &OsRandom).unwrap();
            (finish, awaited, expect)
        }
        _ => panic!("the gateway asks"),
    }
}

// SE-03: messages of one handshake in another, whole or in part.
#[test]
fn what_belongs_to_another_session_does_not_open() {
    let gateway = &MESSAGES.gateway;
    // A flight.
    let [one, other] =
        [(), ()].map(|()| start(client::Config { attests: true, ..client::Config::default() }));
    let (first, _) = gateway.flight(&one.hello, *NOW).unwrap();
    let (second, _) = gateway.flight(&other.hello, *NOW).unwrap();
    assert_eq!(one.next.receive(&second, &OsRandom).err(), Some(Error::Open));
    let (first, second) = (ServerFlight::decode(&first).unwrap(), ServerFlight::decode(&second).unwrap());
    let mixed = ServerFlight { hello: second.hello, sealed: first.sealed }.encode();
    assert_eq!(other.next.receive(&mixed, &OsRandom).err(), Some(Error::Open));

    // A finish, and its answer.
    let (one, one_awaits, one_expects) = finishing(gateway);
    let (other, other_awaits, other_expects) = finishing(gateway);
    assert_eq!(one_expects.receive(&other).err(), Some(Error::Unexpected));
    let session = one_expects.id();
    let moved = ClientFinish { session, sealed: ClientFinish::decode(&other).unwrap().sealed }.encode();
    assert_eq!(one_expects.receive(&moved).err(), Some(Error::Open));
    let received = one_expects.receive(&one).unwrap();
    let answer = one_expects.presented(received).refuse().unwrap();
    assert_eq!(other_awaits.receive(&answer).err(), Some(Error::Open));
    // Whoever is refused learns just that.
    assert_eq!(one_awaits.receive(&answer).err(), Some(Error::CallerRefused));
    assert!(other_expects.receive(&other).is_ok());
}

// SE-11, SE-13: a finish counts once; the oldest handshake that awaits one goes first.
#[test]
fn a_finish_is_taken_once() {
    let pending = Pending::new(&Limits { half_open: 2, retry_from: 2, ..Limits::default() });
    assert!(!pending.is_busy(*NOW));
    let finishes: Vec<_> = (0..3)
        .map(|number| {
            let (finish, _, expect) = finishing(&MESSAGES.gateway);
            pending.insert(expect, *NOW + number);
            finish
        })
        .collect();
    assert_eq!(pending.len(), 2);
    // The load is what began within the last minute.
    assert!(pending.is_busy(*NOW + 60_000));
    assert!(!pending.is_busy(*NOW + 60_001));
    assert_eq!(pending.receive(&finishes[0]).err(), Some(Error::UnknownSession));
    assert!(pending.receive(&finishes[2]).is_ok());
    assert_eq!(pending.receive(&finishes[2]).err(), Some(Error::UnknownSession));
    assert!(pending.receive(&finishes[1]).is_ok());
    assert!(pending.is_empty());
    // What cannot be told apart from outside is not told apart.
    assert_eq!(Error::UnknownSession.outside(), Error::Open.outside());
    assert_eq!(Error::HeaderMac.outside(), Error::Expired.outside());
}

// SE-02, SE-04, SE-38: each field of the hello out of its range.
#[test]
fn fields_of_the_hello() {
    let gateway = Gateway::new(server::Config::default());
    type Edit = fn(&mut ClientHello);
    let ticket = |len: usize, binder: usize| Resumption {
        ticket: vec![1; len],
        age: 0,
        without_agreement: false,
        binder: vec![0; binder],
    };
    let edits: [(&str, Edit, Error); 20] = [
        ("no groups", |h| h.groups.clear(), Error::Inconsistent),
        ("nine groups", |h| h.groups.extend(1..=7), BOUNDS),
        ("a group twice", |h| h.groups.push(h.groups[0]), Error::Inconsistent),
        ("unknown groups", |h| (h.groups, h.shares) = (vec![7], vec![(7, vec![1])]), Error::NoCommonSuite),
        ("a share of no group", |h| h.shares[0].0 = 7, Error::Inconsistent),
        ("a share twice", |h| h.shares.push(h.shares[0].clone()), Error::Inconsistent),
        (
            "shares in another order",
            |h| h.shares.insert(0, (h.groups[1], vec![4; 1665])),
            Error::Inconsistent,
        ),
        ("no share", |h| h.shares.clear(), Error::Inconsistent),
        ("a share that is too long", |h| h.shares[0].1.resize(4097, 0), BOUNDS),
        ("no AEADs", |h| h.aeads.clear(), Error::Inconsistent),
        ("an AEAD twice", |h| h.aeads.push(h.aeads[0]), Error::Inconsistent),
        ("nine AEADs", |h| h.aeads = (1..=9).collect(), BOUNDS),
        ("unknown AEADs", |h| h.aeads = vec![0, 4, u16::MAX], Error::NoCommonSuite),
        ("no schemes", |h| h.schemes.clear(), Error::Inconsistent),
        ("a scheme twice", |h| h.schemes.push(h.schemes[0]), Error::Inconsistent),
        ("nine schemes", |h| h.schemes = (1..=9).collect(), BOUNDS),
        ("a long authority", |h| h.authority = "a".repeat(261), BOUNDS),
        ("early data without a ticket", |h| h.early = true, Error::Inconsistent),
        ("five shares", |h| h.shares = (1..=5).map(|group| (group, vec![1])).collect(), BOUNDS),
        ("too long", |h| h.shares = vec![(h.groups[0], vec![0; 16 << 10])], Error::TooLong),
    ];
    let hello = || ClientHello::decode(&MESSAGES.hello).unwrap();
    for (what, edit, error) in edits {
        let mut hello = hello();
        edit(&mut hello);
        assert_eq!(gateway.receive(&hello.encode(), false, *NOW).err(), Some(error), "{what}");
    }
    for (len, binder, error) in [
        (0, 48, Some(BOUNDS)),
        (8193, 48, Some(BOUNDS)),
        (1, 31, Some(BOUNDS)),
        (1, 49, Some(BOUNDS)),
        (8192, 48, None),
    ] {
        let hello = ClientHello { resumption: Some(ticket(len, binder)), ..hello() };
        // A ticket of a possible length that is none leads to a full handshake.
        let received = gateway.receive(&hello.encode(), false, *NOW);
        assert_eq!(received.err(), error, "{len} {binder}");
    }
    // What comes to light at the agreement.
    type Bend = fn(&mut Vec<u8>);
    let bends: [(&str, Bend); 4] = [
        ("a short share", |share| share.truncate(1215)),
        ("a long share", |share| share.push(0)),
        ("a point of low order", |share| share[1184..].fill(0)),
        ("a key outside of its modulus", |share| share[..1184].fill(0xff)),
    ];
    for (what, bend) in bends {
        let mut hello = hello();
        bend(&mut hello.shares[0].1);
        let flight = gateway.flight(&hello.encode(), *NOW);
        assert_eq!(flight.err(), Some(Error::Share), "{what}");
    }
    let mut unsigned = hello();
    unsigned.schemes = vec![2, 77];
    assert_eq!(gateway.flight(&unsigned.encode(), *NOW).err(), Some(Error::NoCommonSuite));
    let mut foreign = hello();
    foreign.authority = "other.example".to_owned();
    assert_eq!(gateway.flight(&foreign.encode(), *NOW).err(), Some(Error::Authority));
}

// SE-02: deterministic, with the fields that are listed and no others, and each of its type.
#[test]
fn only_the_listed_fields_in_their_one_form() {
    let flag = |at: usize, value: u8| {
        let mut message = MESSAGES.hello.clone();
        let tail = message.len() - at;
        message[tail] = value;
        message
    };
    // The hello ends in `8 => evidence, 9 => attests`.
    for at in [1, 3] {
        assert_eq!(ClientHello::decode(&flag(at, 2)).err(), Some(BOUNDS));
        let error = ClientHello::decode(&flag(at, 0x40)).err();
        assert_eq!(error, Some(Error::Malformed(cbor::Error::Malformed)));
    }
    assert_eq!(ClientHello::decode(&flag(2, 10)).err(), Some(Error::Malformed(cbor::Error::MissingField)));
    assert_eq!(ClientHello::decode(&flag(4, 7)).err(), Some(Error::Malformed(cbor::Error::UnknownField)));
    // One pair more than there are fields, whose key is not known.
    let mut more = MESSAGES.hello.clone();
    more[0] += 1;
    more.extend([0x18, 99, 0]);
    assert_eq!(ClientHello::decode(&more).err(), Some(Error::Malformed(cbor::Error::UnknownField)));
    let indefinite = [&[0xbf], &MESSAGES.hello[1..], &[0xff]].concat();
    let error = ClientHello::decode(&indefinite).err();
    assert_eq!(error, Some(Error::Malformed(cbor::Error::NotDeterministic)));
    for (kind, message) in MESSAGES.all() {
        let mut more = message.to_vec();
        more[0] += 1;
        more.extend([0x18, 99, 0]);
        let error = decode(kind, &more);
        assert_eq!(error, Err(Error::Malformed(cbor::Error::UnknownField)), "{kind:?}");
    }
}

// SE-02, SE-09, SE-11, SE-40: what is inside of sealed messages.
#[test]
fn fields_of_what_is_sealed() {
    let proof =
        |count: usize, len: usize| Proof { scheme: 1, signatures: vec![vec![0; len]; count] }.encode();
    assert!(Proof::decode(&proof(2, 40_000)).is_ok());
    for proof in [proof(0, 1), proof(3, 1), proof(1, 40_001)] {
        assert_eq!(Proof::decode(&proof), Err(BOUNDS));
    }
    let alone = cbor::encode(|e| e.map(1)?.u8(2)?.bytes(b"quote")?.ok());
    assert_eq!(ClientCredential::decode(&alone), Err(Error::Quote));
    let half = cbor::encode(|e| e.map(1)?.u8(0)?.bytes(&[0; 48])?.ok());
    assert_eq!(ClientCredential::decode(&half), Err(Error::Malformed(cbor::Error::MissingField)));
    let credential = |authentication: u8, window: u64, hash: usize| {
        cbor::encode(|e| {
            e.map(3)?.u8(0)?.bytes(&vec![0; hash])?.u8(3)?.map(5)?;
            e.u8(0)?.u8(1)?.u8(1)?.u8(1)?.u8(2)?.u8(1)?.u8(3)?.u64(window)?.u8(4)?.u8(1)?;
            e.u8(4)?.u8(authentication)?.ok()
        })
    };
    assert!(ServerCredential::decode(&credential(2, u32::MAX.into(), 48)).is_ok());
    for bad in [credential(3, 1, 48), credential(0, 1 << 32, 48), credential(0, 1, 47), credential(0, 1, 49)]
    {
        assert_eq!(ServerCredential::decode(&bad), Err(BOUNDS));
    }
    let answer = |code: u8, ticket: &[u8]| cbor::encode(|e| e.array(2)?.u8(code)?.bytes(ticket)?.ok());
    assert_eq!(Answer::decode(&answer(1, b"")), Ok(Answer::Refused));
    for bad in [answer(2, b""), answer(1, b"ticket")] {
        assert_eq!(Answer::decode(&bad), Err(BOUNDS));
    }
    let ticket = TicketMessage { lifetime: 1, ticket: vec![0; 8193] };
    assert_eq!(TicketMessage::decode(&TicketMessage::encode(Some(&ticket))), Err(BOUNDS));
    assert_eq!(TicketMessage::decode(b""), Ok(None));
    let three = cbor::encode(|e| e.array(3)?.u8(1)?.bytes(b"")?.u8(1)?.ok());
    assert_eq!(TicketMessage::decode(&three), Err(BOUNDS));
}

// SE-38: lengths above the limits are refused from the length alone.
#[test]
fn messages_above_the_limits() {
    let long = |len: usize| vec![0xa2; len];
    assert_eq!(ClientHello::decode(&long(16_385)), Err(Error::TooLong));
    assert_eq!(Retry::decode(&long(16_385)), Err(Error::TooLong));
    assert_eq!(HelloAgain::decode(&long(32_769)), Err(Error::TooLong));
    assert_eq!(ServerFlight::decode(&long((2 << 20) + 1)), Err(Error::TooLong));
    assert_eq!(ClientFinish::decode(&long((2 << 20) + 1)), Err(Error::TooLong));
    for token in [0, 257] {
        assert_eq!(Retry::decode(&Retry { token: vec![0; token], group: None }.encode()), Err(BOUNDS));
    }
}

// SE-13: a token is for one hello, one group, one use and ten seconds.
#[test]
fn retry_tokens() {
    let groups = vec![Group::SecP384r1MlKem1024, Group::X25519MlKem768];
    let gateway = Gateway::new(server::Config { groups, ..server::Config::default() });
    let retried = |busy| {
        let started = start(client::Config::default());
        let Ok(server::Received::Retry(retry)) = gateway.receive(&started.hello, busy, *NOW) else {
            panic!()
        };
        let received = started.next.receive(&retry, &OsRandom).unwrap();
        let client::Received::Again { message, next } = received else { panic!() };
        (retry, message, next)
    };
    let (retry, message, next) = retried(false);
    assert_eq!(Retry::decode(&retry).unwrap().group, Some(Group::SecP384r1MlKem1024.id()));
    // A second retry is not permitted, whatever it wants.
    assert_eq!(next.receive(&retry, &OsRandom).err(), Some(Error::Retry));
    let refused = |message: &[u8], now: u64| gateway.receive(message, false, now).err();
    assert_eq!(refused(&message, *NOW + 10_000), Some(Error::Token));
    let again = HelloAgain::decode(&message).unwrap();
    let forge = |hello: &[u8], token: &[u8], group| {
        let retry = Retry { token: token.to_vec(), group }.encode();
        HelloAgain { hello, retry: &retry, share: again.share }.encode()
    };
    let Retry { token, group } = Retry::decode(&retry).unwrap();
    for bit in 0..8 * token.len() {
        let mut altered = token.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refused(&forge(again.hello, &altered, group), *NOW), Some(Error::Token), "{bit}");
    }
    for len in 1..token.len() {
        assert_eq!(refused(&forge(again.hello, &token[..len], group), *NOW), Some(Error::Token), "{len}");
    }
    let other = start(client::Config::default()).hello;
    assert_eq!(refused(&forge(&other, &token, group), *NOW), Some(Error::Token));
    assert_eq!(refused(&forge(again.hello, &token, None), *NOW), Some(Error::Token));
    let elsewhere = Gateway::new(server::Config::default());
    assert_eq!(elsewhere.receive(&message, false, *NOW).err(), Some(Error::Token));
    // It takes the share that was wanted, no other, and not none.
    let (_, message, _) = retried(false);
    let again = HelloAgain::decode(&message).unwrap();
    let none = HelloAgain { share: None, ..again }.encode();
    assert_eq!(refused(&none, *NOW), Some(Error::Inconsistent));
    let (_, message, _) = retried(false);
    assert!(gateway.flight(&message, *NOW + 9_999).is_ok());
    assert_eq!(refused(&message, *NOW + 9_999), Some(Error::Token));

    // A client refuses a group of which it had sent a share, or that it did not offer.
    for (group, error) in [(Group::X25519MlKem768, Error::Retry), (Group::X25519, Error::NotOffered)] {
        let retry = Retry { token: vec![0; 56], group: Some(group.id()) }.encode();
        let received = start(client::Config::default()).next.receive(&retry, &OsRandom);
        assert_eq!(received.err(), Some(error));
    }
}

// SE-43, AT-45: a server that is started anew between any two messages. What it gets then is of a session that it never
// had, or no token or ticket of its own; the client begins again, and nothing that was half done is taken up.
#[test]
fn a_server_restarted_at_every_step() {
    let before = || Gateway::new(server::Config::default()).asking(Authentication::Required);
    let after = before();
    let (table, pending) = (server::Table::<()>::new(Limits::default()), Pending::new(&Limits::default()));

    // Behind the retry.
    let started = start(client::Config { attests: true, ..client::Config::default() });
    let Ok(server::Received::Retry(retry)) = before().receive(&started.hello, true, *NOW) else { panic!() };
    let Ok(client::Received::Again { message, .. }) = started.next.receive(&retry, &OsRandom) else {
        panic!()
    };
    assert_eq!(after.receive(&message, false, *NOW).err(), Some(Error::Token));

    // Behind its flight, and behind the client's finish.
    let (finish, awaited, _) = finishing(&before());
    assert_eq!(pending.receive(&finish).err(), Some(Error::UnknownSession));
    let (other, _, expect) = finishing(&after);
    let received = expect.receive(&other).unwrap();
    let answer = expect.presented(received).refuse().unwrap();
    assert_eq!(awaited.receive(&answer).err(), Some(Error::Open), "another handshake's answer");

    // In the session: a request, a channel, the end.
    let whole = Gateway::new(server::Config::default());
    let (mut client, _) = establish(&whole, &client::Config::default(), None, *NOW).unwrap();
    let (secrets, listed) = (&client.secrets, Listed::nothing());
    let ticket = secrets.request.ticket(&client.id, 0, Mode::Hidden, &listed, &OsRandom).unwrap();
    let refused = table.admit(&client.id, ticket, Mode::Hidden, &listed, *NOW).err().unwrap();
    assert_eq!((refused.reason(), refused.inside().is_none()), (Error::UnknownSession, true));
    let (open, _) = secrets.open_channel(&client.id, 1, &OsRandom).unwrap();
    assert_eq!(table.open_channel(&open, *NOW, &OsRandom).err().unwrap().reason(), Error::UnknownSession);
    let close = secrets.close.close(&client.id);
    assert_eq!(table.close(&close).err().unwrap().reason(), Error::UnknownSession);

    // With its ticket: a full handshake, in the same round trip.
    let restarted = Gateway::new(server::Config::default());
    let ticket = client.ticket.take();
    let config = Arc::new(client::Config::default());
    let started = client::start(config, AUTHORITY, None, ticket, false, *NOW, &OsRandom).unwrap();
    let (flight, _) = restarted.flight(&started.hello, *NOW).unwrap();
    let received = started.next.receive(&flight, &OsRandom);
    assert!(matches!(received, Ok(client::Received::Presented(_))));
}

// SE-13, SE-76: a flood of first messages under load is answered, and nothing is kept of it.
#[test]
fn retries_keep_nothing() {
    let gateway = Gateway::new(server::Config::default());
    let hello = &MESSAGES.hello;
    for _ in 0..2000 {
        assert!(matches!(gateway.receive(hello, true, *NOW), Ok(server::Received::Retry(_))));
    }
    assert!(gateway.register.is_empty());
    // One token of the flood is worth one handshake.
    let (client, server) = establish(&gateway, &client::Config::default(), None, *NOW).unwrap();
    assert_eq!(client.id, server.id);
}

// SE-81: neither end can be made with a default that is weak, or with nothing.
#[test]
fn se_81_no_weak_default() {
    let client = client::Config::default();
    let server = server::Config::default();
    for groups in [&client.groups, &server.groups] {
        assert!(groups.iter().all(|group| *group != Group::X25519) && !groups.is_empty());
    }
    for schemes in [&client.schemes, &server.schemes] {
        assert!(schemes.iter().all(|scheme| *scheme != Scheme::Ed25519) && !schemes.is_empty());
    }
    assert_eq!(client.suites[0], Suite { aead: Aead::Aes256Gcm });
    assert!(!client.without_agreement && !server.without_agreement);
    let identity = || sealwire_session::Identity::generate(false, &OsRandom).unwrap();
    type Edit = fn(&mut server::Config);
    let edits: [(Edit, Error); 4] = [
        (|config| config.groups.clear(), Error::NoCommonSuite),
        (|config| config.suites.clear(), Error::NoCommonSuite),
        (|config| config.schemes.clear(), Error::NoCommonSuite),
        (|config| config.schemes.push(Scheme::SlhDsaSha2192f), Error::NoIdentityKey),
    ];
    for (edit, error) in edits {
        let mut config = server.clone();
        edit(&mut config);
        assert_eq!(server::Server::new(config, [0; 16], identity(), &OsRandom).err(), Some(error));
    }
    type Bare = fn(&mut client::Config);
    let bare: [Bare; 3] = [|c| c.groups.clear(), |c| c.suites.clear(), |c| c.schemes.clear()];
    for edit in bare {
        let mut config = client.clone();
        edit(&mut config);
        let started = client::start(Arc::new(config), AUTHORITY, None, None, false, *NOW, &OsRandom);
        assert_eq!(started.err(), Some(Error::NoCommonSuite));
    }
    // A client has no way to a session but through a document that a policy has accepted.
    let gateway = Gateway::new(server);
    let other = Gateway::new(server::Config::default());
    let started = start(client);
    let (flight, _) = gateway.flight(&started.hello, *NOW).unwrap();
    let Ok(client::Received::Presented(presented)) = started.next.receive(&flight, &OsRandom) else {
        panic!()
    };
    let published = Published::decode(presented.published().unwrap().unwrap()).unwrap();
    assert_eq!(published, gateway.published);
    let wrong = accept(&other.published, Wanted::Gateway(AUTHORITY));
    assert_eq!(presented.accept(&wrong, None, at(*NOW)).err(), Some(Error::Document));
}
