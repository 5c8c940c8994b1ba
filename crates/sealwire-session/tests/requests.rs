//! Sealed requests and answers that are cut, reordered, spliced, swapped and re-routed (SE-30 to SE-35, SE-79, SE-86).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{Gateway, NOW, establish};
use proptest::prelude::*;
use sealwire_crypto::{aead::Aead, random::OsRandom};
use sealwire_message::{chunk, varint};
use sealwire_session::{
    Error, SessionId, Suite,
    client::{self, Established},
    request::{
        AwaitAnswer, Binder, Listed, Mode, Opened, Opener, Padding, Reply, Ticket, Window, base_id,
        parse_base_id,
    },
    server::{self, HalfOpen},
};
use std::{ops::Range, sync::LazyLock};

static PAIR: LazyLock<(Established, HalfOpen)> = LazyLock::new(pair);

fn pair() -> (Established, HalfOpen) {
    let gateway = Gateway::new(server::Config::default());
    establish(&gateway, &client::Config::default(), None, *NOW).unwrap()
}

fn limits() -> chunk::Limits {
    chunk::Limits { sent_chunk: 1024, ..chunk::Limits::default() }
}

struct Sent {
    ticket: Ticket,
    body: BytesMut,
    awaited: AwaitAnswer,
}

/// A request in three chunks, the last of which is empty.
fn send(client: &Established, number: u64, mode: Mode, listed: &Listed) -> Sent {
    let request = &client.secrets.request;
    let ticket = request.ticket(&client.id, number, mode, listed, &OsRandom).unwrap();
    let (mut sealer, awaited) = request.seal(ticket).unwrap().sealing(Padding::To(64), limits());
    let mut body = BytesMut::new();
    sealer.seal(&mut body, b"first of ").unwrap();
    sealer.seal(&mut body, number.to_string().as_bytes()).unwrap();
    sealer.finish(&mut body, &[]).unwrap();
    Sent { ticket, body, awaited }
}

fn open(server: &HalfOpen, ticket: Ticket, mode: Mode, listed: &Listed) -> Result<(Opener, Reply), Error> {
    let admitted = server.secrets.request.admit(&server.id, ticket, mode, listed)?;
    Ok(server.secrets.request.open(admitted)?.opening(limits()))
}

fn read(mut opener: Opener, body: &[u8]) -> Result<Vec<u8>, Error> {
    opener.push(body);
    opener.end();
    let mut all = Vec::new();
    loop {
        match opener.next_data()? {
            Some(Opened::Data(data)) => all.extend_from_slice(&data),
            Some(Opened::Final(data)) => return Ok([&all[..], &data].concat()),
            None => panic!("neither an end nor an error"),
        }
    }
}

/// Where each chunk lies in a body.
fn chunks(body: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < body.len() {
        let (len, size) = varint::peek(&body[at..]).unwrap();
        let end = if len == 0 { body.len() } else { at + size + usize::try_from(len).unwrap() };
        found.push(at..end);
        at = end;
    }
    found
}

fn hidden(number: u64) -> Sent {
    send(&PAIR.0, number, Mode::Hidden, &Listed::nothing())
}

fn opener(sent: &Sent) -> Opener {
    open(&PAIR.1, sent.ticket, Mode::Hidden, &Listed::nothing()).unwrap().0
}

// SE-79, SE-32: a request that is cut anywhere has no end, and one byte that is altered anywhere does not open.
#[test]
fn se_79_cut_and_altered_requests() {
    let sent = hidden(1);
    assert_eq!(read(opener(&sent), &sent.body).unwrap(), b"first of 1");
    for len in 0..sent.body.len() {
        let error = read(opener(&sent), &sent.body[..len]).unwrap_err();
        assert!(matches!(error, Error::Chunk(_)), "{len}: {error:?}");
    }
    for bit in 0..8 * sent.body.len() {
        let mut altered = sent.body.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        let error = read(opener(&sent), &altered).unwrap_err();
        assert!(matches!(error, Error::Chunk(_)), "{bit}: {error:?}");
    }
    let error = read(opener(&sent), &[&sent.body[..], &[0]].concat()).unwrap_err();
    assert_eq!(error, Error::Chunk(chunk::Error::Open));
}

