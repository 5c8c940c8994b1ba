//! SE-14: somebody between two ends who passes on, turns round and mixes up what they show of themselves.

use super::{
    common::{
        AUTHORITY, Caller, Gateway, NOW, POLICY, TEE, VERIFIER, accept, appraise, at, parameters, quote,
        quote_bytes,
    },
    hand::{call, client_credential, credential, serve, serve_and_finish},
};
use crate::{
    Error, Identity, Scheme,
    client::{self, Outcome, Own, Received, ServerPresented, Started},
    identity::Role,
    message::{Authentication, EvidenceMode},
    server::{self, Next, Pending, Presenting},
};
use sealwire_attest::{
    Bound, Kind, cmw,
    key_document::{self, Published, Seen, Wanted},
};
use sealwire_crypto::{digest::Digest, random::OsRandom};
use sealwire_tee::Tee;
use std::sync::Arc;

fn start(config: client::Config) -> Started {
    client::start(Arc::new(config), AUTHORITY, None, None, false, *NOW, &OsRandom).unwrap()
}

fn handshake_evidence() -> client::Config {
    client::Config { evidence: EvidenceMode::Handshake, ..client::Config::default() }
}

/// What a client gets from a flight that opens.
fn presented(started: Started, flight: &[u8]) -> Result<Box<ServerPresented>, Error> {
    match started.next.receive(flight, &OsRandom)? {
        Received::Presented(presented) => Ok(presented),
        _ => panic!("neither a retry nor a resumption"),
    }
}

// SE-14: a man in the middle shows the victim what a genuine server has shown to him. Evidence and document are genuine;
// the signature is over his own handshake with that server.
#[test]
fn a_relay_of_evidence_is_refused() {
    let gateway = Gateway::new(server::Config::default());
    let started = start(client::Config::default());
    let shown = call(&gateway, EvidenceMode::Identity);
    let forged = serve(&started.hello, |_| {}, |_| shown.credential.clone(), |_| shown.proof.clone());
    let presented = presented(started, &forged.flight).unwrap();
    let published = Published::decode(presented.published().unwrap().unwrap()).unwrap();
    let acceptance = accept(&published, Wanted::Gateway(AUTHORITY));
    assert_eq!(presented.accept(&acceptance, None, at(*NOW)).err(), Some(Error::Signature));
}

// SE-14, SE-08: a quote that was made for the relay's own handshake is not bound to the victim's.
#[test]
fn a_relay_of_a_quote_is_refused() {
    let gateway = Gateway::new(server::Config::default());
    let started = start(handshake_evidence());
    let shown = call(&gateway, EvidenceMode::Handshake);
    let forged = serve(&started.hello, |_| {}, |_| shown.credential.clone(), |_| shown.proof.clone());
    let presented = presented(started, &forged.flight).unwrap();
    let (bytes, bound) = presented.quote().unwrap().unwrap();
    let endorsements = quote(&bound).1;
    let evidence = cmw::decode(bytes).unwrap();
    assert!(VERIFIER.verify_presented(&evidence, &endorsements, &bound, at(*NOW)).is_err());
    // Nor do claims of a quote that was appraised for something else pass.
    let elsewhere = Bound::new("handshake", "gateway", b"another", b"");
    let claims = appraise(&quote_bytes(&elsewhere), &elsewhere);
    assert_eq!(
        presented.accept(&gateway.acceptance(), Some(&claims), at(*NOW)).err(),
        Some(Error::NotAppraised)
    );
}

// SE-14: the document of a genuine instance in the hands of somebody who has not its identity key.
#[test]
fn a_stolen_document_proves_nothing() {
    let gateway = Gateway::new(server::Config::default());
    let own = Gateway::new(server::Config::default());
    let started = start(client::Config::default());
    let server::Received::Hello(hello) = own.receive(&started.hello, false, *NOW).unwrap() else { panic!() };
    let presenting = Presenting {
        document: gateway.document_hash(),
        published: &gateway.published.encode(),
        quote: None,
        parameters: parameters(&own.server.config().limits),
        authentication: Authentication::NotAsked,
        note: None,
    };
    let answering = hello.answer(&own.server, false, &OsRandom).unwrap();
    let (flight, _) = answering.present(&own.server, &presenting, *NOW, &OsRandom).unwrap();
    let presented = presented(started, &flight).unwrap();
    assert_eq!(presented.accept(&gateway.acceptance(), None, at(*NOW)).err(), Some(Error::Signature));
}

