//! Round trips under any division, and input that was made to hurt.

use super::{answer, credential, headers, key, open, read_answer, seal};
use bytes::{BufMut, BytesMut};
use flate2::{Compression, write::GzEncoder};
use http::HeaderValue;
use proptest::prelude::*;
use sealwire_crypto::random::OsRandom;
use sealwire_hpke_http::legacy::{Error, Limits, client, name, parse_document, server::Preparsed};
use std::io::Write;

fn division(bytes: &[u8], len: usize) -> Vec<&[u8]> {
    bytes.chunks(len.max(1)).collect()
}

/// A request whose whole body was compressed before it was cut.
fn compressed(encoding: &'static str, body: &[u8]) -> (http::HeaderMap, BytesMut) {
    let mut started = client::start(key().public_key(), &credential(), None, &OsRandom).unwrap();
    started.headers.insert(name::ENCODING, HeaderValue::from_static(encoding));
    let mut out = BytesMut::new();
    started.body.data(&mut out, body).unwrap();
    started.body.finish(&mut out, b"").unwrap();
    (started.headers, out)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn receive(fields: &http::HeaderMap, body: &[u8], limits: &Limits, len: usize) -> Result<Vec<u8>, Error> {
    open(&key(), &credential(), fields, limits, &division(body, len)).map(|(content, _)| content)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    // HH-83, HH-84, HH-85
    #[test]
    fn any_division(content in prop::collection::vec(any::<u8>(), 0..3000), len in 1_usize..200) {
        let (fields, body, awaited) = seal(&content);
        let (found, reply) = open(&key(), &credential(), &fields, &Limits::default(), &division(&body, len)).unwrap();
        prop_assert_eq!(&found, &content);
        let (fields, sealed) = answer(reply, "text/plain", &division(&content, len));
        let reader = awaited.open(&fields, &Limits::default()).unwrap();
        prop_assert_eq!(read_answer(reader, &division(&sealed, len)).unwrap().concat(), content);
    }

    // HH-86: every byte of the application's stream comes back, whatever its line ends are.
    #[test]
    fn any_stream(
        stream in prop::collection::vec(prop::sample::select(b"a:\r\n".to_vec()), 0..120),
        len in 1_usize..40,
    ) {
        let (fields, body, awaited) = seal(b"x");
        let (_, reply) = open(&key(), &credential(), &fields, &Limits::default(), &[&body]).unwrap();
        let (fields, sealed) = answer(reply, "text/event-stream; charset=utf-8", &division(&stream, len));
        let reader = awaited.open(&fields, &Limits::default()).unwrap();
        prop_assert_eq!(read_answer(reader, &division(&sealed, len)).unwrap().concat(), stream);
    }

    // HH-81, HH-83: one bit anywhere, and nothing that was sealed behind it is taken.
    #[test]
    fn any_change(bit in 0_usize..8 * 66) {
        let (fields, mut body, _) = seal(b"0123456789abcdef");
        prop_assert_eq!(body.len(), 2 * (25 + 8));
        body[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(receive(&fields, &body, &Limits::default(), usize::MAX).is_err());
    }

    // HH-84: what the client compressed comes back, and a cut shows.
    #[test]
    fn compressed_bodies(content in prop::collection::vec(any::<u8>(), 1..2000), len in 1_usize..300) {
        for (encoding, bytes) in [("gzip", gzip(&content)), ("zstd", zstd::bulk::compress(&content, 3).unwrap())] {
            let (fields, body) = compressed(encoding, &bytes);
            prop_assert_eq!(receive(&fields, &body, &Limits::default(), len), Ok(content.clone()));
            let (fields, body) = compressed(encoding, &bytes[..bytes.len() - 1]);
            let cut = receive(&fields, &body, &Limits::default(), len);
            // A cut checksum of gzip is a wrong one.
            prop_assert!(matches!(cut, Err(Error::Truncated | Error::Compressed)), "{cut:?}");
            let more = [bytes.as_slice(), b"x"].concat();
            let (fields, body) = compressed(encoding, &more);
            prop_assert_eq!(receive(&fields, &body, &Limits::default(), len), Err(Error::Compressed));
        }
    }
}

// HH-101: the bomb of the page, 300 MiB out of some hundred KiB, in both codings; refused at the ratio, not at the end.
#[test]
fn decompression_bombs() {
    let zeros = vec![0; 8 << 20];
    for (encoding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd::bulk::compress(&zeros, 19).unwrap())] {
        let (fields, body) = compressed(encoding, &bomb);
        assert_eq!(
            receive(&fields, &body, &Limits::default(), usize::MAX),
            Err(Error::TooLong),
            "{encoding}"
        );
    }
    // What is incompressible may be as long as the limit and no longer.
    let content = vec![7; 1000];
    let limits = Limits { request: 999, ..Limits::default() };
    let (fields, body) = compressed("gzip", &gzip(&content));
    assert_eq!(receive(&fields, &body, &limits, usize::MAX), Err(Error::TooLong));
    let limits = Limits { request: 1000, ..limits };
    assert_eq!(receive(&fields, &body, &limits, usize::MAX), Ok(content));
}

// HH-81, HH-83, HH-97: chunks dropped, repeated, swapped, cut, of lengths that cannot be.
#[test]
fn chunks() {
    let (fields, body, _) = seal(b"0123456789abcdef");
    let (one, two) = body.split_at(body.len() / 2);
    let refused = |parts: &[&[u8]]| receive(&fields, &parts.concat(), &Limits::default(), usize::MAX).err();
    assert_eq!(refused(&[one, two]), None);
    assert_eq!(refused(&[two]), Some(Error::Counter));
    assert_eq!(refused(&[two, one]), Some(Error::Counter));
    assert_eq!(refused(&[one, one]), Some(Error::Counter));
    assert_eq!(refused(&[one, &two[..two.len() - 1]]), Some(Error::Truncated));
    // Inside of the first one nothing has opened yet.
    assert_eq!(refused(&[&one[..one.len() - 1]]), Some(Error::Truncated));
    // At the border of a chunk a cut does not show: that is this wire (HH-97).
    assert_eq!(refused(&[one]), None);
    for len in [0_u32, 20, 65622, u32::MAX] {
        let mut changed = BytesMut::from(one);
        changed[..4].copy_from_slice(&len.to_be_bytes());
        assert_eq!(refused(&[&changed]), Some(Error::ChunkLength), "{len}");
    }
}

// HH-82
#[test]
fn fields() {
    let (fields, ..) = seal(b"x");
    assert!(Preparsed::new(&fields).is_ok());
    for (name, value, error) in [
        ("x-hpke-enc", "!", Error::Field),
        ("x-hpke-enc", "AAAA", Error::Field),
        ("x-hpke-stream", "AAAA", Error::Field),
        ("x-hpke-psk-id", "", Error::UnknownPsk),
        ("x-hpke-psk-id", "a=", Error::Field),
        ("x-hpke-encoding", "br", Error::Coding),
    ] {
        let mut changed = fields.clone();
        changed.insert(name, HeaderValue::from_static(value));
        assert_eq!(Preparsed::new(&changed).err(), Some(error), "{name} {value}");
        let mut doubled = changed.clone();
        doubled.append(name, HeaderValue::from_static(value));
        assert_eq!(Preparsed::new(&doubled).err(), Some(Error::Field), "{name}");
    }
    for (name, error) in [("x-hpke-enc", Error::Unsealed), ("x-hpke-psk-id", Error::UnknownPsk)] {
        let mut without = fields.clone();
        without.remove(name);
        assert_eq!(Preparsed::new(&without).err(), Some(error));
    }
    // A point of low order agrees with nobody.
    let mut low = fields;
    low.insert("x-hpke-enc", HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    let claimed = Preparsed::new(&low).unwrap().claim(&key(), &credential(), &Limits::default());
    assert_eq!(claimed.err(), Some(Error::Open));
}

// HH-85, HH-94, HH-97, HH-99, HH-100, HH-104
#[test]
fn answers() {
    let exchange = || {
        let (fields, body, awaited) = seal(b"x");
        let (_, reply) = open(&key(), &credential(), &fields, &Limits::default(), &[&body]).unwrap();
        (reply, awaited)
    };
    let (reply, awaited) = exchange();
    let (fields, sealed) = answer(reply, "text/plain", &[b"0123456789"]);
    let mut error = fields.clone();
    error.insert(name::ERROR, HeaderValue::from_static("true"));
    assert_eq!(awaited.open(&error, &Limits::default()).err(), Some(Error::Refused));
    let plain = headers(&[("content-type", "text/plain")]);
    assert_eq!(exchange().1.open(&plain, &Limits::default()).err(), Some(Error::Unsealed));

    let (reply, awaited) = exchange();
    let (fields, _) = answer(reply, "text/plain", &[]);
    let reader = awaited.open(&fields, &Limits::default()).unwrap();
    assert_eq!(read_answer(reader, &[]), Err(Error::Truncated), "a last chunk always comes");

    let (reply, awaited) = exchange();
    let (fields, sealed_again) = answer(reply, "text/plain", &[b"0123456789"]);
    assert_ne!(sealed, sealed_again);
    let limits = Limits { response: 9, ..Limits::default() };
    let reader = awaited.open(&fields, &limits).unwrap();
    assert_eq!(read_answer(reader, &[&sealed_again]), Err(Error::TooLong));
}

// HH-86: lines that are no events, and one that never ends.
#[test]
fn event_lines() {
    let reader = |limits: &Limits| {
        let (fields, body, awaited) = seal(b"x");
        let (_, reply) = open(&key(), &credential(), &fields, &Limits::default(), &[&body]).unwrap();
        let (fields, sealed) = answer(reply, "text/event-stream", &[b"data: 1\n\n", b"data: 2\n\n"]);
        (awaited.open(&fields, limits).unwrap(), sealed)
    };
    let limits = Limits::default();
    let (events, sealed) = reader(&limits);
    let with_comments = [b": hello\r\n\r\n".as_slice(), &sealed].concat();
    assert_eq!(read_answer(events, &[&with_comments]).unwrap().len(), 2);
    for (line, error) in [
        (&b"data: !\n\n"[..], Error::Event),
        (b"data: AAAA\n\n", Error::Event),
        (b"data: AAAAAQ==\n\n", Error::Open),
        (b"data: in clear\n\n", Error::Event),
        (b"id: 1\n\n", Error::Event),
        (b"event: enc\n", Error::Truncated),
        (b"data: AAAA", Error::Truncated),
    ] {
        assert_eq!(read_answer(reader(&limits).0, &[line]), Err(error), "{line:?}");
    }
    let (events, sealed) = reader(&limits);
    let second = sealed.len() / 2;
    assert_eq!(read_answer(events, &[&sealed[second..]]), Err(Error::Counter));
    let (events, _) = reader(&Limits { event: 100, ..limits });
    let endless = vec![b'a'; 300];
    assert_eq!(read_answer(events, &[&endless]), Err(Error::TooLong));
}

// HH-87
#[test]
fn key_documents() {
    let key = "eq5fk5Em5c7v7ch-8-AdgpNCDdEV8y-vZ-up0gdvlWk";
    let document = |version: &str, kem: &str, key: &str| {
        format!(
            r#"{{{version}"more":{{}},"keys":[{{"kem_id":"0x647a","public_key":""}},{{"kem_id":"{kem}","public_key":"{key}"}}]}}"#
        )
    };
    for right in [document("", "0x0020", key), document(r#""version":1,"#, "0x20", key)] {
        assert!(parse_document(right.as_bytes()).is_ok(), "{right}");
    }
    for wrong in [
        document(r#""version":2,"#, "0x0020", key),
        document("", "0x0021", key),
        document("", "0x0020", &key[1..]),
        document("", "0x0020", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        "{}".to_owned(),
        String::new(),
    ] {
        assert_eq!(parse_document(wrong.as_bytes()).err(), Some(Error::Document), "{wrong}");
    }
}

/// A length that announces what never comes makes nothing be held.
#[test]
fn announced_lengths_hold_nothing() {
    let (fields, ..) = seal(b"x");
    let mut claimed =
        Preparsed::new(&fields).unwrap().claim(&key(), &credential(), &Limits::default()).unwrap();
    let mut announced = BytesMut::new();
    announced.put_u32(65621);
    claimed.push(&announced);
    assert_eq!(claimed.is_proven(), Ok(false));
}
