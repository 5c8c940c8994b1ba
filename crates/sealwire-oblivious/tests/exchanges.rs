//! Whole exchanges between the two sides, and what each refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{
    AEADS, Fixed, KEMS, Seeded, cases, find, nine, pair, receive_answer, receive_chunked, receive_single,
    slices, suite,
};
use proptest::prelude::*;
use sealwire_crypto::{
    aead::Aead,
    digest::sha256,
    hpke::{self, Mode},
    kem::Kem,
};
use sealwire_message::{bhttp::encode, chunk::Error as ChunkError};
use sealwire_oblivious::{
    Error, Limits,
    client::{seal_single, seal_single_in_place, single_buffer, start_chunked},
    config::{Selected, select},
    gateway::{GatewayKey, Header, OpenedSingle, SingleReply, open_chunked},
};
use std::{slice, sync::OnceLock};

/// One key for each of the nine combinations.
fn keys() -> &'static [(GatewayKey, Selected)] {
    static KEYS: OnceLock<Vec<(GatewayKey, Selected)>> = OnceLock::new();
    KEYS.get_or_init(|| nine().map(|(kem, aead)| pair(kem, aead, 1)).collect())
}

fn answer(reply: &SingleReply, message: &[u8], seed: u64) -> BytesMut {
    let mut buffer = reply.buffer(message.len());
    buffer.extend_from_slice(message);
    reply.seal(buffer, &Seeded::new(seed)).unwrap()
}

/// A single-shot request to `key`.
fn open(key: &GatewayKey, body: &[u8]) -> Result<OpenedSingle, Error> {
    receive_single(slice::from_ref(key), body, &Limits::default())
}

proptest! {
    #![proptest_config(cases(48))]

    /// OB-01
    #[test]
    fn single_shot(
        which in 0..9usize,
        request in prop::collection::vec(any::<u8>(), 0..3000),
        response in prop::collection::vec(any::<u8>(), 0..3000),
        seed in any::<u64>(),
    ) {
        let (key, selected) = &keys()[which];
        let limits = Limits::default();
        let (sealed, expect) = seal_single(selected, &request, &limits, &Seeded::new(seed)).unwrap();
        let prefix = 7 + selected.public_key.kem().enc_len();
        prop_assert_eq!(sealed.len(), prefix + request.len() + 16);
        let opened = open(key, &sealed).unwrap();
        prop_assert_eq!(&opened.plaintext[..], &request[..]);
        // OB-60: the register's digest is that of enc.
        prop_assert_eq!(&opened.enc_digest[..], &sha256(&[&sealed[7..prefix]])[..16]);
        let answer = answer(&opened.reply, &response, seed);
        prop_assert_eq!(expect.open(answer).unwrap(), response);
    }

    /// OB-01, OB-21, OB-156: any split of the plaintext, any split of the bytes on the wire.
    #[test]
    fn chunked_messages(
        which in 0..9usize,
        request in prop::collection::vec(any::<u8>(), 0..5000),
        response in prop::collection::vec(any::<u8>(), 0..5000),
        plaintext_size in 1..2000usize,
        slice_size in 1..2000usize,
        seed in any::<u64>(),
    ) {
        let (key, selected) = &keys()[which];
        let limits = Limits::default();
        let random = Seeded::new(seed);
        let mut sealed = BytesMut::new();
        let (mut sealer, expect) = start_chunked(selected, &mut sealed, &limits, &random).unwrap();
        for chunk in request.chunks(plaintext_size) {
            sealer.chunk(&mut sealed, &[chunk]).unwrap();
        }
        sealer.finish(&mut sealed, &[]).unwrap();

        let (received, reply) =
            receive_chunked(slice::from_ref(key), slices(&sealed, slice_size), &limits);
        prop_assert_eq!(received.outcome, Ok(()));
        prop_assert_eq!(received.plaintext(), request);

        let (reply, digest) = reply.unwrap();
        let enc = &sealed[7..7 + selected.public_key.kem().enc_len()];
        prop_assert_eq!(&digest[..], &sha256(&[enc])[..16]);
        let mut out = BytesMut::new();
        let mut sealer = reply.start(&mut out, &random).unwrap();
        let (front, last) = response.split_at(response.len() / 2);
        sealer.chunks(&mut out, front).unwrap();
        sealer.finish(&mut out, &[last]).unwrap();
        let received = receive_answer(expect, slices(&out, slice_size));
        prop_assert_eq!(received.outcome, Ok(()));
        prop_assert_eq!(received.plaintext(), response);
    }
}