// SE-14: diverted to another genuine instance of the same name, a client judges that instance, and what it has accepted of
// the first one counts for nothing.
#[test]
fn diversion_to_another_instance_is_seen() {
    let first = Gateway::of([0x11; 16], server::Config::default(), &[AUTHORITY]);
    let second = Gateway::of([0x33; 16], server::Config::default(), &[AUTHORITY]);
    let started = start(client::Config::default());
    let (flight, _) = second.flight(&started.hello, *NOW).unwrap();
    let shown = presented(started, &flight).unwrap();
    assert_eq!(shown.document_hash(), Ok(second.document_hash()));
    assert_eq!(shown.accept(&first.acceptance(), None, at(*NOW)).err(), Some(Error::Document));

    // A client that has the first one's document is shown no other without its published form.
    let config = Arc::new(client::Config::default());
    let known = Some(first.document_hash());
    let started = client::start(config, AUTHORITY, known, None, false, *NOW, &OsRandom).unwrap();
    let forged = serve(
        &started.hello,
        |_| {},
        |_| {
            let credential = credential(second.document_hash(), b"", None, Authentication::NotAsked);
            without_published(&credential)
        },
        |_| Vec::new(),
    );
    assert_eq!(presented(started, &forged.flight).err(), Some(Error::Document));
}

fn without_published(credential: &[u8]) -> Vec<u8> {
    let mut decoded = crate::message::ServerCredential::decode(credential).unwrap();
    decoded.published = None;
    decoded.encode()
}

// SE-07, SE-14: a genuine instance of another name; also with a document that the client has accepted for that name.
#[test]
fn diversion_to_another_name_is_seen() {
    let other = Gateway::of([0x33; 16], server::Config::default(), &["other.example"]);
    let config = client::Config::default();
    let started = start(config.clone());
    assert_eq!(other.flight(&started.hello, *NOW).err(), Some(Error::Authority));
    // Its operator has it answer all the same.
    let forged = serve(
        &started.hello,
        |_| {},
        |_| {
            let published = other.published.encode();
            credential(other.document_hash(), &published, None, Authentication::NotAsked)
        },
        |signed| {
            let identity = other.server.identity();
            identity.prove(Scheme::Ed25519MlDsa65, Role::Server, signed, &OsRandom).unwrap().encode()
        },
    );
    let published = other.published.clone();
    let wanted = Wanted::Gateway(AUTHORITY);
    let denied = key_document::accept(&published, &VERIFIER, &POLICY, wanted, &[], Seen::default(), at(*NOW));
    assert!(denied.unwrap_err().reasons.iter().any(|reason| reason.code == "authority-not-served"));
    let acceptance = accept(&published, Wanted::Gateway("other.example"));
    let presented = presented(started, &forged.flight).unwrap();
    assert_eq!(presented.accept(&acceptance, None, at(*NOW)).err(), Some(Error::Authority));
}

// SE-14: what an end has said, said back to it.
#[test]
fn reflection_is_seen() {
    let gateway = Gateway::new(server::Config::default()).asking(Authentication::Required);
    let caller = Caller::new();
    let config = client::Config { attests: true, ..client::Config::default() };
    let started = start(config.clone());
    let hello = started.hello.clone();
    assert_eq!(started.next.receive(&hello, &OsRandom).err(), Some(Error::Unexpected));

    let started = start(config);
    let (flight, next) = gateway.flight(&started.hello, *NOW).unwrap();
    let refused = gateway.receive(&flight, false, *NOW).err();
    assert_eq!(refused, Some(Error::Unexpected));
    let Next::Authenticate(expect) = next else { panic!() };
    assert_eq!(expect.receive(&flight).err(), Some(Error::Unexpected));
    let Outcome::Authenticate(own) =
        presented(started, &flight).unwrap().accept(&gateway.acceptance(), None, at(*NOW)).unwrap()
    else {
        panic!()
    };
    let (finish, awaited) = own.present(Some(shown(&caller, &caller.published.encode())), &OsRandom).unwrap();
    assert_eq!(awaited.receive(&finish).err(), Some(Error::Unexpected));
}

