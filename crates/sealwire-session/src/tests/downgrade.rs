//! SE-14, SE-80: what is offered and chosen, altered on its way, or chosen by a server against what was offered.

use super::{
    common::{AUTHORITY, Gateway, NOW, at, establish},
    hand::{credential, serve},
};
use crate::{
    Error, Scheme, Suite,
    client::{self, Received, Started},
    identity::Role,
    message::{Authentication, ClientHello, EvidenceMode, Proof, Resumed, ServerFlight, ServerHello},
    server,
    suite::Group,
};
use sealwire_crypto::{aead::Aead, digest::Digest, random::OsRandom};
use std::sync::Arc;

/// A client that offers everything, the weakest last.
fn everything() -> client::Config {
    client::Config {
        groups: vec![Group::X25519MlKem768, Group::X25519, Group::SecP384r1MlKem1024],
        schemes: vec![Scheme::Ed25519MlDsa65, Scheme::Ed25519, Scheme::SlhDsaSha2192f],
        evidence: EvidenceMode::Handshake,
        attests: true,
        ..client::Config::default()
    }
}

/// A server that takes everything.
fn gateway() -> Gateway {
    Gateway::new(server::Config {
        groups: vec![Group::X25519MlKem768, Group::X25519, Group::SecP384r1MlKem1024],
        schemes: vec![Scheme::Ed25519MlDsa65, Scheme::Ed25519, Scheme::SlhDsaSha2192f],
        ..server::Config::default()
    })
}

fn start(config: client::Config) -> Started {
    client::start(Arc::new(config), AUTHORITY, None, None, false, *NOW, &OsRandom).unwrap()
}

// SE-14, SE-80: each offer is in the transcript: a hello that was altered gives a server that goes on, and a client that
// does not.
#[test]
fn altered_offers_end_the_handshake() {
    let gateway = gateway();
    type Edit = fn(&mut ClientHello);
    let edits: [(&str, Edit); 8] = [
        ("AEAD", |hello| hello.aeads = vec![Aead::Aes128Gcm.id()]),
        ("order of AEADs", |hello| hello.aeads.reverse()),
        ("scheme", |hello| hello.schemes = vec![Scheme::Ed25519.id()]),
        ("evidence", |hello| hello.evidence = EvidenceMode::Identity),
        ("groups", |hello| hello.groups.truncate(1)),
        ("word on itself", |hello| hello.attests = false),
        ("document", |hello| hello.known = Some([0; 48])),
        ("random", |hello| hello.random[0] ^= 1),
    ];
    for (what, edit) in edits {
        let started = start(everything());
        let mut hello = ClientHello::decode(&started.hello).unwrap();
        edit(&mut hello);
        let (flight, _) = gateway.flight(&hello.encode(), *NOW).unwrap();
        let received = started.next.receive(&flight, &OsRandom);
        assert_eq!(received.err(), Some(Error::Open), "{what}");
    }
}

// SE-14, SE-03: a retry that the server did not ask for leads to no weaker group: the server does not know its token.
#[test]
fn a_retry_does_not_lower_the_group() {
    let gateway = gateway();
    let started = start(everything());
    let forged = crate::message::Retry { token: vec![0; 56], group: Some(Group::X25519.id()) }.encode();
    let Received::Again { message, .. } = started.next.receive(&forged, &OsRandom).unwrap() else { panic!() };
    assert_eq!(gateway.receive(&message, false, *NOW).err(), Some(Error::Token));

    // Nor does one that the server asked another for: the group is in the MAC, and both are in the transcript.
    let mut hello = ClientHello::decode(&start(everything()).hello).unwrap();
    hello.shares = vec![(Group::SecP384r1MlKem1024.id(), vec![0; 1665])];
    let Ok(server::Received::Retry(retry)) = gateway.receive(&hello.encode(), false, *NOW) else { panic!() };
    let mut retry = crate::message::Retry::decode(&retry).unwrap();
    assert_eq!(retry.group, Some(Group::X25519MlKem768.id()));
    retry.group = Some(Group::X25519.id());
    let retry = retry.encode();
    let again = crate::message::HelloAgain { hello: &hello.encode(), retry: &retry, share: Some(&[9; 32]) };
    assert_eq!(gateway.receive(&again.encode(), false, *NOW).err(), Some(Error::Token));
}

