//! Whole exchanges between our own two sides: any content, any division, any change.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{NOW, answer, credential, fields, head, key, read, receive, receive_whole, seal, slices};
use proptest::prelude::*;
use sealwire_hpke_http::{
    Compression, Error, Limits, SseSplitter,
    key::{self, KeyRecord, Lease, Moment, Recipient},
    message::{Method, Mode},
};
use std::time::Duration;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    // HH-11, HH-12, HH-13, HH-18, HH-20
    #[test]
    fn any_content_and_any_division(
        content in prop::collection::vec(any::<u8>(), 0..4000),
        sent in prop::collection::vec(1_usize..900, 1..4),
        came in prop::collection::vec(1_usize..300, 1..4),
        compress in any::<bool>(),
    ) {
        let compression = if compress { Compression::Zstd } else { Compression::Off };
        let request = head(Method::Post, &[("content-type", "text/plain"), ("x", "1"), ("x", "2")]);
        let (sealed, reader) = seal(&request, &slices(&content, &sent), compression);
        let received =
            receive(&key(), Some(&credential()), Limits::default(), NOW, &slices(&sealed, &came)).unwrap();
        prop_assert_eq!(&received.head, &request);
        prop_assert_eq!(&received.content, &content);

        let reply = received.reply.compressed(compression);
        let sealed = answer(reply, 201, &[("x", "y")], &slices(&content, &sent)).unwrap();
        let (found, pieces) = read(reader, &slices(&sealed, &came)).unwrap();
        prop_assert_eq!((found.status(), found.mode()), (201, Mode::Finite));
        prop_assert_eq!(found.fields(), &fields(&[("x", "y")]));
        prop_assert_eq!(pieces.concat(), content);
    }

    // HH-22: blocks do not depend on how the stream is divided; line ends become line feeds, other bytes stay.
    #[test]
    fn any_event_stream(
        stream in prop::collection::vec(prop::sample::select(b"a:\r\n".to_vec()), 0..200),
        sent in prop::collection::vec(1_usize..30, 1..4),
        came in prop::collection::vec(1_usize..90, 1..4),
    ) {
        let (sealed, reader) = seal(&head(Method::Get, &[]), &[], Compression::Off);
        let reply = receive_whole(&sealed).unwrap().reply;
        let kind = [("content-type", "text/event-stream")];
        let sealed = answer(reply, 200, &kind, &slices(&stream, &sent)).unwrap();
        let (found, blocks) = read(reader, &slices(&sealed, &came)).unwrap();
        prop_assert_eq!(found.mode(), Mode::EventStream);

        let text = String::from_utf8(stream).unwrap().replace("\r\n", "\n").replace('\r', "\n");
        let mut expect: Vec<Vec<u8>> = Vec::new();
        let mut block = String::new();
        for line in text.split_inclusive('\n') {
            block.push_str(line);
            if line == "\n" {
                expect.push(std::mem::take(&mut block).into_bytes());
            }
        }
        prop_assert_eq!(blocks, expect);
    }

    // HH-12, HH-18: one bit anywhere.
    #[test]
    fn any_change(choice in any::<prop::sample::Index>(), in_answer in any::<bool>()) {
        let (mut request, reader) = seal(&head(Method::Post, &[("a", "b")]), &[b"content", b"more"], Compression::Off);
        if !in_answer {
            let bit = choice.index(8 * request.len());
            request[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(receive_whole(&request).is_err(), "bit {bit}");
            return Ok(());
        }
        let reply = receive_whole(&request).unwrap().reply;
        let mut sealed = answer(reply, 200, &[("a", "b")], &[b"content"]).unwrap();
        let bit = choice.index(8 * sealed.len());
        sealed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(read(reader, &[&sealed]).is_err(), "bit {bit}");
    }

    // HH-23: cut anywhere.
    #[test]
    fn any_cut(choice in any::<prop::sample::Index>(), in_answer in any::<bool>()) {
        let (request, reader) = seal(&head(Method::Post, &[]), &[b"content"], Compression::Off);
        if !in_answer {
            let cut = &request[..choice.index(request.len())];
            prop_assert_eq!(receive_whole(cut).err(), Some(Error::MalformedEnvelope));
            return Ok(());
        }
        let sealed = answer(receive_whole(&request).unwrap().reply, 200, &[], &[b"content"]).unwrap();
        let cut = &sealed[..choice.index(sealed.len())];
        prop_assert_eq!(read(reader, &[cut]).err(), Some(Error::MalformedEnvelope));
    }

    // HH-07
    #[test]
    fn any_key_record(id in prop::collection::vec(any::<u8>(), 1..=255), use_for in 1_u32..) {
        let recipient = Recipient::new(id.clone(), key().recipient().public_key().as_bytes()).unwrap();
        let record = KeyRecord::new(recipient, use_for).unwrap().encode();
        prop_assert!((43..=key::MAX_RECORD_LEN).contains(&record.len()));
        let parsed = KeyRecord::parse(&record).unwrap();
        prop_assert_eq!((&parsed.recipient().id()[..], parsed.use_for()), (id.as_slice(), use_for));
        for len in 0..record.len() {
            prop_assert!(KeyRecord::parse(&record[..len]).is_err());
        }
        prop_assert_eq!(KeyRecord::parse(&[record, vec![0]].concat()).err(), Some(key::Error::Length));
    }
}