fn shown<'a>(caller: &'a Caller, published: &'a [u8]) -> Own<'a> {
    Own {
        identity: &caller.identity,
        scheme: Scheme::Ed25519MlDsa65,
        document: caller.document_hash(),
        published,
        quote: None,
    }
}

// SE-14: a caller's identity does not make a server, nor a server's a caller; neither by its document nor by its proof.
#[test]
fn roles_cannot_be_swapped() {
    let caller = Caller::new();
    let gateway = Gateway::new(server::Config::default()).asking(Authentication::Required);

    // A caller's document in a server's place, with signatures of that caller's own.
    let started = start(client::Config::default());
    let published = caller.published.encode();
    let forged = serve(
        &started.hello,
        |_| {},
        |_| credential(caller.document_hash(), &published, None, Authentication::NotAsked),
        |signed| {
            caller.identity.prove(Scheme::Ed25519MlDsa65, Role::Server, signed, &OsRandom).unwrap().encode()
        },
    );
    let wanted = Wanted::Gateway(AUTHORITY);
    let denied =
        key_document::accept(&caller.published, &VERIFIER, &POLICY, wanted, &[], Seen::default(), at(*NOW));
    assert!(denied.is_err());
    let presented = presented(started, &forged.flight).unwrap();
    assert_eq!(presented.accept(&caller.acceptance(), None, at(*NOW)).err(), Some(Error::Document));

    // A server's document in a caller's place.
    let calling = call(&gateway, EvidenceMode::Identity);
    let theirs = client_credential(gateway.document_hash(), &gateway.published.encode());
    let finish = calling.finish(&theirs, |signed| {
        let identity = gateway.server.identity();
        identity.prove(Scheme::Ed25519MlDsa65, Role::Client, signed, &OsRandom).unwrap().encode()
    });
    let Next::Authenticate(expect) = calling.next else { panic!() };
    let received = expect.receive(&finish).unwrap();
    let client = expect.presented(received);
    let schemes = [Scheme::Ed25519MlDsa65];
    let verified = client.verify(&gateway.acceptance(), None, &schemes, at(*NOW));
    assert_eq!(verified.err(), Some(Error::Document));

    // The right document, and a signature in the other role.
    let calling = call(&gateway, EvidenceMode::Identity);
    let own = client_credential(caller.document_hash(), &published);
    let finish = calling.finish(&own, |signed| {
        caller.identity.prove(Scheme::Ed25519MlDsa65, Role::Server, signed, &OsRandom).unwrap().encode()
    });
    let Next::Authenticate(expect) = calling.next else { panic!() };
    let received = expect.receive(&finish).unwrap();
    let client = expect.presented(received);
    assert_eq!(client.verify(&caller.acceptance(), None, &schemes, at(*NOW)).err(), Some(Error::Signature));
}

