//! SE-70, SE-71: which keys and nonces are used, observed where they are derived and proved by opening with them.

use super::*;
use crate::{
    label::observed,
    request::Opened,
    schedule::{Early, Psk, Traffic},
    transcript::of_client,
};
use bytes::BytesMut;
use sealwire_crypto::{
    aead::{Aead, TAG_LEN},
    random::OsRandom,
};
use sealwire_message::varint;
use std::collections::HashSet;

/// A ticket with random bytes of the test's choice.
pub(crate) fn ticket_with(
    secret: &RequestSecret,
    session: &SessionId,
    number: u64,
    random: [u8; 32],
    listed: &Listed,
) -> Ticket {
    let mac = secret.mac(session, number, &random, Mode::Hidden, listed);
    Ticket { number, random, mac }
}

fn suite(aead: Aead) -> Suite {
    Suite { aead }
}

fn request_secret(suite: Suite) -> RequestSecret {
    let handshake = Early::new(suite, None).agree(Some(b"agreed")).unwrap();
    handshake.main().unwrap().established(&of_client(suite.hash().hash(), b"all")).unwrap().0.request
}

/// Key and iv out of what was observed under `label` since the last call; both ends derive the same.
fn key_and_iv(suite: Suite, label: &str) -> (Vec<u8>, [u8; NONCE_LEN]) {
    let derived = observed::take();
    let outputs: HashSet<_> = derived.into_iter().filter(|(l, _)| l == label).map(|(_, out)| out).collect();
    let [output] = Vec::from_iter(outputs).try_into().expect("one key for each");
    let (key, rest) = output.split_at(suite.aead.key_len());
    (key.to_vec(), rest[..NONCE_LEN].try_into().unwrap())
}

/// Opens each chunk of `body` with `key` and iv XOR its number by the AEAD itself, and gives the nonces.
fn nonces(suite: Suite, key: &[u8], iv: [u8; NONCE_LEN], body: &[u8]) -> Vec<[u8; NONCE_LEN]> {
    let key = Key::new(suite.aead, key).unwrap();
    let mut rest = body;
    let mut used = Vec::new();
    loop {
        let (len, size) = varint::peek(rest).unwrap();
        rest = &rest[size..];
        let (aad, len) = if len == 0 { (&b"final"[..], rest.len()) } else { (&b""[..], len as usize) };
        let mut nonce = iv;
        let number = (used.len() as u64).to_be_bytes();
        nonce[4..].iter_mut().zip(number).for_each(|(byte, count)| *byte ^= count);
        let mut chunk = rest[..len].to_vec();
        key.open(nonce, aad, &mut chunk).expect("sealed with this very key and nonce");
        assert!(chunk.len() >= TAG_LEN);
        used.push(nonce);
        rest = &rest[len..];
        if aad == b"final" {
            return used;
        }
    }
}

// SE-70, SE-80: ten thousand requests and their answers; each chunk of each has a pair of key and nonce of its own, and is
// sealed with the AEAD of the suite: it opens with that.
#[test]
fn se_70_no_key_and_nonce_come_twice() {
    let limits = chunk::Limits::default();
    let session = [7; 32];
    for (aead, requests) in [(Aead::Aes256Gcm, 10_000), (Aead::Aes128Gcm, 200), (Aead::ChaCha20Poly1305, 200)]
    {
        let suite = suite(aead);
        let secret = request_secret(suite);
        let mut used = HashSet::new();
        for number in 0..requests {
            let ticket =
                secret.ticket(&session, number, Mode::Hidden, &Listed::nothing(), &OsRandom).unwrap();
            let admitted = secret.admit(&session, ticket, Mode::Hidden, &Listed::nothing()).unwrap();
            observed::take();
            let (mut sealer, answer) = secret.seal(ticket).unwrap().sealing(Padding::Off, limits);
            let (mut opener, reply) = secret.open(admitted).unwrap().opening(limits);
            let (key, iv) = key_and_iv(suite, "request");
            let mut body = BytesMut::new();
            sealer.seal(&mut body, b"the same").unwrap();
            sealer.finish(&mut body, &[b"bytes"]).unwrap();
            for nonce in nonces(suite, &key, iv, &body) {
                assert!(used.insert((key.clone(), nonce)), "request {number}");
            }
            opener.push(&body);
            opener.end();
            assert_eq!(opener.next_data(), Ok(Some(Opened::Data("the same".into()))));

            let (binder, mut sealer) = reply.begin(Padding::Off, limits, &OsRandom).unwrap();
            let (key, iv) = key_and_iv(suite, "response");
            let mut body = BytesMut::new();
            sealer.seal(&mut body, b"the same").unwrap();
            sealer.finish(&mut body, &[b"bytes"]).unwrap();
            for nonce in nonces(suite, &key, iv, &body) {
                assert!(used.insert((key.clone(), nonce)), "answer {number}");
            }
            assert!(answer.receive(&binder).is_ok());
        }
        assert_eq!(used.len() as u64, 4 * requests);
    }
}

