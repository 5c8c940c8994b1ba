//! Frames as peers may send them: any slices, any cut, any order.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{empty_frame, first, receive, rest, slices};
use proptest::prelude::*;
use sealwire_crypto::random::OsRandom;
use sealwire_ehbp::{EncapsulatedKey, Error, Limits, client, server::ServerKey};

fn key() -> ServerKey {
    ServerKey::generate(&OsRandom).unwrap()
}

fn request(to: &ServerKey, limits: &Limits) -> client::Request {
    client::Request::new(to.config(), limits, &OsRandom).unwrap()
}

/// A field value and the frames of `parts`, each by itself.
fn sealed(to: &ServerKey, parts: &[&[u8]]) -> (String, Vec<Vec<u8>>) {
    let mut request = request(to, &Limits::default());
    let frames = parts.iter().map(|part| {
        let mut out = BytesMut::new();
        request.content.frame(&mut out, part).unwrap();
        out.to_vec()
    });
    let frames = frames.collect();
    (request.enc.to_field(), frames)
}

fn received(key: &ServerKey, field: &str, body: &[u8]) -> (Vec<u8>, Result<(), Error>) {
    receive(key, field.as_bytes(), body, body.len(), Limits::default())
}

// EH-43
#[test]
fn frames_are_in_their_order_each_once() {
    let key = key();
    let (field, frames) = sealed(&key, &[b"one", b"two", b"three"]);
    let join = |order: &[usize]| order.iter().flat_map(|&i| frames[i].clone()).collect::<Vec<u8>>();
    assert_eq!(received(&key, &field, &join(&[0, 1, 2])), (b"onetwothree".to_vec(), Ok(())));
    for (order, released) in [
        (&[1, 0, 2][..], &b""[..]),
        (&[1, 2], b""),
        (&[0, 2, 1], b"one"),
        (&[0, 0, 1], b"one"),
        (&[0, 1, 1], b"onetwo"),
        (&[0, 2], b"one"),
    ] {
        assert_eq!(received(&key, &field, &join(order)), (released.to_vec(), Err(Error::Open)), "{order:?}");
    }
    // EH-05: nothing tells that the last one is missing.
    assert_eq!(received(&key, &field, &join(&[0, 1])), (b"onetwo".to_vec(), Ok(())));
}

// EH-25, EH-43: refused from the length, before anything behind it comes.
#[test]
fn lengths_are_refused_before_they_are_waited_for() {
    let key = key();
    let (field, frames) = sealed(&key, &[b"one"]);
    for (length, error) in [
        (1_u32, Error::FrameTooShort),
        (15, Error::FrameTooShort),
        ((1 << 20) + 17, Error::FrameTooLong),
        (u32::MAX, Error::FrameTooLong),
    ] {
        let length = length.to_be_bytes();
        assert_eq!(received(&key, &field, &length), (Vec::new(), Err(error)));
        let behind = [&frames[0][..], &length].concat();
        assert_eq!(received(&key, &field, &behind), (b"one".to_vec(), Err(error)));
    }
    // The longest that is taken is waited for.
    let longest = ((1_u32 << 20) + 16).to_be_bytes();
    assert_eq!(received(&key, &field, &longest), (Vec::new(), Err(Error::Truncated)));
}

// EH-26: of no length, and of a tag alone.
#[test]
fn empty_frames_are_counted() {
    let key = key();
    let limits = Limits { empty_frames: 3, ..Limits::default() };
    let (field, frames) = sealed(&key, &[b"one", b"two"]);
    let run = |count: usize, size: usize| {
        let mut body = BytesMut::new();
        (0..count).for_each(|_| empty_frame(&mut body));
        body.extend_from_slice(&frames[0]);
        (0..count).for_each(|_| empty_frame(&mut body));
        body.extend_from_slice(&frames[1]);
        receive(&key, field.as_bytes(), &body, size, limits)
    };
    for size in [1, 4, 4096] {
        assert_eq!(run(3, size), (b"onetwo".to_vec(), Ok(())));
        assert_eq!(run(4, size), (Vec::new(), Err(Error::TooManyEmptyFrames)));
    }
    // By default 1024, however they arrive, and without a deep stack.
    let many = vec![0; 4 * 1025];
    assert_eq!(received(&key, &field, &many), (Vec::new(), Err(Error::TooManyEmptyFrames)));
    let many = [&vec![0; 4 * 1024][..], &frames[0]].concat();
    assert_eq!(received(&key, &field, &many), (b"one".to_vec(), Ok(())));
}