// SE-14: a caller authenticates itself to a server that is not what it seems, which passes that on to another: the proof is
// over the handshake with the first.
#[test]
fn an_unknown_key_share_is_refused() {
    let gateway = Gateway::new(server::Config::default()).asking(Authentication::Required);
    let other = Gateway::new(server::Config::default());
    let caller = Caller::new();
    let started = start(client::Config { attests: true, ..client::Config::default() });
    let published = other.published.encode();
    let between = serve(
        &started.hello,
        |_| {},
        |_| credential(other.document_hash(), &published, None, Authentication::Required),
        |signed| {
            let identity = other.server.identity();
            identity.prove(Scheme::Ed25519MlDsa65, Role::Server, signed, &OsRandom).unwrap().encode()
        },
    );
    let presented = presented(started, &between.flight).unwrap();
    let Outcome::Authenticate(own) = presented.accept(&other.acceptance(), None, at(*NOW)).unwrap() else {
        panic!()
    };
    let published = caller.published.encode();
    let (finish, _) = own.present(Some(shown(&caller, &published)), &OsRandom).unwrap();
    let (credential, proof) = between.open_finish(&finish);

    let calling = call(&gateway, EvidenceMode::Identity);
    let finish = calling.finish(&credential, |_| proof);
    let Next::Authenticate(expect) = calling.next else { panic!() };
    let received = expect.receive(&finish).unwrap();
    let client = expect.presented(received);
    let verified = client.verify(&caller.acceptance(), None, &[Scheme::Ed25519MlDsa65], at(*NOW));
    assert_eq!(verified.err(), Some(Error::Signature));
    // What the caller is told is the same whatever was wrong.
    assert!(client.refuse().is_ok());
}

// SE-14: with the identity key of one end, nobody passes for another to that end.
#[test]
fn a_stolen_key_does_not_impersonate_others_to_its_owner() {
    let gateway = Gateway::new(server::Config::default()).asking(Authentication::Required);
    let caller = Caller::new();

    // The caller's key is stolen: no server to the caller.
    let started = start(client::Config { attests: true, ..client::Config::default() });
    let published = gateway.published.encode();
    let forged = serve(
        &started.hello,
        |_| {},
        |_| credential(gateway.document_hash(), &published, None, Authentication::Required),
        |signed| {
            caller.identity.prove(Scheme::Ed25519MlDsa65, Role::Server, signed, &OsRandom).unwrap().encode()
        },
    );
    let presented = presented(started, &forged.flight).unwrap();
    assert_eq!(presented.accept(&gateway.acceptance(), None, at(*NOW)).err(), Some(Error::Signature));

    // The server's key is stolen: no caller to the server.
    let calling = call(&gateway, EvidenceMode::Identity);
    let theirs = client_credential(caller.document_hash(), &caller.published.encode());
    let finish = calling.finish(&theirs, |signed| {
        let identity = gateway.server.identity();
        identity.prove(Scheme::Ed25519MlDsa65, Role::Client, signed, &OsRandom).unwrap().encode()
    });
    let Next::Authenticate(expect) = calling.next else { panic!() };
    let received = expect.receive(&finish).unwrap();
    let client = expect.presented(received);
    let verified = client.verify(&caller.acceptance(), None, &[Scheme::Ed25519MlDsa65], at(*NOW));
    assert_eq!(verified.err(), Some(Error::Signature));
}

// SE-75, SE-11: between two ends that want it, a client's evidence cannot be taken out.
#[test]
fn se_75_evidence_that_is_removed_breaks_both_sides() {
    let caller = Caller::new();
    let published = caller.published.encode();
    let config = client::Config { attests: true, ..client::Config::default() };
    let gateway = Gateway::new(server::Config::default()).asking(Authentication::Wanted);
    let pending = Pending::new(&crate::Limits::default());
    let begin = || {
        let started = start(config.clone());
        let (flight, next) = gateway.flight(&started.hello, *NOW).unwrap();
        let Next::Authenticate(expect) = next else { panic!() };
        pending.insert(expect, *NOW);
        let presented = presented(started, &flight).unwrap();
        match presented.accept(&gateway.acceptance(), None, at(*NOW)).unwrap() {
            Outcome::Authenticate(own) => own,
            Outcome::Established(_) => panic!("a session without what was asked for"),
        }
    };
    // A finish of somebody who shows nothing, in place of the one that shows something: sealed under other keys.
    let (shows, awaited) = begin().present(Some(shown(&caller, &published)), &OsRandom).unwrap();
    let (shows_nothing, _) = begin().present(None, &OsRandom).unwrap();
    let finish = crate::message::ClientFinish::decode(&shows).unwrap();
    let other = crate::message::ClientFinish::decode(&shows_nothing).unwrap();
    let mixed = crate::message::ClientFinish { session: finish.session, sealed: other.sealed }.encode();
    assert_eq!(pending.receive(&mixed).err(), Some(Error::Open));
    // Nor can it be cut short, by any of its bytes.
    for len in (0..finish.sealed.len()).step_by(7) {
        let cut = crate::message::ClientFinish { session: finish.session, sealed: &finish.sealed[..len] };
        assert_eq!(pending.receive(&cut.encode()).err(), Some(Error::Open));
    }
    // The answer to a client that has shown nothing does not open for the one that has.
    let client = pending.receive(&shows_nothing).unwrap();
    let (answer, _) = client.accept_unattested(&gateway.server, None, *NOW, &OsRandom).unwrap();
    assert_eq!(awaited.receive(&answer).err(), Some(Error::Open));
    // The handshake that all this was tried on goes on, once.
    let client = pending.receive(&shows).unwrap();
    let attested = client.verify(&caller.acceptance(), None, &[Scheme::Ed25519MlDsa65], at(*NOW)).unwrap();
    assert!(client.accept(&attested, &gateway.server, None, *NOW, &OsRandom).is_ok());
    assert_eq!(pending.receive(&shows).err(), Some(Error::UnknownSession));
    assert!(pending.is_empty());
}

