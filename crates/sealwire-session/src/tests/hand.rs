//! Both ends, written out by hand, so that an attacker can put into a flight whatever he likes. He has no identity but his
//! own, and what he seals is sealed under keys that he has agreed on himself.

use super::common::{AUTHORITY, Gateway, NOW};
use crate::{
    Suite,
    message::{
        Authentication, ClientCredential, ClientFinish, ClientHello, EvidenceMode, Parameters, Resumed,
        ServerCredential, ServerFlight, ServerHello,
    },
    schedule::{Early, Main, Traffic},
    server::Next,
    suite::Group,
    transcript::{Direction, Transcript},
};
use sealwire_attest::cbor::{self, Reader};
use sealwire_crypto::{aead::Aead, digest::Digest, kx, random::OsRandom};
use std::time::Duration;

/// The attacker as a server.
pub(super) struct Serving {
    pub(super) flight: Vec<u8>,
    id: crate::SessionId,
    /// up to the server's Finished
    transcript: Transcript,
    client: Traffic,
}

/// A credential, from what is in one.
pub(super) fn credential(
    document: [u8; 48],
    published: &[u8],
    quote: Option<&[u8]>,
    authentication: Authentication,
) -> Vec<u8> {
    let hour = Duration::from_secs(3600);
    let parameters = Parameters { lifetime: hour, idle: hour, requests: 1, window: 1, message: 1 };
    ServerCredential { document, published: Some(published), quote, parameters, authentication }.encode()
}

/// Answers a hello. `choose` alters what a server would choose, `show` makes the credential of T(server hello), `prove`
/// the proof of T(server credential).
pub(super) fn serve(
    hello: &[u8],
    choose: impl FnOnce(&mut ServerHello),
    show: impl FnOnce(&Digest) -> Vec<u8>,
    prove: impl FnOnce(&Digest) -> Vec<u8>,
) -> Serving {
    serve_and_finish(hello, choose, show, prove, |finished| finished)
}