// SE-32: chunks in another order, left out, repeated, and of another request.
#[test]
fn chunks_moved_about() {
    let (one, other) = (hidden(1), hidden(1));
    let places = chunks(&one.body);
    let [first, second, last] = &places[..] else { panic!("three chunks") };
    let [a, b, z] = [first, second, last].map(|place| &one.body[place.clone()]);
    let [others_a, _, others_z] = [first, second, last].map(|place| &other.body[place.clone()]);
    let cases: [(&str, Vec<&[u8]>); 7] = [
        ("another order", vec![b, a, z]),
        ("the first left out", vec![b, z]),
        ("the second left out", vec![a, z]),
        ("repeated", vec![a, a, b, z]),
        ("of another request", vec![others_a, b, z]),
        ("another's end", vec![a, b, others_z]),
        ("an end in mid-stream", vec![a, z, b, z]),
    ];
    for (what, parts) in cases {
        let error = read(opener(&one), &parts.concat()).unwrap_err();
        assert_eq!(error, Error::Chunk(chunk::Error::Open), "{what}");
    }
    assert_eq!(read(opener(&one), &[a, b].concat()).unwrap_err(), Error::Chunk(chunk::Error::Truncated));
    assert!(read(opener(&one), &[a, b, z].concat()).is_ok());
}

// SE-32, SE-33, SE-34: the answers to two requests, swapped; one answer's head with the other's body; an answer of another
// session with the same number.
#[test]
fn answers_are_to_their_requests() {
    let other_pair = pair();
    let listed = Listed::nothing();
    let answer = |server: &HalfOpen, ticket: Ticket| -> (Binder, BytesMut) {
        let (_, reply) = open(server, ticket, Mode::Hidden, &listed).unwrap();
        let (binder, sealer) = reply.begin(Padding::Off, limits(), &OsRandom).unwrap();
        let mut body = BytesMut::new();
        sealer.finish(&mut body, &[ticket.number.to_string().as_bytes()]).unwrap();
        (binder, body)
    };
    let (one, two) = (hidden(1), hidden(2));
    let elsewhere = send(&other_pair.0, 1, Mode::Hidden, &listed);
    let (first, second) = (answer(&PAIR.1, one.ticket), answer(&PAIR.1, two.ticket));
    let third = answer(&other_pair.1, elsewhere.ticket);
    assert_eq!(two.awaited.receive(&first.0).err(), Some(Error::Binding));
    assert_eq!(elsewhere.awaited.receive(&first.0).err(), Some(Error::Binding));
    assert_eq!(hidden(1).awaited.receive(&first.0).err(), Some(Error::Binding));
    assert_eq!(hidden(1).awaited.receive(&third.0).err(), Some(Error::Binding));
    let mut forged = first.0;
    forged.random[0] ^= 1;
    assert_eq!(hidden(1).awaited.receive(&forged).err(), Some(Error::Binding));
    let opener = one.awaited.receive(&first.0).unwrap();
    assert_eq!(read(opener, &second.1).unwrap_err(), Error::Chunk(chunk::Error::Open));

    // The request itself, sent back, is no answer; every cut of a genuine one shows.
    let sent = hidden(5);
    let (binder, body) = answer(&PAIR.1, sent.ticket);
    let reflected = read(sent.awaited.receive(&binder).unwrap(), &sent.body).unwrap_err();
    assert_eq!(reflected, Error::Chunk(chunk::Error::Open));
    for len in 0..body.len() {
        let sent = hidden(6);
        let (binder, body) = answer(&PAIR.1, sent.ticket);
        assert!(read(sent.awaited.receive(&binder).unwrap(), &body[..len]).is_err(), "{len}");
    }
}

// SE-31, SE-79: a request in bound mode that is sent to another place, or with another field, is refused by its MAC.
#[test]
fn se_79_re_routed_requests() {
    let target = |method: &str, authority: &str, path: &str, query: &str, role: Option<&str>| {
        let mut listed = Listed::target(method, authority, path, query);
        if let Some(role) = role {
            listed.field("x-role", role.as_bytes());
        }
        listed
    };
    let listed = target("POST", "app.example", "/a", "b=1", Some("user"));
    let sent = send(&PAIR.0, 7, Mode::Bound, &listed);
    assert!(open(&PAIR.1, sent.ticket, Mode::Bound, &listed).is_ok());
    let altered = [
        target("PUT", "app.example", "/a", "b=1", Some("user")),
        target("POST", "other.example", "/a", "b=1", Some("user")),
        target("POST", "app.example", "/admin", "b=1", Some("user")),
        target("POST", "app.example", "/a", "", Some("user")),
        target("POST", "app.example", "/a", "b=1", Some("admin")),
        target("POST", "app.example", "/a", "b=1", None),
        // The same bytes, cut elsewhere.
        target("POST", "app.example/", "a", "b=1", Some("user")),
        target("POST", "app.example", "/ab", "=1", Some("user")),
        Listed::nothing(),
    ];
    for listed in altered {
        let refused = open(&PAIR.1, sent.ticket, Mode::Bound, &listed).err();
        assert_eq!(refused, Some(Error::HeaderMac), "{listed:?}");
    }
    for mode in [Mode::Hidden, Mode::Channel] {
        assert_eq!(open(&PAIR.1, sent.ticket, mode, &listed).err(), Some(Error::HeaderMac));
    }
}

