//! The handshake between two ends that keep to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{AUTHORITY, Caller, Gateway, NOW, establish, establish_mutual};
use sealwire_crypto::random::OsRandom;
use sealwire_crypto::{aead::Aead, kx::Group};
use sealwire_message::chunk;
use sealwire_session::{
    Error, Scheme, Suite,
    client::{self, Established},
    message::{Authentication, EvidenceMode},
    request::{AwaitAnswer, Binder, Listed, Mode, Opened, Padding, Window},
    server::{self, HalfOpen},
};

/// One request and its answer.
fn exchange(client: &Established, server: &HalfOpen, window: &mut Window, number: u64) -> Result<(), Error> {
    let limits = chunk::Limits::default();
    let listed = Listed::nothing();
    let ticket = client.secrets.request.ticket(&client.id, number, Mode::Hidden, &listed, &OsRandom)?;
    let (mut sealer, answer) = client.secrets.request.seal(ticket)?.sealing(Padding::To(256), limits);
    let mut body = BytesMut::new();
    sealer.seal(&mut body, b"the question")?;
    sealer.finish(&mut body, &[])?;

    let admitted = server.secrets.request.admit(&server.id, ticket, Mode::Hidden, &listed)?;
    window.mark(admitted.number())?;
    let (mut opener, reply) = server.secrets.request.open(admitted)?.opening(limits);
    opener.push(&body);
    opener.end();
    assert_eq!(opener.next_data()?, Some(Opened::Data("the question".into())));
    assert_eq!(opener.next_data()?, Some(Opened::Final("".into())));
    let (binder, sealer) = reply.begin(Padding::Off, limits, &OsRandom)?;
    let mut body = BytesMut::new();
    sealer.finish(&mut body, &[b"the answer"])?;

    let mut opener = answer.receive(&binder)?;
    opener.push(&body);
    opener.end();
    assert_eq!(opener.next_data()?, Some(Opened::Final("the answer".into())));
    Ok(())
}

fn works(client: &Established, server: &HalfOpen) {
    assert_eq!(client.id, server.id);
    assert_eq!(client.suite, server.suite);
    let mut window = Window::new(1024);
    for number in [0, 2, 1, 1 << 40] {
        exchange(client, server, &mut window, number).unwrap();
    }
    let exported = |secrets: &sealwire_session::Secrets| {
        let mut out = [0; 32];
        secrets.exporter.export("test", b"context", &mut out).unwrap();
        out
    };
    assert_eq!(exported(&client.secrets), exported(&server.secrets));
}

// SE-01, SE-04, SE-80: every group with every AEAD; what both sides say that runs is what was offered alone.
#[test]
fn every_suite_gives_a_session() {
    for group in [Group::X25519MlKem768, Group::SecP384r1MlKem1024, Group::X25519] {
        for aead in [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
            let suites = vec![Suite { aead }];
            let groups = vec![group];
            let gateway = Gateway::new(server::Config {
                groups: groups.clone(),
                suites: suites.clone(),
                ..server::Config::default()
            });
            let config = client::Config { groups, suites, ..client::Config::default() };
            let (client, server) = establish(&gateway, &config, None, *NOW).unwrap();
            assert_eq!((client.suite.aead, client.group), (aead, Some(group)));
            assert_eq!(client.scheme, Some(Scheme::Ed25519MlDsa65));
            assert_eq!(server.authority, AUTHORITY);
            works(&client, &server);
        }
    }
}

// SE-09
#[test]
fn every_scheme_gives_a_session() {
    for scheme in [Scheme::Ed25519, Scheme::SlhDsaSha2192f] {
        let gateway = Gateway::new(server::Config { schemes: vec![scheme], ..server::Config::default() });
        let config = client::Config { schemes: vec![scheme], ..client::Config::default() };
        let (client, server) = establish(&gateway, &config, None, *NOW).unwrap();
        assert_eq!(client.scheme, Some(scheme));
        works(&client, &server);
        // One side's word is not enough.
        let other = client::Config::default();
        if scheme == Scheme::Ed25519 {
            assert_eq!(establish(&gateway, &other, None, *NOW).err(), Some(Error::NoCommonSuite));
        }
    }
}

// SE-08: a new quote over this handshake.
#[test]
fn evidence_can_be_made_for_the_handshake() {
    let gateway = Gateway::new(server::Config::default());
    let config = client::Config { evidence: EvidenceMode::Handshake, ..client::Config::default() };
    let (client, server) = establish(&gateway, &config, None, *NOW).unwrap();
    works(&client, &server);
}