/// OB-100: every cut of a single-shot request; before any KEM work where it is too short for a tag.
#[test]
fn truncated_requests() {
    for (key, selected) in keys() {
        let (sealed, _) = seal_single(selected, b"request", &Limits::default(), &Seeded::new(2)).unwrap();
        let least = 7 + selected.public_key.kem().enc_len() + 16;
        // X-Wing's enc is long: all the borders, and some cuts in between.
        for len in (0..sealed.len()).filter(|len| len % 7 == 0 || *len < 40 || *len + 40 > sealed.len()) {
            let want = if len < least { Error::TooShort } else { Error::Open };
            assert_eq!(open(key, &sealed[..len]).err(), Some(want), "{len} bytes");
        }
        let longer = [&sealed[..], &[0]].concat();
        assert_eq!(open(key, &longer).err(), Some(Error::Open));
    }
}

/// OB-115, OB-159: every cut of a response.
#[test]
fn truncated_responses() {
    for (key, selected) in keys() {
        let nonce_len = selected.suite.aead.key_len().max(12);
        let limits = Limits::default();
        let full_len = nonce_len + 8 + 16;
        for len in 0..=full_len {
            let (sealed, expect) = seal_single(selected, b"request", &limits, &Seeded::new(3)).unwrap();
            let mut cut = answer(&open(key, &sealed).unwrap().reply, b"response", 4);
            assert_eq!(cut.len(), full_len);
            cut.truncate(len);
            let outcome = expect.open(cut);
            match len {
                _ if len == full_len => assert_eq!(outcome.unwrap(), &b"response"[..]),
                _ if len < nonce_len + 16 => assert_eq!(outcome, Err(Error::ResponseTooShort)),
                _ => assert_eq!(outcome, Err(Error::ResponseOpen)),
            }
        }
    }
}

/// OB-25, OB-108, OB-113: every cut of a chunked message, in both directions, is an error.
#[test]
fn truncated_chunked_messages() {
    let limits = Limits::default();
    for (key, selected) in keys().iter().filter(|(_, to)| to.public_key.kem() == Kem::X25519) {
        let mut sealed = BytesMut::new();
        let start = |out: &mut BytesMut| start_chunked(selected, out, &limits, &Seeded::new(5)).unwrap();
        let (mut sealer, _) = start(&mut sealed);
        sealer.chunk(&mut sealed, &[b"one"]).unwrap();
        sealer.chunk(&mut sealed, &[b"two"]).unwrap();
        sealer.finish(&mut sealed, &[b"three"]).unwrap();
        let keys = slice::from_ref(key);
        let (_, reply) = receive_chunked(keys, [&sealed[..]], &limits);
        for len in 0..sealed.len() {
            let (received, _) = receive_chunked(keys, [&sealed[..len]], &limits);
            let want = if len < 7 + 32 { Error::TooShort } else { Error::Chunk(ChunkError::Truncated) };
            // A cut final chunk of tag length or more is one that does not authenticate.
            let altered_end = len >= 7 + 32 + 20 + 20 + 1 + 16;
            let want = if altered_end { Error::Chunk(ChunkError::Open) } else { want };
            assert_eq!(received.outcome, Err(want), "{len} bytes");
            assert!(b"onetwo".starts_with(&received.plaintext()));
        }

        let mut answer = BytesMut::new();
        let mut sealer = reply.unwrap().0.start(&mut answer, &Seeded::new(6)).unwrap();
        sealer.chunk(&mut answer, &[b"one"]).unwrap();
        sealer.finish(&mut answer, &[]).unwrap();
        for len in 0..=answer.len() {
            let (_, expect) = start(&mut BytesMut::new());
            let received = receive_answer(expect, slices(&answer[..len], 1));
            assert_eq!(received.outcome.is_ok(), len == answer.len(), "{len} bytes");
            if len < selected.suite.aead.key_len() {
                assert_eq!(received.outcome, Err(Error::ResponseTooShort)); // OB-115
            }
        }
    }
}