// SE-70: a number that a client used twice by mistake has fresh random bytes each time, so even then no key repeats.
#[test]
fn se_70_a_repeated_number_has_another_key() {
    let suite = suite(Aead::Aes256Gcm);
    let secret = request_secret(suite);
    let mut keys = HashSet::new();
    for _ in 0..100 {
        let ticket = secret.ticket(&[7; 32], 1, Mode::Hidden, &Listed::nothing(), &OsRandom).unwrap();
        observed::take();
        drop(secret.seal(ticket).unwrap());
        assert!(keys.insert(key_and_iv(suite, "request").0));
    }
}

// SE-71, SE-05: no two derivations of a session, whatever they are for, give the same bytes.
#[test]
fn se_71_every_purpose_has_its_own_key() {
    for aead in [Aead::Aes256Gcm, Aead::Aes128Gcm, Aead::ChaCha20Poly1305] {
        let suite = suite(aead);
        let hash = suite.hash().hash();
        observed::take();
        let psk = Psk(vec![3; suite.hash().hash_len()].into());
        let early = Early::new(suite, Some(&psk));
        let keys = |traffic: &Traffic| drop((traffic.sequence(0).unwrap(), traffic.finished().unwrap()));
        early.binder_key().unwrap();
        // The same transcript everywhere: labels alone have to keep them apart.
        let transcript = of_client(hash, b"all");
        keys(&early.traffic(&transcript).unwrap());
        let handshake = early.agree(Some(b"agreed")).unwrap();
        keys(&handshake.client(&transcript).unwrap());
        keys(&handshake.server(&transcript).unwrap());
        let (secrets, _) = handshake.main().unwrap().established(&transcript).unwrap();
        drop(secrets.request.early_answer().unwrap());
        let (session, listed, limits) = ([7; 32], Listed::nothing(), chunk::Limits::default());
        // The random bytes repeat, as those of a broken generator would: the numbers keep the keys apart.
        for number in 0..3 {
            let ticket = ticket_with(&secrets.request, &session, number, [0; 32], &listed);
            let reply = secrets.request.seal(ticket).unwrap().opening(limits).1;
            reply.begin(Padding::Off, limits, &OsRandom).unwrap();
        }
        for label in ["one", "other"] {
            for context in [&b"one"[..], b"other"] {
                secrets.exporter.export(label, context, &mut [0; 32]).unwrap();
            }
        }
        let derived = observed::take();
        assert!(derived.len() > 30);
        let labels: HashSet<_> = derived.iter().map(|(label, _)| label.as_str()).collect();
        for label in [
            "channel",
            "close",
            "resumption",
            "psk",
            "header",
            "response",
            "binder",
            "early answer",
            "finished",
        ] {
            assert!(labels.contains(label), "{label}");
        }
        // The secret of an exporter's label is derived at each use.
        let again = |label: &str| matches!(label, "one" | "other");
        let mut first: HashSet<(&str, &[u8])> = HashSet::new();
        let mut outputs = HashSet::new();
        for (label, output) in &derived {
            if !first.insert((label, output)) && again(label) {
                continue;
            }
            // Neither a whole output, nor the front of one that is split.
            assert!(outputs.insert(output[..12].to_vec()), "{label} of {}", suite.name());
        }
    }
}