// SE-02: a server that chooses what was not offered.
#[test]
fn choices_that_were_not_offered_are_refused() {
    let offer = || {
        let suites = vec![Suite { aead: Aead::Aes256Gcm }];
        start(client::Config { suites, groups: vec![Group::X25519MlKem768], ..client::Config::default() })
    };
    type Choice = fn(&mut ServerHello);
    let choices: [(&str, Choice, Error); 9] = [
        ("AEAD", |hello| hello.aead = Aead::Aes128Gcm.id(), Error::NotOffered),
        ("unknown AEAD", |hello| hello.aead = 77, Error::NotOffered),
        ("group", |hello| hello.share = Some((Group::X25519.id(), vec![9; 32])), Error::NotOffered),
        ("unknown group", |hello| hello.share = Some((7, vec![9; 32])), Error::NotOffered),
        ("resumption", |hello| hello.resumed = Resumed::WithAgreement, Error::NotOffered),
        (
            "resumption alone",
            |hello| {
                hello.resumed = Resumed::WithoutAgreement;
                hello.share = None;
            },
            Error::NotOffered,
        ),
        ("early data", |hello| hello.early = true, Error::Inconsistent),
        ("no share", |hello| hello.share = None, Error::Inconsistent),
        (
            "a short share",
            |hello| hello.share = hello.share.take().map(|(group, share)| (group, share[1..].to_vec())),
            Error::Share,
        ),
    ];
    for (what, choice, error) in choices {
        let started = offer();
        let forged = serve(&started.hello, choice, |_| vec![0xa0], |_| Vec::new());
        assert_eq!(started.next.receive(&forged.flight, &OsRandom).err(), Some(error), "{what}");
    }
    // A choice that is altered on its way is no choice of the server's.
    let gateway = gateway();
    let started = start(everything());
    let (flight, _) = gateway.flight(&started.hello, *NOW).unwrap();
    let flight = ServerFlight::decode(&flight).unwrap();
    let mut hello = ServerHello::decode(flight.hello).unwrap();
    hello.aead = Aead::ChaCha20Poly1305.id();
    let altered = ServerFlight { hello: &hello.encode(), sealed: flight.sealed }.encode();
    assert_eq!(started.next.receive(&altered, &OsRandom).err(), Some(Error::Open));
}

// SE-02, SE-40, SE-42: the same where there is a ticket: of its suite, with an agreement, and without early data unless they
// were sent.
#[test]
fn choices_of_a_resumption_are_held_against_the_offer() {
    type Choice = fn(&mut ServerHello);
    let choices: [(&str, Choice, Error); 4] = [
        ("another suite than the ticket's", |hello| hello.aead = Aead::Aes128Gcm.id(), Error::NotOffered),
        ("early data", |hello| hello.early = true, Error::NotOffered),
        (
            "no agreement",
            |hello| {
                hello.resumed = Resumed::WithoutAgreement;
                hello.share = None;
            },
            Error::NotOffered,
        ),
        // He has not what the ticket has.
        ("nothing else", |_| {}, Error::Open),
    ];
    let gateway = Gateway::new(server::Config::default());
    for (what, choice, error) in choices {
        let config = client::Config::default();
        let ticket = establish(&gateway, &config, None, *NOW).unwrap().0.ticket;
        assert!(ticket.is_some());
        let started =
            client::start(Arc::new(config), AUTHORITY, None, ticket, false, *NOW, &OsRandom).unwrap();
        let choose = |hello: &mut ServerHello| {
            hello.resumed = Resumed::WithAgreement;
            choice(hello);
        };
        let forged = serve(&started.hello, choose, |_| vec![0xa0], |_| Vec::new());
        assert_eq!(started.next.receive(&forged.flight, &OsRandom).err(), Some(error), "{what}");
    }
}