/// OB-10, OB-153: the checks come in their order, from the header alone, and are the same for both forms.
#[test]
fn header_checks() {
    let key = GatewayKey::generate(7, Kem::X25519, &[suite(Aead::Aes128Gcm)], &Seeded::new(7)).unwrap();
    let parse = |bytes: &[u8]| {
        Header::parse(bytes, find(slice::from_ref(&key))).map(|(header, _)| header.prefix_len())
    };
    assert_eq!(parse(&[7, 0, 0x20, 0, 1, 0, 1]), Ok(7 + 32));
    assert_eq!(parse(&[7, 0, 0x20, 0, 1, 0, 1, 99]), Ok(7 + 32));
    for len in 0..7 {
        assert_eq!(parse(&[9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..len]), Err(Error::TooShort)); // OB-100
    }
    assert_eq!(parse(&[9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Error::UnknownKey)); // OB-101
    assert_eq!(parse(&[7, 0, 0x10, 0xff, 0xff, 0xff, 0xff]), Err(Error::KemMismatch)); // OB-102
    assert_eq!(parse(&[7, 0xff, 0xff, 0, 1, 0, 1]), Err(Error::KemMismatch)); // OB-102, OB-159
    for (kdf, aead) in [(1, 2), (1, 3), (2, 1), (3, 1), (1, 0), (1, 0xff), (0, 1), (0xff, 1)] {
        assert_eq!(parse(&[7, 0, 0x20, 0, kdf, 0, aead]), Err(Error::SuiteNotOffered)); // OB-103
    }
}

/// OB-103, OB-153: a message in a suite that the key does not offer would decrypt; it is refused in both forms.
#[test]
fn suite_not_offered() {
    let private = |seed| sealwire_crypto::kem::PrivateKey::generate(Kem::X25519, &Seeded::new(seed)).unwrap();
    let offers = GatewayKey::new(7, private(8), &[suite(Aead::Aes128Gcm), suite(Aead::Aes256Gcm)]);
    let all = GatewayKey::new(7, private(8), &AEADS.map(suite));
    let mut to = select(slice::from_ref(all.config()), &KEMS).unwrap();
    to.suite = suite(Aead::ChaCha20Poly1305);
    let limits = Limits::default();

    let (sealed, _) = seal_single(&to, b"request", &limits, &Seeded::new(9)).unwrap();
    assert!(open(&all, &sealed).is_ok());
    assert_eq!(open(&offers, &sealed).err(), Some(Error::SuiteNotOffered));

    let mut sealed = BytesMut::new();
    let (sealer, _) = start_chunked(&to, &mut sealed, &limits, &Seeded::new(9)).unwrap();
    sealer.finish(&mut sealed, &[b"request"]).unwrap();
    let (received, _) = receive_chunked(&[all], [&sealed[..]], &limits);
    assert_eq!(received.outcome, Ok(()));
    let (received, _) = receive_chunked(&[offers], [&sealed[..]], &limits);
    assert_eq!(received.outcome, Err(Error::SuiteNotOffered));
}

/// OB-04, OB-104: encapsulated keys that the KEM refuses end as a failed tag does.
#[test]
fn bad_encapsulated_keys() {
    for (key, selected) in keys() {
        let kem = selected.public_key.kem();
        let (sealed, _) = seal_single(selected, b"request", &Limits::default(), &Seeded::new(10)).unwrap();
        for fill in [0, 1, 0xff] {
            let mut bad = sealed.clone();
            bad[7..7 + kem.enc_len()].fill(fill);
            assert_eq!(open(key, &bad).err(), Some(Error::Open), "{kem:?} {fill}");
            let (header, _) = Header::parse(&bad, find(slice::from_ref(key))).unwrap();
            let prefix = &bad[..header.prefix_len()];
            if fill == 0 && kem != Kem::XWing {
                // X25519 of low order, P-256 off the curve: known before any chunk. X-Wing's ML-KEM half rejects implicitly.
                let outcome = open_chunked(header, key, prefix, &Limits::default());
                assert_eq!(outcome.err(), Some(Error::Open));
            }
        }
    }
}

/// OB-105: any bit of header, enc, ciphertext or tag; one kind of answer (OB-164).
#[test]
fn flipped_bits() {
    let (key, selected) = pair(Kem::X25519, Aead::Aes128Gcm, 11);
    let other = GatewayKey::generate(6, Kem::X25519, &AEADS.map(suite), &Seeded::new(12)).unwrap();
    let keys = [key, other];
    let limits = Limits::default();
    let (sealed, _) = seal_single(&selected, b"request", &limits, &Seeded::new(13)).unwrap();
    for bit in 0..8 * sealed.len() {
        let mut bad = sealed.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let error = receive_single(&keys, &bad, &limits).err();
        if bit == 255 + 56 {
            // RFC 7748 has the last bit of an X25519 key ignored by X25519 itself; the KEM context still holds it.
            assert_eq!(error, Some(Error::Open));
        }
        assert!(error.unwrap().is_key_error(), "bit {bit}");
    }
}

/// OB-11: a retry has another encapsulated key and other bytes. OB-12: so has each answer to one request.
#[test]
fn everything_is_fresh() {
    for (key, selected) in keys() {
        let limits = Limits::default();
        let random = Seeded::new(14);
        let (first, expect) = seal_single(selected, b"request", &limits, &random).unwrap();
        let (second, _) = seal_single(selected, b"request", &limits, &random).unwrap();
        assert_ne!(first[7..39], second[7..39]);

        // The same bytes twice, as a relay may send them: equal secrets, different nonces, and no shared key stream.
        let nonce_len = selected.suite.aead.key_len().max(12);
        let (one, two) = (open(key, &first).unwrap(), open(key, &first).unwrap());
        assert_eq!(one.enc_digest, two.enc_digest);
        let answers = [
            answer(&one.reply, b"response", 15),
            answer(&one.reply, b"response", 16),
            answer(&two.reply, b"response", 17),
        ];
        for (i, a) in answers.iter().enumerate() {
            for b in &answers[i + 1..] {
                assert_ne!(a[..nonce_len], b[..nonce_len]);
                assert_ne!(a[nonce_len..], b[nonce_len..]);
            }
        }
        assert_eq!(expect.open(answers[2].clone()).unwrap(), &b"response"[..]);
    }
}

/// OB-115: an answer of another exchange under the same key.
#[test]
fn answer_of_another_exchange() {
    let (key, selected) = pair(Kem::X25519, Aead::ChaCha20Poly1305, 18);
    let limits = Limits::default();
    let random = Seeded::new(19);
    let (mine, expect) = seal_single(&selected, b"request", &limits, &random).unwrap();
    let (other, _) = seal_single(&selected, b"request", &limits, &random).unwrap();
    let foreign = answer(&open(&key, &other).unwrap().reply, b"response", 20);
    assert_eq!(expect.open(foreign), Err(Error::ResponseOpen));
    let mut altered = answer(&open(&key, &mine).unwrap().reply, b"response", 21);
    altered[0] ^= 1;
    let (_, expect) = seal_single(&selected, b"request", &limits, &Seeded::new(19)).unwrap();
    assert_eq!(expect.open(altered), Err(Error::ResponseOpen));
}

/// OB-106, OB-116: the bytes of one form never open as the other, in either direction. OB-20, OB-26: nothing in the
/// API turns one into the other, because request and answer are of one form by type.
#[test]
fn forms_do_not_mix() {
    for (key, selected) in keys() {
        let limits = Limits::default();
        let keys = slice::from_ref(key);
        let (single, expect_single) = seal_single(selected, &[0; 200], &limits, &Seeded::new(22)).unwrap();
        let mut chunked = BytesMut::new();
        let (sealer, expect_chunked) =
            start_chunked(selected, &mut chunked, &limits, &Seeded::new(22)).unwrap();
        sealer.finish(&mut chunked, &[&[0; 200]]).unwrap();

        let (received, _) = receive_chunked(keys, [&single[..]], &limits);
        assert!(received.outcome.unwrap_err().is_key_error());
        assert!(received.chunks.is_empty());
        assert_eq!(open(key, &chunked).err(), Some(Error::Open));

        // A single-shot ciphertext under a final marker: only the label tells it apart.
        let prefix = 7 + selected.public_key.kem().enc_len();
        let marked = [&single[..prefix], &[0], &single[prefix..]].concat();
        let (received, _) = receive_chunked(keys, [&marked[..]], &limits);
        assert_eq!(received.outcome, Err(Error::Chunk(ChunkError::Open)));

        let single_answer = answer(&open(key, &single).unwrap().reply, &[0; 200], 23);
        let (_, reply) = receive_chunked(keys, [&chunked[..]], &limits);
        let mut chunked_answer = BytesMut::new();
        let sealer = reply.unwrap().0.start(&mut chunked_answer, &Seeded::new(23)).unwrap();
        sealer.finish(&mut chunked_answer, &[&[0; 200]]).unwrap();
        assert!(receive_answer(expect_chunked, [&single_answer[..]]).outcome.is_err());
        assert_eq!(expect_single.open(chunked_answer), Err(Error::ResponseOpen));
    }
}

/// OB-08, OB-13: a message to the same key under another wire's label does not open.
#[test]
fn labels_of_other_wires() {
    let (key, selected) = pair(Kem::X25519, Aead::Aes128Gcm, 24);
    let header = [7, 0, 0x20, 0, 1, 0, 1];
    for (label, opens) in
        [("message/bhttp request", true), ("message/bhttp inference request", false), ("ehbp request", false)]
    {
        let info = [label.as_bytes(), &[0], &header].concat();
        let (enc, mut sender) =
            hpke::setup_sender(&selected.public_key, selected.suite, Mode::Base, &info, &Seeded::new(25))
                .unwrap();
        let mut message = b"request".to_vec();
        let tag = sender.seal(b"", &mut message).unwrap();
        let body = [&header[..], &enc, &message, &tag].concat();
        assert_eq!(open(&key, &body).is_ok(), opens, "{label}");
    }
}

/// OB-28: the gateway key opens everything that was ever recorded; the wire has no other secret.
#[test]
fn no_forward_secrecy_inside_a_message() {
    let (key, selected) = pair(Kem::X25519, Aead::Aes128Gcm, 26);
    let mut recorded = BytesMut::new();
    let limits = Limits::default();
    let (mut sealer, _) = start_chunked(&selected, &mut recorded, &limits, &Seeded::new(27)).unwrap();
    sealer.chunk(&mut recorded, &[b"early"]).unwrap();
    sealer.finish(&mut recorded, &[b"late"]).unwrap();
    for _ in 0..2 {
        let (received, _) = receive_chunked(slice::from_ref(&key), [&recorded[..]], &limits);
        assert_eq!(received.plaintext(), b"earlylate");
    }
}

/// OB-23: a length in a longer form than needed means the same; it is not authenticated.
#[test]
fn long_length_forms() {
    let (key, selected) = pair(Kem::X25519, Aead::Aes128Gcm, 28);
    let limits = Limits::default();
    let mut sealed = BytesMut::new();
    let (mut sealer, _) = start_chunked(&selected, &mut sealed, &limits, &Seeded::new(29)).unwrap();
    sealer.chunk(&mut sealed, &[&[1; 12]]).unwrap();
    sealer.finish(&mut sealed, &[]).unwrap();
    let at = 7 + 32;
    assert_eq!(sealed[at], 28, "sent in the shortest form");
    let end = at + 1 + 28;
    assert_eq!(sealed[end], 0);
    let keys = [key];
    for length in [&[0x1c][..], &[0x40, 0x1c], &[0x80, 0, 0, 0x1c], &[0xc0, 0, 0, 0, 0, 0, 0, 0x1c]] {
        for marker in [&[0][..], &[0x40, 0], &[0x80, 0, 0, 0], &[0xc0, 0, 0, 0, 0, 0, 0, 0]] {
            let body = [&sealed[..at], length, &sealed[at + 1..end], marker, &sealed[end + 1..]].concat();
            for size in [body.len(), 1] {
                let (received, _) = receive_chunked(&keys, slices(&body, size), &limits);
                assert_eq!(received.outcome, Ok(()));
                assert_eq!(received.plaintext(), [1; 12]);
            }
        }
    }
}

/// OB-24: an empty chunk that is not the last is never sent; what splits a message sends none for nothing.
#[test]
fn empty_chunks_are_not_sent() {
    let (key, selected) = pair(Kem::X25519, Aead::Aes128Gcm, 30);
    let limits = Limits::default();
    let mut sealed = BytesMut::new();
    let (mut sealer, _) = start_chunked(&selected, &mut sealed, &limits, &Seeded::new(31)).unwrap();
    let before = sealed.len();
    assert_eq!(sealer.chunk(&mut sealed, &[]), Err(ChunkError::EmptyChunk));
    assert_eq!(sealer.chunk(&mut sealed, &[b"", b""]), Err(ChunkError::EmptyChunk));
    sealer.chunks(&mut sealed, b"").unwrap();
    assert_eq!(sealed.len(), before);
    sealer.finish(&mut sealed, &[]).unwrap();
    let (received, _) = receive_chunked(&[key], [&sealed[..]], &limits);
    assert_eq!((received.outcome, received.chunks), (Ok(()), vec![vec![]]));
}

/// Written behind the room for what goes in front, a message is sealed where it lies, in a buffer that does not move.
#[test]
fn in_place() {
    for (key, selected) in keys() {
        let limits = Limits::default();
        let mut buffer = single_buffer(selected, 512);
        buffer.extend_from_slice(&[0, 3, b'G', b'E', b'T']);
        // OB-64: padding is the caller's, and counted from the message.
        let front = buffer.len() - 5;
        let mut message = buffer.split_off(front);
        encode::pad(&mut message);
        assert_eq!(message.len(), 256);
        buffer.unsplit(message);
        let at = buffer.as_ptr();
        let (sealed, expect) = seal_single_in_place(selected, buffer, &limits, &Seeded::new(32)).unwrap();
        assert_eq!(sealed.as_ptr(), at);
        assert_eq!(sealed.len(), front + 256 + 16);
        let opened = open(key, &sealed).unwrap();
        assert_eq!(opened.plaintext.len(), 256);

        let mut buffer = opened.reply.buffer(4);
        buffer.extend_from_slice(b"done");
        let at = buffer.as_ptr();
        let sealed = opened.reply.seal(buffer, &Seeded::new(33)).unwrap();
        assert_eq!(sealed.as_ptr(), at);
        assert_eq!(expect.open(sealed).unwrap(), &b"done"[..]);
    }
}

/// Buffers that do not come from where they should.
#[test]
fn wrong_buffers() {
    let (key, selected) = pair(Kem::X25519, Aead::Aes256Gcm, 34);
    let limits = Limits::default();
    let outcome = seal_single_in_place(&selected, BytesMut::from(&[0; 38][..]), &limits, &Seeded::new(35));
    assert_eq!(outcome.err(), Some(Error::Buffer));
    let (sealed, _) = seal_single(&selected, b"", &limits, &Seeded::new(35)).unwrap();
    let opened = open(&key, &sealed).unwrap();
    let outcome = opened.reply.seal(BytesMut::from(&[0; 31][..]), &Seeded::new(36));
    assert_eq!(outcome.err(), Some(Error::Buffer));
    let (header, _) = Header::parse(&sealed, find(slice::from_ref(&key))).unwrap();
    for (len, want) in [(38, Some(Error::TooShort)), (39, None), (40, Some(Error::Buffer))] {
        assert_eq!(open_chunked(header, &key, &sealed[..len], &limits).err(), want);
    }
}

/// Without randomness nothing is sealed.
#[test]
fn no_randomness() {
    let (key, selected) = pair(Kem::X25519, Aead::Aes128Gcm, 37);
    let limits = Limits::default();
    let none = Fixed::new(&[]);
    let failed = Error::Crypto(sealwire_crypto::Error::Random);
    assert_eq!(seal_single(&selected, b"", &limits, &none).err(), Some(failed));
    assert_eq!(start_chunked(&selected, &mut BytesMut::new(), &limits, &none).err(), Some(failed));
    let generated = GatewayKey::generate(1, Kem::X25519, &AEADS.map(suite), &none);
    assert_eq!(generated.err(), Some(failed));
    let (sealed, _) = seal_single(&selected, b"", &limits, &Seeded::new(38)).unwrap();
    let opened = open(&key, &sealed).unwrap();
    assert_eq!(opened.reply.seal(opened.reply.buffer(0), &none).err(), Some(failed));
    let mut sealed = BytesMut::new();
    let (sealer, _) = start_chunked(&selected, &mut sealed, &limits, &Seeded::new(39)).unwrap();
    sealer.finish(&mut sealed, &[]).unwrap();
    let (_, reply) = receive_chunked(&[key], [&sealed[..]], &limits);
    let mut out = BytesMut::new();
    assert_eq!(reply.unwrap().0.start(&mut out, &none).err(), Some(failed));
    assert!(out.is_empty());
}

/// OB-42, OB-101 to OB-106, OB-164: what a gateway answers alike, and what not.
#[test]
fn key_errors() {
    use ChunkError as C;
    let alike = [Error::UnknownKey, Error::KemMismatch, Error::SuiteNotOffered, Error::Open];
    let framing = [C::Open, C::EmptyChunk, C::ChunkTooShort, C::ChunkTooLong, C::Truncated];
    assert!(alike.into_iter().chain(framing.map(Error::Chunk)).all(|error| error.is_key_error()));
    let others = [
        Error::TooShort,       // OB-100: a plain 400
        Error::RequestTooLong, // 413
        Error::Chunk(C::TooManyChunks),
        Error::Chunk(C::MessageTooLong), // OB-114: 413
        Error::ResponseOpen,
        Error::ListEmpty,
        Error::Crypto(sealwire_crypto::Error::Random),
    ];
    assert!(!others.into_iter().any(|error| error.is_key_error()));
}

/// A live key that is looked up by id among several, and shared.
#[test]
fn shared_keys() {
    let (key, selected) = pair(Kem::X25519, Aead::Aes128Gcm, 40);
    let key = std::sync::Arc::new(key);
    let (sealed, _) = seal_single(&selected, b"", &Limits::default(), &Seeded::new(41)).unwrap();
    let (_, found) = Header::parse(&sealed, |_| Some(std::sync::Arc::clone(&key))).unwrap();
    assert_eq!(found.config().key_id, 7);
    assert!(Header::parse(&sealed, find(&[])).is_err());
}