// SE-11: what was verified of one caller lets no other in.
#[test]
fn a_verification_counts_for_its_own_handshake() {
    let caller = Caller::new();
    let gateway = Gateway::new(server::Config::default()).asking(Authentication::Required);
    let own = client_credential(caller.document_hash(), &caller.published.encode());
    let client = |sign: bool| {
        let calling = call(&gateway, EvidenceMode::Identity);
        let finish = calling.finish(&own, |signed| {
            let other = Identity::generate(false, &OsRandom).unwrap();
            let identity = if sign { &caller.identity } else { &other };
            identity.prove(Scheme::Ed25519MlDsa65, Role::Client, signed, &OsRandom).unwrap().encode()
        });
        let Next::Authenticate(expect) = calling.next else { panic!() };
        let received = expect.receive(&finish).unwrap();
        expect.presented(received)
    };
    let schemes = [Scheme::Ed25519MlDsa65];
    let attested = client(true).verify(&caller.acceptance(), None, &schemes, at(*NOW)).unwrap();
    let forged = client(false);
    assert_eq!(forged.verify(&caller.acceptance(), None, &schemes, at(*NOW)).err(), Some(Error::Signature));
    assert_eq!(
        forged.accept(&attested, &gateway.server, None, *NOW, &OsRandom).err(),
        Some(Error::NotAppraised)
    );
}

// SE-12, SE-14: composite evidence is judged as one: a companion that is put in or taken out makes another quote of it.
#[test]
fn composite_evidence_cannot_be_split() {
    let gateway = Gateway::new(server::Config::default());
    let published = gateway.published.encode();
    let document = gateway.document_hash();
    let companion = quote(&Bound::new("another", "gateway", b"", b"")).0.lead;
    // A flight whose quote covers a companion that is not there, or has one that it does not cover.
    let flight = |hello: &[u8], covers: bool| {
        let show = |after_hello: &Digest| {
            let bound = client::bound(Role::Server, after_hello, &document);
            let mut evidence = quote(&bound).0;
            evidence.companions.insert("gpu".to_owned(), companion.clone());
            if covers {
                let digest = bound.digest(Kind::Development, &evidence.companion_bytes());
                evidence.lead = TEE.produce(&digest).unwrap().evidence;
                evidence.companions.clear();
            }
            credential(document, &published, Some(&cmw::encode(&evidence)), Authentication::NotAsked)
        };
        let identity = gateway.server.identity();
        let prove = |signed: &Digest| {
            identity.prove(Scheme::Ed25519MlDsa65, Role::Server, signed, &OsRandom).unwrap().encode()
        };
        serve(hello, |_| {}, show, prove).flight
    };
    for covers in [true, false] {
        let started = start(handshake_evidence());
        let flight = flight(&started.hello, covers);
        let presented = presented(started, &flight).unwrap();
        let (bytes, bound) = presented.quote().unwrap().unwrap();
        let evidence = cmw::decode(bytes).unwrap();
        let endorsements = quote(&bound).1;
        let verified = VERIFIER.verify_presented(&evidence, &endorsements, &bound, at(*NOW));
        assert!(verified.is_err());
        if !covers {
            // Who appraises the lead alone has not appraised what was shown.
            let claims = appraise(&cmw::encode(&evidence.lead.into()), &bound);
            assert_eq!(
                presented.accept(&gateway.acceptance(), Some(&claims), at(*NOW)).err(),
                Some(Error::NotAppraised)
            );
        }
    }
}