// SE-14, SE-72: a ticket of another session, or for another id.
#[test]
fn tickets_of_other_sessions() {
    let other = pair();
    let sent = hidden(1);
    let listed = Listed::nothing();
    assert_eq!(open(&other.1, sent.ticket, Mode::Hidden, &listed).err(), Some(Error::HeaderMac));
    let elsewhere: SessionId = other.0.id;
    let admitted = PAIR.1.secrets.request.admit(&elsewhere, sent.ticket, Mode::Hidden, &listed);
    assert_eq!(admitted.err(), Some(Error::HeaderMac));
    for bit in 0..8 * 72 {
        let mut bytes =
            [&sent.ticket.number.to_be_bytes()[..], &sent.ticket.random, &sent.ticket.mac].concat();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let ticket = Ticket {
            number: u64::from_be_bytes(bytes[..8].try_into().unwrap()),
            random: bytes[8..40].try_into().unwrap(),
            mac: bytes[40..].try_into().unwrap(),
        };
        assert_eq!(open(&PAIR.1, ticket, Mode::Hidden, &listed).err(), Some(Error::HeaderMac), "{bit}");
    }
}

// SE-35: what is padded opens to the same, lengths tell steps alone, and padding that is not zeros is refused.
#[test]
fn padding_tells_steps() {
    let sealed = |data: &[u8], padding| {
        let request = &PAIR.0.secrets.request;
        let ticket = request.ticket(&PAIR.0.id, 1, Mode::Hidden, &Listed::nothing(), &OsRandom).unwrap();
        let (sealer, awaited) = request.seal(ticket).unwrap().sealing(padding, limits());
        let mut body = BytesMut::new();
        sealer.finish(&mut body, &[data]).unwrap();
        Sent { ticket, body, awaited }
    };
    let lengths =
        [0, 1, 60, 62, 63, 64, 200, 1000].map(|len| sealed(&vec![1; len], Padding::To(256)).body.len());
    assert_eq!(lengths, [273, 273, 273, 273, 273, 273, 273, 1041]);
    assert_eq!(sealed(&[1; 10], Padding::Off).body.len(), 1 + 1 + 10 + 16);
    let sent = sealed(&[], Padding::To(4096));
    assert_eq!(sent.body.len(), 1 + 1024 + 16, "never more than a chunk");
    assert_eq!(read(opener(&sent), &sent.body).unwrap(), b"");

    // A peer whose padding is not zeros, or whose length is not that of the data.
    for (plaintext, error) in [
        (&[1, 7, 0, 1][..], Error::Padding),
        (&[3, 7, 7], Error::Padding),
        (&[0x40], Error::Padding),
        (&[], Error::Padding),
        (&[0xff; 9], Error::Padding),
    ] {
        let key = sealwire_crypto::aead::Key::new(Aead::Aes128Gcm, &[1; 16]).unwrap();
        let sequence = sealwire_crypto::aead::Sequence::new(key, [2; 12]);
        let mut body = BytesMut::new();
        chunk::Sealer::new(sequence, limits()).finish(&mut body, &[plaintext]).unwrap();
        let key = sealwire_crypto::aead::Key::new(Aead::Aes128Gcm, &[1; 16]).unwrap();
        let opener = Opener::new(sealwire_crypto::aead::Sequence::new(key, [2; 12]), limits());
        assert_eq!(read(opener, &body).unwrap_err(), error, "{plaintext:?}");
    }
}

// SE-38: more plaintext than the limit, and chunks that are too long.
#[test]
fn messages_have_limits() {
    let sent = hidden(1);
    let admitted = PAIR.1.secrets.request.admit(&PAIR.1.id, sent.ticket, Mode::Hidden, &Listed::nothing());
    let small = chunk::Limits { message: 100, ..limits() };
    let (limited, _) = PAIR.1.secrets.request.open(admitted.unwrap()).unwrap().opening(small);
    assert_eq!(read(limited, &sent.body).unwrap_err(), Error::Chunk(chunk::Error::MessageTooLong));
    let long = [0xc0, 0, 0, 0, 0xff, 0, 0, 0];
    assert_eq!(read(opener(&sent), &long).unwrap_err(), Error::Chunk(chunk::Error::ChunkTooLong));
}