// SE-08: a quote that was asked for is there, and none that was not; its claims are those of this handshake.
#[test]
fn the_evidence_mode_is_the_clients() {
    let gateway = gateway();
    let published = gateway.published.encode();
    let flight = |hello: &[u8], quote: Option<&[u8]>| {
        let show =
            |_: &Digest| credential(gateway.document_hash(), &published, quote, Authentication::NotAsked);
        serve(hello, |_| {}, show, |_| Vec::new()).flight
    };
    let started = start(everything());
    let without = flight(&started.hello, None);
    assert_eq!(started.next.receive(&without, &OsRandom).err(), Some(Error::Quote));
    let started = start(client::Config::default());
    let with = flight(&started.hello, Some(b"quote"));
    assert_eq!(started.next.receive(&with, &OsRandom).err(), Some(Error::Quote));
    // Where it was asked for, nothing goes on without the appraisal.
    let started = start(everything());
    let (flight, _) = gateway.flight(&started.hello, *NOW).unwrap();
    let Received::Presented(presented) = started.next.receive(&flight, &OsRandom).unwrap() else { panic!() };
    let accepted = presented.accept(&gateway.acceptance(), None, at(*NOW));
    assert_eq!(accepted.err(), Some(Error::NotAppraised));
}

// SE-09: the scheme is one that was offered, and of two signatures both verify.
#[test]
fn half_a_proof_is_none() {
    let gateway = gateway();
    let published = gateway.published.encode();
    let proof = |config: client::Config, prove: &dyn Fn(&Digest) -> Proof| {
        let started = start(client::Config { evidence: EvidenceMode::Identity, ..config });
        let show =
            |_: &Digest| credential(gateway.document_hash(), &published, None, Authentication::NotAsked);
        let forged = serve(&started.hello, |_| {}, show, |signed| prove(signed).encode());
        match started.next.receive(&forged.flight, &OsRandom).unwrap() {
            Received::Presented(presented) => presented.accept(&gateway.acceptance(), None, at(*NOW)).err(),
            _ => panic!(),
        }
    };
    let identity = gateway.server.identity();
    let sign = |scheme, signed: &Digest| identity.prove(scheme, Role::Server, signed, &OsRandom).unwrap();
    let dual = Scheme::Ed25519MlDsa65;
    assert_eq!(proof(everything(), &|signed| sign(dual, signed)), None);
    for broken in [0, 1] {
        let altered = |signed: &Digest| {
            let mut proof = sign(dual, signed);
            proof.signatures[broken][0] ^= 1;
            proof
        };
        assert_eq!(proof(everything(), &altered), Some(Error::Signature), "{broken}");
        let missing = |signed: &Digest| {
            let mut proof = sign(dual, signed);
            proof.signatures.remove(broken);
            proof
        };
        assert_eq!(proof(everything(), &missing), Some(Error::Signature), "without {broken}");
    }
    // One signature of the two under the name of the scheme that has one: the name is signed.
    let renamed = |signed: &Digest| {
        let mut proof = sign(dual, signed);
        proof.signatures.truncate(1);
        Proof { scheme: Scheme::Ed25519.id(), ..proof }
    };
    assert_eq!(proof(everything(), &renamed), Some(Error::Signature));
    // A scheme that was not offered, genuine or unknown.
    let weak = |signed: &Digest| sign(Scheme::Ed25519, signed);
    assert_eq!(proof(client::Config::default(), &weak), Some(Error::NotOffered));
    let unknown = |signed: &Digest| Proof { scheme: 77, ..sign(dual, signed) };
    assert_eq!(proof(everything(), &unknown), Some(Error::NotOffered));
}