// EH-06: the field says that something is sealed, and then nothing is.
#[test]
fn a_request_without_frames_is_none() {
    let key = key();
    let (field, _) = sealed(&key, &[]);
    for body in [&[][..], &[0; 4], &[0; 8]] {
        assert_eq!(received(&key, &field, body), (Vec::new(), Err(Error::NoFrame)));
    }
    assert_eq!(received(&key, &field, &[0; 3]), (Vec::new(), Err(Error::Truncated)));
}

// EH-26, EH-43: a tag alone authenticates like any frame, counts in the sequence, and releases nothing.
#[test]
fn a_tag_alone_is_a_frame() {
    let key = key();
    let enc;
    let body = {
        // No sealer makes one, so the sequence is taken from HPKE itself.
        use sealwire_crypto::{aead::Aead, hpke, kdf::Hkdf};
        let suite = hpke::Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes256Gcm };
        let (made, mut sender) = hpke::setup_sender(
            key.config().public_key(),
            suite,
            hpke::Mode::Base,
            b"ehbp request",
            &OsRandom,
        )
        .unwrap();
        enc = hex::encode(made);
        let mut frame = |content: &[u8]| {
            let mut data = content.to_vec();
            let tag = sender.seal(b"", &mut data).unwrap();
            [&(data.len() as u32 + 16).to_be_bytes()[..], &data, &tag].concat()
        };
        [frame(b""), frame(b"one"), frame(b""), frame(b"two")].concat()
    };
    assert_eq!(received(&key, &enc, &body), (b"onetwo".to_vec(), Ok(())));
    let mut altered = body;
    altered[4] ^= 1;
    assert_eq!(received(&key, &enc, &altered), (Vec::new(), Err(Error::Open)));
}

#[test]
fn a_message_has_a_limit() {
    let key = key();
    let limits = Limits { message: 5, ..Limits::default() };
    let (field, frames) = sealed(&key, &[b"one", b"two"]);
    let body = frames.concat();
    let found = receive(&key, field.as_bytes(), &body, body.len(), limits);
    assert_eq!(found, (b"one".to_vec(), Err(Error::MessageTooLong)));

    let mut request = request(&key, &limits);
    let mut out = BytesMut::new();
    request.content.frame(&mut out, b"one").unwrap();
    let before = out.clone();
    assert_eq!(request.content.frame(&mut out, b"two"), Err(Error::MessageTooLong));
    assert_eq!(request.content.frame(&mut out, b""), Err(Error::Nothing));
    assert_eq!(request.content.frame(&mut out, &[0; 16385]), Err(Error::FrameTooLong));
    assert_eq!(out, before);
}

// EH-43: every point of low order, and forms of a good one that are not the one that was sent.
#[test]
fn keys_of_low_order_are_refused() {
    let key = key();
    let (field, frames) = sealed(&key, &[b"one"]);
    for point in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        assert_eq!(received(&key, point, &frames[0]), (Vec::new(), Err(Error::EncapsulatedKey)), "{point}");
    }
    // The same point with its unused bit set would pass a register, but it is part of what keys are made of.
    let mut other = hex::decode(&field).unwrap();
    other[31] ^= 0x80;
    assert_eq!(received(&key, &hex::encode(other), &frames[0]), (Vec::new(), Err(Error::Open)));
}