// SE-86: bodies are binary, in place, and a few bytes in a thousand longer than what is in them.
#[test]
fn se_86_bodies_are_binary() {
    let data = vec![7; 700_000];
    for aead in [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        let suites = vec![Suite { aead }];
        let gateway = Gateway::new(server::Config { suites: suites.clone(), ..server::Config::default() });
        let config = client::Config { suites, ..client::Config::default() };
        let (client, server) = establish(&gateway, &config, None, *NOW).unwrap();
        let listed = Listed::nothing();
        let request = &client.secrets.request;
        let ticket = request.ticket(&client.id, 0, Mode::Hidden, &listed, &OsRandom).unwrap();
        let wide = chunk::Limits::default();
        let (mut sealer, _) = request.seal(ticket).unwrap().sealing(Padding::Off, wide);
        let mut body = BytesMut::new();
        sealer.seal(&mut body, &data).unwrap();
        sealer.finish(&mut body, &[]).unwrap();
        assert!(body.len() < data.len() + data.len() / 500, "{} bytes", body.len());
        let admitted = server.secrets.request.admit(&server.id, ticket, Mode::Hidden, &listed).unwrap();
        let (opener, _) = server.secrets.request.open(admitted).unwrap().opening(wide);
        assert_eq!(read(opener, &body).unwrap(), data);
    }
}

// SE-34, SE-02: the fields, in their one form.
#[test]
fn fields_have_one_form() {
    let sent = hidden(1);
    let field = sent.ticket.to_field();
    assert_eq!(Ticket::from_field(field.as_bytes()), Ok(sent.ticket));
    let id = base_id(&PAIR.0.id);
    assert_eq!(parse_base_id(id.as_bytes()), Ok(PAIR.0.id));
    let (_, reply) = open(&PAIR.1, sent.ticket, Mode::Hidden, &Listed::nothing()).unwrap();
    let binder = reply.begin(Padding::Off, limits(), &OsRandom).unwrap().0.to_field();
    assert!(Binder::from_field(binder.as_bytes()).is_ok());
    for len in 0..field.len() {
        assert_eq!(Ticket::from_field(&field.as_bytes()[..len]), Err(Error::Field), "{len}");
    }
    for len in 0..binder.len() {
        assert_eq!(Binder::from_field(&binder.as_bytes()[..len]), Err(Error::Field), "{len}");
    }
    for len in 0..id.len() {
        assert_eq!(parse_base_id(&id.as_bytes()[..len]), Err(Error::Field), "{len}");
    }
    // Parameters, other types, other alphabets, blanks, and bits behind the end.
    let padded = binder.strip_suffix("==:").unwrap();
    let other = if padded.ends_with('/') { '+' } else { '/' };
    for bad in [
        format!("{binder};a=1"),
        format!(" {binder}"),
        binder.replace(':', "\""),
        format!("{padded}:"),
        format!("{}{other}==:", &padded[..padded.len() - 1]),
    ] {
        assert_eq!(Binder::from_field(bad.as_bytes()), Err(Error::Field), "{bad}");
    }
    for bad in [
        id.to_uppercase().replace("\"11", "\"1A"),
        id.replace('"', ""),
        format!("{id};a"),
        id.replace('1', "g"),
    ] {
        assert_eq!(parse_base_id(bad.as_bytes()), Err(Error::Field), "{bad}");
    }
}

// SE-30: of any numbers in any order, each is taken at most once, and all within the window of the highest are.
#[test]
fn the_window_is_exact() {
    let mut window = Window::new(1024);
    window.mark(5000).unwrap();
    assert_eq!(window.mark(5000 - 1024), Ok(()));
    assert_eq!(window.mark(5000 - 1025), Err(Error::Replay));
    assert_eq!(window.mark(u64::MAX), Ok(()));
    assert_eq!(window.mark(u64::MAX), Err(Error::Replay));
    assert_eq!(window.mark(5001), Err(Error::Replay));
    assert_eq!(window.mark(u64::MAX - 1024), Ok(()));
}

proptest! {
    // SE-30
    #[test]
    fn windows_agree_with_a_list(size in 0_u32..200, numbers in prop::collection::vec(0_u64..600, 1..400)) {
        let mut window = Window::new(size);
        let mut seen: Vec<u64> = Vec::new();
        for number in numbers {
            let highest = seen.iter().max().copied();
            let too_old = highest.is_some_and(|highest| number + u64::from(size) < highest);
            let expected = if too_old || seen.contains(&number) { Err(Error::Replay) } else { Ok(()) };
            prop_assert_eq!(window.mark(number), expected);
            seen.push(number);
        }
    }
}