// HH-01, HH-07
#[test]
fn key_records_that_are_none() {
    let record = key().record(60).unwrap().encode();
    let changed = |at: usize, byte: u8| {
        let mut changed = record.clone();
        changed[at] = byte;
        KeyRecord::parse(&changed).err()
    };
    assert_eq!(changed(5, 3), None);
    for (at, byte, error) in [
        (3, b'X', key::Error::Version),
        (4, 1, key::Error::Version),
        (4, 3, key::Error::Version),
        (5, 0, key::Error::KeyId),
        (5, 4, key::Error::Length),
    ] {
        assert_eq!(changed(at, byte), Some(error), "byte {at}");
    }
    let mut no_lease = record.clone();
    no_lease[record.len() - 4..].fill(0);
    assert_eq!(KeyRecord::parse(&no_lease).err(), Some(key::Error::Lease));
    let mut low_order = record;
    low_order[9..41].fill(0);
    assert_eq!(KeyRecord::parse(&low_order).err(), Some(key::Error::PublicKey));
}

// HH-08
#[test]
fn leases() {
    let at = |monotonic, wall| Moment {
        monotonic: Duration::from_secs(monotonic),
        wall: Duration::from_secs(wall),
    };
    let lease: Lease = key().record(60).unwrap().lease(at(10, 1000));
    for (now, is_live) in [
        (at(10, 1000), true),
        (at(69, 1059), true),
        (at(70, 1059), false),
        (at(69, 1060), false),
        // The machine slept, or a clock was set back.
        (at(11, 9000), false),
        (at(11, 999), false),
        (at(9, 1001), false),
    ] {
        assert_eq!(lease.is_live(now), is_live, "{now:?}");
    }
}

// HH-22: CR and LF in two writes, and a block of exactly the limit.
#[test]
fn blocks() {
    let mut splitter = SseSplitter::new(9);
    let mut blocks = Vec::new();
    for mut write in [&b"data:1\r"[..], b"\n\r", b"\n\xff\n\n", b"\r", b"123456789"] {
        while let Some(block) = splitter.next_block(&mut write).unwrap() {
            blocks.push(block.to_vec());
        }
    }
    assert_eq!(blocks, [&b"data:1\n\n"[..], b"\xff\n\n", b"\n"]);
    assert_eq!(splitter.next_block(&mut &b"\n"[..]), Err(Error::LimitExceeded));
}

// HH-13: parts of 65536 bytes, whatever is given at once; and the server opens them one by one.
#[test]
fn long_parts_are_divided() {
    let content = vec![7; 3 * 65536 + 1];
    let (sealed, _) = seal(&head(Method::Put, &[]), &[&content], Compression::Off);
    let received = receive(&key(), Some(&credential()), Limits::default(), NOW, &slices(&sealed, &[8192]));
    assert_eq!(received.unwrap().content, content);
}

// HH-35: the limits of both sides are held by both.
#[test]
fn limits_of_content() {
    let limits = Limits { max_request_bytes: 10, max_body_len: 10, ..Limits::default() };
    for (len, error) in [(10, None), (11, Some(Error::LimitExceeded))] {
        let content = vec![7; len];
        let (sealed, _) = seal(&head(Method::Put, &[]), &[&content[..5], &content[5..]], Compression::Off);
        let received = receive(&key(), Some(&credential()), limits, NOW, &[&sealed]);
        assert_eq!(received.as_ref().err(), error.as_ref());
        let Ok(received) = received else { continue };
        assert!(answer(received.reply, 200, &[], &[&content, &content]).is_err());
    }
    // An answer that its own side may not send, though the other one's limits allow it.
    let (sealed, _) = seal(&head(Method::Get, &[]), &[], Compression::Off);
    let reply = receive(&key(), Some(&credential()), limits, NOW, &[&sealed]).unwrap().reply;
    assert_eq!(answer(reply, 200, &[], &[&[7; 11]]).err(), Some(Error::LimitExceeded));
}

// HH-60: lengths tell nothing of the content unless somebody asks for compression.
#[test]
fn compression_is_off_unless_asked_for() {
    let lengths = |compression| {
        ["a".repeat(4096), (0..4096).map(|i| char::from(b'!' + (i * i % 89) as u8)).collect()].map(
            |content: String| {
                let (sealed, _) = seal(&head(Method::Put, &[]), &[content.as_bytes()], compression);
                sealed.len()
            },
        )
    };
    let [one, other] = lengths(Compression::default());
    assert_eq!(one, other);
    let [one, other] = lengths(Compression::Zstd);
    assert_ne!(one, other);
}

// HH-69: ids are in clear for everybody on the way; nothing else of a request is.
#[test]
fn ids_are_in_clear_and_nothing_else() {
    let (sealed, _) =
        seal(&head(Method::Put, &[("x-name", "x-value")]), &[b"some content"], Compression::Off);
    let shows = |bytes: &[u8]| sealed.windows(bytes.len()).any(|window| window == bytes);
    assert!(shows(b"keytenant"));
    for inside in ["api.example.test", "/v1/items", "x-name", "x-value", "some content"] {
        assert!(!shows(inside.as_bytes()), "{inside}");
    }
}