/// The same; `finish` alters the Finished MAC.
pub(super) fn serve_and_finish(
    hello: &[u8],
    choose: impl FnOnce(&mut ServerHello),
    show: impl FnOnce(&Digest) -> Vec<u8>,
    prove: impl FnOnce(&Digest) -> Vec<u8>,
    finish: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> Serving {
    let offered = ClientHello::decode(hello).unwrap();
    let (group, share) = &offered.shares[0];
    let group = [Group::X25519MlKem768, Group::SecP384r1MlKem1024, Group::X25519]
        .into_iter()
        .find(|known| known.id() == *group)
        .unwrap();
    let (own, shared) = kx::respond(group, share, &OsRandom).unwrap();
    let mut chosen = ServerHello {
        random: [1; 32],
        session: [0x11; 32],
        aead: offered.aeads[0],
        resumed: Resumed::No,
        early: false,
        share: Some((group.id(), own)),
    };
    choose(&mut chosen);
    let suite = Suite::from_id(chosen.aead).unwrap_or(Suite { aead: Aead::Aes256Gcm });
    let server_hello = chosen.encode();
    let mut transcript = Transcript::new(suite.hash().hash());
    transcript.add(Direction::Client, hello);
    transcript.add(Direction::Server, &server_hello);
    let after_hello = transcript.digest();
    let handshake = Early::new(suite, None).agree(Some(shared.as_bytes())).unwrap();
    let (server, client) = (handshake.server(&after_hello).unwrap(), handshake.client(&after_hello).unwrap());
    let credential = show(&after_hello);
    transcript.add(Direction::Server, &credential);
    let proof = prove(&transcript.digest());
    transcript.add(Direction::Server, &proof);
    let finished = server.finished().unwrap().sign(&[transcript.digest().as_bytes()]);
    let finished = finish(finished.as_bytes().to_vec());
    transcript.add(Direction::Server, &finished);
    let plain =
        cbor::encode(|e| e.array(4)?.bytes(&credential)?.bytes(&proof)?.bytes(&finished)?.bytes(b"")?.ok());
    let sealed = server.seal(0, &after_hello, plain).unwrap();
    let flight = ServerFlight { hello: &server_hello, sealed: &sealed }.encode();
    Serving { flight, id: chosen.session, transcript, client }
}

impl Serving {
    /// Credential and proof out of a client's finish.
    pub(super) fn open_finish(&self, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let finish = ClientFinish::decode(message).unwrap();
        assert_eq!(finish.session, self.id);
        let opened = self.client.open(0, &self.transcript.digest(), finish.sealed).unwrap();
        let mut reader = Reader::new(&opened);
        assert_eq!(reader.array(3), Ok(3));
        let mut part = || reader.bytes(1 << 21).unwrap().to_vec();
        (part(), part())
    }
}

/// The attacker as a client: what he has got of a genuine server.
pub(super) struct Calling {
    pub(super) next: Next,
    pub(super) credential: Vec<u8>,
    pub(super) proof: Vec<u8>,
    id: crate::SessionId,
    transcript: Transcript,
    client: Traffic,
    #[allow(dead_code, reason = "held as a client holds it")]
    main: Main,
}

/// Connects to a gateway, asking for what evidence he likes.
pub(super) fn call(gateway: &Gateway, evidence: EvidenceMode) -> Calling {
    let suite = Suite { aead: Aead::Aes256Gcm };
    let offer = kx::Offer::generate(Group::X25519MlKem768, &OsRandom).unwrap();
    let hello = ClientHello {
        random: [3; 32],
        authority: AUTHORITY.to_owned(),
        groups: vec![offer.group().id()],
        shares: vec![(offer.group().id(), offer.share().to_vec())],
        aeads: vec![suite.aead.id()],
        schemes: vec![1],
        evidence,
        attests: true,
        known: None,
        early: false,
        resumption: None,
    };
    let hello = hello.encode();
    let (flight, next) = gateway.flight(&hello, *NOW).unwrap();
    let flight = ServerFlight::decode(&flight).unwrap();
    let chosen = ServerHello::decode(flight.hello).unwrap();
    let mut transcript = Transcript::new(suite.hash().hash());
    transcript.add(Direction::Client, &hello);
    transcript.add(Direction::Server, flight.hello);
    let after_hello = transcript.digest();
    let shared = offer.complete(&chosen.share.unwrap().1).unwrap();
    let handshake = Early::new(suite, None).agree(Some(shared.as_bytes())).unwrap();
    let server = handshake.server(&after_hello).unwrap();
    let client = handshake.client(&after_hello).unwrap();
    let opened = server.open(0, &after_hello, flight.sealed).unwrap();
    let mut reader = Reader::new(&opened);
    assert_eq!(reader.array(4), Ok(4));
    let mut part = || reader.bytes(1 << 21).unwrap().to_vec();
    let [credential, proof, finished] = [part(), part(), part()];
    for message in [&credential, &proof, &finished] {
        transcript.add(Direction::Server, message);
    }
    let main = handshake.main().unwrap();
    Calling { next, credential, proof, id: chosen.session, transcript, client, main }
}

impl Calling {
    /// A finish with whatever credential, and the proof that `prove` makes of T(client credential).
    pub(super) fn finish(&self, credential: &[u8], prove: impl FnOnce(&Digest) -> Vec<u8>) -> Vec<u8> {
        self.finish_with(credential, prove, |finished| finished)
    }

    /// The same; `finish` alters the Finished MAC.
    pub(super) fn finish_with(
        &self,
        credential: &[u8],
        prove: impl FnOnce(&Digest) -> Vec<u8>,
        finish: impl FnOnce(Vec<u8>) -> Vec<u8>,
    ) -> Vec<u8> {
        let mut transcript = self.transcript.clone();
        let after_server = transcript.digest();
        transcript.add(Direction::Client, credential);
        let proof = prove(&transcript.digest());
        transcript.add(Direction::Client, &proof);
        let finished = self.client.finished().unwrap().sign(&[transcript.digest().as_bytes()]);
        let finished = finish(finished.as_bytes().to_vec());
        let plain = cbor::encode(|e| e.array(3)?.bytes(credential)?.bytes(&proof)?.bytes(&finished)?.ok());
        let sealed = self.client.seal(0, &after_server, plain).unwrap();
        ClientFinish { session: self.id, sealed: &sealed }.encode()
    }
}

/// A client's credential without a quote.
pub(super) fn client_credential(document: [u8; 48], published: &[u8]) -> Vec<u8> {
    ClientCredential { document: Some((document, published)), quote: None }.encode()
}