// SE-11: both sides know that it was asked and given, or not given.
#[test]
fn callers_attest_themselves() {
    let caller = Caller::new();
    let config = client::Config { attests: true, ..client::Config::default() };
    for asked in [Authentication::Wanted, Authentication::Required] {
        let gateway = Gateway::new(server::Config::default()).asking(asked);
        let (client, server) = establish_mutual(&gateway, &config, Some(&caller), *NOW).unwrap();
        assert!(client.authenticated);
        works(&client, &server);
        let nothing = establish_mutual(&gateway, &config, None, *NOW);
        if asked == Authentication::Required {
            assert_eq!(nothing.err(), Some(Error::CallerNotAttested));
        } else {
            let (client, server) = nothing.unwrap();
            assert!(!client.authenticated);
            works(&client, &server);
        }
    }
}

// SE-40, SE-41: a ticket leads to a session of its own, by either way that both sides permit, once.
#[test]
fn tickets_resume() {
    for without_agreement in [false, true] {
        let gateway = Gateway::new(server::Config { without_agreement, ..server::Config::default() });
        let config = client::Config { without_agreement, ..client::Config::default() };
        let (first, _) = establish(&gateway, &config, None, *NOW).unwrap();
        let later = *NOW + 5000;
        let (client, server) = establish(&gateway, &config, first.ticket, later).unwrap();
        assert_eq!(client.scheme, None);
        assert_eq!(client.group.is_none(), without_agreement);
        let remembered = server.remembered.as_ref().unwrap();
        assert_eq!((remembered.attested_at, remembered.note.as_slice()), (*NOW / 1000, &b"note"[..]));
        works(&client, &server);
        // Ages count from the first, through every ticket.
        let (_, server) = establish(&gateway, &config, client.ticket, later + 5000).unwrap();
        assert_eq!(server.remembered.unwrap().attested_at, *NOW / 1000);
    }
}

// SE-42: the keys of their answer would have to wait for the client's Finished.
#[test]
fn early_data_are_not_accepted_of_a_client_that_has_to_authenticate_itself() {
    let mut gateway = Gateway::new(server::Config::default());
    let config = client::Config { attests: true, ..client::Config::default() };
    for asked in [Authentication::Wanted, Authentication::Required] {
        gateway.authentication = Authentication::NotAsked;
        let (first, _) = establish(&gateway, &config, None, *NOW).unwrap();
        gateway.authentication = asked;
        let hello =
            client::start(config.clone().into(), AUTHORITY, None, first.ticket, true, *NOW, &OsRandom);
        let server::Received::Hello(hello) = gateway.receive(&hello.unwrap().hello, false, *NOW).unwrap()
        else {
            panic!("no retry")
        };
        assert!(hello.early().unwrap().is_some());
        assert_eq!(gateway.answer_with(*hello, true, *NOW).err(), Some(Error::Inconsistent));
    }
}

// SE-33: the key of an answer comes of its request and of fresh randomness: the same answer to the same request has other
// keys the second time, and status and fields are as much inside as the body is.
#[test]
fn every_answer_has_a_key_of_its_own() {
    let gateway = Gateway::new(server::Config::default());
    let (client, server) = establish(&gateway, &client::Config::default(), None, *NOW).unwrap();
    let (limits, listed) = (chunk::Limits::default(), Listed::nothing());
    let ask = |number| {
        let secret = &client.secrets.request;
        let ticket = secret.ticket(&client.id, number, Mode::Hidden, &listed, &OsRandom).unwrap();
        (ticket, secret.seal(ticket).unwrap().sealing(Padding::Off, limits).1)
    };
    let answer = |ticket| {
        let secret = &server.secrets.request;
        let admitted = secret.admit(&server.id, ticket, Mode::Hidden, &listed).unwrap();
        let (_, reply) = secret.open(admitted).unwrap().opening(limits);
        let (binder, sealer) = reply.begin(Padding::Off, limits, &OsRandom).unwrap();
        let mut body = BytesMut::new();
        sealer.finish(&mut body, &[b"status, fields and body"]).unwrap();
        (binder, body)
    };
    let open = |awaited: AwaitAnswer, binder: &Binder, body: &[u8]| {
        let mut opener = awaited.receive(binder)?;
        opener.push(body);
        opener.end();
        opener.next_data()
    };
    let (first, awaited) = ask(1);
    let (binder, body) = answer(first);
    let (again, other_body) = answer(first);
    assert_ne!((binder.random, &body), (again.random, &other_body));
    assert_eq!(open(awaited, &binder, &other_body).err(), Some(Error::Chunk(chunk::Error::Open)));
    let (second, awaited) = ask(2);
    assert_eq!(open(awaited, &binder, &body).err(), Some(Error::Binding));
    let (binder, body) = answer(second);
    let (_, awaited) = ask(2);
    assert_eq!(open(awaited, &binder, &body).err(), Some(Error::Binding));
}