/// Finished MACs that are none.
const BENDS: [fn(Vec<u8>) -> Vec<u8>; 4] = [
    |mut finished| {
        finished[0] ^= 1;
        finished
    },
    |mut finished| {
        finished[47] ^= 0x80;
        finished
    },
    |finished| finished[..47].to_vec(),
    |_| Vec::new(),
];

// SE-08, SE-10: neither end goes on without the other's Finished, however good the rest is.
#[test]
fn a_wrong_finished_ends_the_handshake() {
    let gateway = Gateway::new(server::Config::default()).asking(Authentication::Required);
    let caller = Caller::new();
    let published = gateway.published.encode();
    let identity = gateway.server.identity();
    for bend in BENDS {
        let started = start(client::Config::default());
        let show =
            |_: &Digest| credential(gateway.document_hash(), &published, None, Authentication::NotAsked);
        let prove = |signed: &Digest| {
            identity.prove(Scheme::Ed25519MlDsa65, Role::Server, signed, &OsRandom).unwrap().encode()
        };
        let forged = serve_and_finish(&started.hello, |_| {}, show, prove, bend);
        let presented = presented(started, &forged.flight).unwrap();
        let accepted = presented.accept(&gateway.acceptance(), None, at(*NOW));
        assert_eq!(accepted.err(), Some(Error::Finished));

        let calling = call(&gateway, EvidenceMode::Identity);
        let own = client_credential(caller.document_hash(), &caller.published.encode());
        let prove = |signed: &Digest| {
            caller.identity.prove(Scheme::Ed25519MlDsa65, Role::Client, signed, &OsRandom).unwrap().encode()
        };
        let finish = calling.finish_with(&own, prove, bend);
        let Next::Authenticate(expect) = calling.next else { panic!() };
        assert_eq!(expect.receive(&finish).err(), Some(Error::Finished));
    }
}

// SE-11: a caller that shows nothing where something is required, or half of what it has to show.
#[test]
fn what_a_caller_shows_is_whole() {
    let caller = Caller::new();
    let whole = client_credential(caller.document_hash(), &caller.published.encode());
    let nothing = crate::message::ClientCredential::default().encode();
    let required = Gateway::new(server::Config::default()).asking(Authentication::Required);
    let wanted = Gateway::new(server::Config::default()).asking(Authentication::Wanted);
    for (gateway, credential, proof, error) in [
        (&required, &nothing, &b""[..], Error::CallerNotAttested),
        (&required, &nothing, b"proof", Error::Inconsistent),
        (&required, &whole, b"", Error::Inconsistent),
        (&wanted, &nothing, b"proof", Error::Inconsistent),
        (&wanted, &whole, b"", Error::Inconsistent),
    ] {
        let calling = call(gateway, EvidenceMode::Identity);
        let finish = calling.finish(credential, |_| proof.to_vec());
        let Next::Authenticate(expect) = calling.next else { panic!() };
        assert_eq!(expect.receive(&finish).err(), Some(error));
    }
    // Who has shown something is not taken for who has shown nothing.
    let calling = call(&wanted, EvidenceMode::Identity);
    let finish = calling.finish(&whole, |_| b"proof".to_vec());
    let Next::Authenticate(expect) = calling.next else { panic!() };
    let received = expect.receive(&finish).unwrap();
    let client = expect.presented(received);
    let accepted = client.accept_unattested(&wanted.server, None, *NOW, &OsRandom);
    assert_eq!(accepted.err(), Some(Error::NotAppraised));
}