// EH-27
#[test]
fn two_keys_are_tried_on_the_first_frame_alone() {
    let [current, previous, other] = [(), (), ()].map(|()| key());
    for (to, second) in [(&current, false), (&previous, true)] {
        let (field, frames) = sealed(to, &[b"one", b"two"]);
        let enc = EncapsulatedKey::from_field(field.as_bytes()).unwrap();
        let mut tried = false;
        let (frame, left) = first(enc, &frames.concat(), 9, Limits::default()).unwrap();
        let (mut begun, used) = frame
            .open_either(&current, &previous, || {
                tried = true;
                true
            })
            .unwrap();
        assert_eq!(tried, second);
        assert!(std::ptr::eq(used, to));
        assert_eq!(begun.enc, enc);
        assert_eq!(rest(&mut begun.request, left), (b"onetwo".to_vec(), Ok(())));
        // Not where the caller does not want it.
        let (frame, _) = first(enc, &frames.concat(), 9, Limits::default()).unwrap();
        assert_eq!(frame.open_either(&current, &previous, || false).err(), second.then_some(Error::Open));
    }
    let (field, frames) = sealed(&other, &[b"one"]);
    let (frame, _) =
        first(EncapsulatedKey::from_field(field.as_bytes()).unwrap(), &frames[0], 99, Limits::default())
            .unwrap();
    assert_eq!(frame.open_either(&current, &previous, || true).err(), Some(Error::Open));
    let (frame, _) = first(
        EncapsulatedKey::from_field("00".repeat(32).as_bytes()).unwrap(),
        &frames[0],
        99,
        Limits::default(),
    )
    .unwrap();
    let refused = frame.open_either(&current, &previous, || panic!("no other key would take it"));
    assert_eq!(refused.err(), Some(Error::EncapsulatedKey));
}

// EH-32: what was recorded opens with the key, whenever that is got hold of: there is no forward secrecy to rely on.
#[test]
fn a_key_opens_all_that_was_ever_sealed_to_it() {
    let private = [7; 32];
    let (field, frames) = sealed(&common::server_key(&private), &[b"recorded"]);
    let found_later = common::server_key(&private);
    assert_eq!(received(&found_later, &field, &frames[0]), (b"recorded".to_vec(), Ok(())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // EH-03, EH-04, EH-42: whatever the pieces, what goes in comes out, both ways.
    #[test]
    fn content_comes_through(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..6),
        room in 1_usize..64,
        size in 1_usize..97,
    ) {
        let limits = Limits { sent_frame: room, ..Limits::default() };
        let key = key();
        let mut request = request(&key, &limits);
        let mut body = BytesMut::new();
        for part in &parts {
            request.content.frames(&mut body, part).unwrap();
        }
        let (frame, left) = first(request.enc, &body, size, limits).unwrap();
        let mut begun = frame.open(&key).unwrap();
        prop_assert_eq!(rest(&mut begun.request, left), (parts.concat(), Ok(())));

        let (nonce, mut sealer) = begun.answer.begin(&OsRandom).unwrap();
        let mut body = BytesMut::new();
        for part in &parts {
            sealer.frames(&mut body, part).unwrap();
        }
        let mut opener = request.answer.open(&nonce, &limits).unwrap();
        prop_assert_eq!(rest(&mut opener, slices(&body, size)), (parts.concat(), Ok(())));
    }

    // EH-22, EH-43: a cut inside a frame is always an error, and nothing of that frame is released.
    #[test]
    fn a_cut_inside_a_frame_is_an_error(
        lengths in prop::collection::vec(1_usize..40, 1..5),
        cut in any::<prop::sample::Index>(),
        size in 1_usize..64,
    ) {
        let key = key();
        let parts: Vec<Vec<u8>> = lengths.iter().map(|&len| vec![b'x'; len]).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let (field, frames) = sealed(&key, &parts);
        let body = frames.concat();
        let cut = cut.index(body.len());
        let (mut border, mut whole) = (0, 0);
        for (frame, part) in frames.iter().zip(&parts) {
            if border + frame.len() > cut {
                break;
            }
            border += frame.len();
            whole += part.len();
        }
        let outcome = match cut {
            0 => Err(Error::NoFrame),
            _ if cut == border => Ok(()),
            _ => Err(Error::Truncated),
        };
        let found = receive(&key, field.as_bytes(), &body[..cut], size, Limits::default());
        prop_assert_eq!(found, (vec![b'x'; whole], outcome));
    }

    // EH-43: no bit can change.
    #[test]
    fn an_altered_bit_is_an_error(bit in any::<prop::sample::Index>(), size in 1_usize..64) {
        let key = key();
        let (field, frames) = sealed(&key, &[b"first", b"second"]);
        let mut body = frames.concat();
        let bit = bit.index(body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
        let (released, outcome) = receive(&key, field.as_bytes(), &body, size, Limits::default());
        prop_assert!(outcome.is_err());
        prop_assert!(released.is_empty() || released == b"first");
    }
}
