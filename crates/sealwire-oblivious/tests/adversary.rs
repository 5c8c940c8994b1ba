//! A client and a gateway in memory, and a relay between them that drops, repeats, moves, splices, cuts and flips.
//!
//! What holds whatever it does: released chunks are the first chunks of one message as it was sealed, in order and
//! unaltered, and a message is complete only if it is whole (OB-25, OB-105, OB-108 to OB-113, OB-115).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{Received, Seeded, nine, pair, receive_answer, receive_chunked};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sealwire_message::chunk::{Seal, Sealer};
use sealwire_oblivious::{Limits, client::start_chunked};
use std::slice;

/// A chunked message on the wire, in the pieces that an adversary can tell apart.
#[derive(Clone, PartialEq)]
struct Wire {
    /// header and enc, or nonce
    prefix: Vec<u8>,
    /// each with its length in front
    chunks: Vec<Vec<u8>>,
}

impl Wire {
    /// `out` holds the prefix.
    fn seal<S: Seal>(mut out: BytesMut, mut sealer: Sealer<S>, plaintext: &[Vec<u8>]) -> Self {
        let prefix = out.split().to_vec();
        let (last, others) = plaintext.split_last().unwrap();
        let mut chunks = Vec::new();
        for chunk in others {
            sealer.chunk(&mut out, &[chunk]).unwrap();
            chunks.push(out.split().to_vec());
        }
        sealer.finish(&mut out, &[last]).unwrap();
        chunks.push(out.to_vec());
        Self { prefix, chunks }
    }

    fn bytes(&self) -> Vec<u8> {
        [self.prefix.clone(), self.chunks.concat()].concat()
    }
}

/// The plaintext of a message: chunks that differ between all messages of a run; the last may be empty.
fn plaintext(rng: &mut StdRng, name: u8) -> Vec<Vec<u8>> {
    let count = rng.random_range(1..6u8);
    let mut chunks: Vec<Vec<u8>> = (0..count)
        .map(|i| {
            let mut chunk = vec![name, i];
            chunk.resize(rng.random_range(2..200), name);
            chunk
        })
        .collect();
    if rng.random_bool(0.5) {
        chunks.last_mut().unwrap().clear();
    }
    chunks
}

/// One change to `mine`; `foreign` is another message for the same receiver.
fn tamper(rng: &mut StdRng, mine: &mut Wire, foreign: &Wire) {
    let at = rng.random_range(0..mine.chunks.len());
    let other = rng.random_range(0..mine.chunks.len());
    match rng.random_range(0..8u8) {
        0 if mine.chunks.len() > 1 => {
            mine.chunks.remove(at);
        }
        1 => mine.chunks.insert(other, mine.chunks[at].clone()),
        2 => mine.chunks.swap(at, other),
        3 => mine.chunks[at] = foreign.chunks[at % foreign.chunks.len()].clone(),
        4 => mine.prefix.clone_from(&foreign.prefix),
        // The front of the message made its end: the marker in place of the (one- or two-byte) length.
        5 => {
            mine.chunks.truncate(at + 1);
            let chunk = &mut mine.chunks[at];
            let length = if chunk[0] < 0x40 { 1 } else { 2 };
            chunk.splice(..length, [0]);
        }
        6 => mine.chunks.push(vec![0; other + 1]),
        // The final chunk sent as one that is not.
        _ => {
            let last = mine.chunks.last_mut().unwrap();
            let length = u16::try_from(last.len() - 1).unwrap() | 0x4000;
            last.splice(..1, length.to_be_bytes());
        }
    }
}

/// One change to the bytes.
fn tamper_bytes(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..4u8) {
        0 => bytes.truncate(at.max(1)),
        1 => bytes[at] ^= 1 << rng.random_range(0..8u8),
        2 => bytes.insert(at, rng.random()),
        _ => {
            bytes.remove(at);
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
    }
}

/// The bytes that arrive, in slices of any size.
fn relay(rng: &mut StdRng, mut wire: Wire, foreign: &Wire) -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    match rng.random_range(0..10u8) {
        0 => bytes = wire.bytes(),
        1..6 => {
            for _ in 0..rng.random_range(1..3) {
                tamper(rng, &mut wire, foreign);
            }
            bytes = wire.bytes();
        }
        _ => {
            bytes.extend(wire.bytes());
            for _ in 0..rng.random_range(1..3) {
                tamper_bytes(rng, &mut bytes);
            }
        }
    }
    let mut slices = Vec::new();
    while !bytes.is_empty() {
        let len = rng.random_range(1..=bytes.len().min(300));
        slices.push(bytes.drain(..len).collect());
    }
    slices
}

/// The invariant. Returns whether the message was complete.
fn check(received: &Received, messages: &[&[Vec<u8>]], untouched: bool, context: &str) -> bool {
    let whole = messages.iter().any(|message| received.chunks == *message);
    let front = messages.iter().any(|message| {
        // The last chunk is released only as the final one, which ends the message.
        message[..message.len() - 1].starts_with(&received.chunks)
    });
    match received.outcome {
        Ok(()) => assert!(whole, "{context}: complete, but not whole"),
        Err(_) => assert!(front, "{context}: released what was not sent"),
    }
    if untouched {
        assert_eq!(received.outcome, Ok(()), "{context}");
    }
    received.outcome.is_ok()
}

#[test]
fn relay_against_both_sides() {
    let limits = Limits::default();
    let mut complete = 0;
    let mut refused = 0;
    for (kem, aead) in nine() {
        let (key, selected) = pair(kem, aead, 60);
        let keys = slice::from_ref(&key);
        for seed in 0..120 {
            let context = format!("{kem:?} {aead:?} seed {seed}");
            let mut rng = StdRng::seed_from_u64(seed);
            let random = Seeded::new(seed);
            let request = |message: &[Vec<u8>]| {
                let mut out = BytesMut::new();
                let (sealer, expect) = start_chunked(&selected, &mut out, &limits, &random).unwrap();
                (Wire::seal(out, sealer, message), expect)
            };
            let (my_request, my_response) = (plaintext(&mut rng, 1), plaintext(&mut rng, 2));
            let (other_request, other_response) = (plaintext(&mut rng, 3), plaintext(&mut rng, 4));
            let (mine, expect) = request(&my_request);
            let (foreign, _) = request(&other_request);

            // Towards the gateway another whole message is no forgery: it is what the register of OB-60 is for.
            let slices = relay(&mut rng, mine.clone(), &foreign);
            let (received, _) = receive_chunked(keys, slices.iter().map(Vec::as_slice), &limits);
            let untouched = slices.concat() == mine.bytes();
            let messages = [&my_request[..], &other_request];
            if check(&received, &messages, untouched, &context) {
                complete += 1;
            } else {
                refused += 1;
            }

            // Towards the client only the answer to its own request counts; also not another answer's chunks.
            let answer = |wire: &Wire, message: &[Vec<u8>]| {
                let (received, reply) = receive_chunked(keys, [&wire.bytes()[..]], &limits);
                assert_eq!(received.outcome, Ok(()), "{context}");
                let mut out = BytesMut::new();
                let sealer = reply.unwrap().0.start(&mut out, &random).unwrap();
                Wire::seal(out, sealer, message)
            };
            let mine_answer = answer(&mine, &my_response);
            // A second answer to the same request has a nonce, so keys, of its own (OB-12).
            let foreign = if rng.random() { &foreign } else { &mine };
            let foreign_answer = answer(foreign, &other_response);
            let slices = relay(&mut rng, mine_answer.clone(), &foreign_answer);
            let received = receive_answer(expect, slices.iter().map(Vec::as_slice));
            let untouched = slices.concat() == mine_answer.bytes();
            let messages = [&my_response[..], &other_response];
            let own = if foreign == &mine { &messages[..] } else { &messages[..1] };
            if check(&received, own, untouched, &context) {
                complete += 1;
            } else {
                refused += 1;
            }
        }
    }
    // The adversary did something, and not always.
    assert!(complete > 100 && refused > 1000, "{complete} complete, {refused} refused");
}
