//! Signed streams: vectors of both versions and both ways, and what must not be released.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{Fixed, cases, record, signer, text, vectors};
use proptest::prelude::*;
use sealwire_crypto::{
    kem::{Kem, PrivateKey as KemKey},
    random::{OsRandom, Scripted},
};
use sealwire_envelope::{
    Algorithm, Authentic, Envelope, Message, Rules, base64url, canonical,
    encoding::json,
    key::{KeyRecord, Keyring, PrivateKey, Signer, Use},
    stream::{
        CAPABILITY, Data, Error, Frame, MAX_FRAME, Mode, Opened, Opening, Reader, Statement, Tag, Tags,
        Writer,
        legacy::{self, Chunk},
        open,
    },
};
use serde_json::Value;

const NOW: i64 = 1_712_500_000_000;

fn keyring(records: impl IntoIterator<Item = KeyRecord>) -> Keyring {
    let mut keys = Keyring::new();
    for record in records {
        keys.insert(record).unwrap();
    }
    keys
}

fn x25519(text: &str) -> KemKey {
    KemKey::from_bytes(Kem::X25519, &base64url::decode(text).unwrap()).unwrap()
}

/// The reader of a case, by the digest of its request and not by the request, which the vectors do not have.
fn reader(file: &Value, case: &Value) -> Result<(Reader, Statement), Error> {
    let shared = &file["shared"];
    let keys = keyring([record("svc.api", "s1", &shared["keys"]["svc.api"], Use::Envelope)]);
    let envelope = json::decode(case["open"].to_string().as_bytes(), &Default::default()).unwrap();
    let authentic = Authentic::verify(envelope, Use::Envelope, &Rules::new("agent.ed"), &keys, NOW)
        .map_err(|_| Error::OpenInvalid)?;
    let own = x25519(text(&shared["macRecipient"], "privateKey"));
    let (opened, statement) = Opened::read(&authentic, Some(text(shared, "req")), Some(&own))?;
    Ok((Reader::new(opened), statement))
}

fn frames(case: &Value) -> Vec<String> {
    case["frames"].as_array().unwrap().iter().map(Value::to_string).collect()
}

fn bytes(pieces: &[Data]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.as_bytes().to_vec()).collect()
}

// SP-52, SP-53, SP-54, SP-56
#[test]
fn the_vectors_are_read_as_expected() {
    let Some(file) = vectors("stream-v2") else { return };
    for case in cases(&file) {
        let (id, expect) = (text(case, "id"), &case["expect"]);
        let (mut released, mut released_after) = (Vec::new(), Vec::new());
        let outcome = reader(&file, case).and_then(|(mut reader, _)| {
            for (at, frame) in frames(case).iter().enumerate() {
                let pieces = reader.push_json(frame.as_bytes())?;
                if !pieces.is_empty() {
                    released_after.push(at);
                }
                released.extend(pieces);
            }
            reader.finish()
        });
        let reason = outcome.err().map(|error| error.to_string());
        assert_eq!(reason.as_deref(), expect["reason"].as_str(), "{id}");
        if let Some(count) = expect["verifiedFrames"].as_u64() {
            assert_eq!(released.len() as u64, count, "{id}");
        }
        if let Some(texts) = expect["released"].as_array() {
            let expected: Vec<_> =
                texts.iter().map(|text| Data::Text(text.as_str().unwrap().to_owned())).collect();
            assert_eq!(released, expected, "{id}");
        }
        if let Some(pieces) = expect["releasedHex"].as_array() {
            let expected: Vec<_> = pieces
                .iter()
                .map(|piece| Data::Binary(hex::decode(piece.as_str().unwrap()).unwrap()))
                .collect();
            assert_eq!(released, expected, "{id}");
        }
        if let Some(after) = expect["releaseAfterFrame"].as_array() {
            let expected: Vec<_> = after.iter().map(|at| at.as_u64().unwrap() as usize).collect();
            assert_eq!(released_after, expected, "{id}");
        }
    }
}

// SP-55
#[test]
fn the_vectors_have_the_same_frames_in_bytes() {
    let Some(file) = vectors("stream-v2") else { return };
    let mut seen = 0;
    for case in cases(&file).iter().filter(|case| case["binaryHex"].is_array()) {
        let (mut reader, statement) = reader(&file, case).unwrap();
        for (json, binary) in frames(case).iter().zip(case["binaryHex"].as_array().unwrap()) {
            let frame = Frame::from_json(statement.mode, json.as_bytes()).unwrap();
            assert_eq!(hex::encode(frame.to_bytes()), binary.as_str().unwrap());
            let bytes = frame.to_bytes();
            for cut in 0..bytes.len() {
                assert_eq!(Frame::from_bytes(statement.mode, &bytes[..cut]), Ok(None), "{cut}");
            }
            let (_, len) = reader.push_binary(&[&bytes[..], b"rest"].concat()).unwrap().unwrap();
            assert_eq!(len, bytes.len());
            seen += 1;
        }
        assert_eq!(reader.finish(), Ok(()));
    }
    assert!(seen > 8);
}

// SP-52, SP-53, SP-57
#[test]
fn the_vectors_are_written_byte_for_byte() {
    let Some(file) = vectors("stream-v2") else { return };
    let shared = &file["shared"];
    let by = signer("svc.api", "s1", &shared["keys"]["svc.api"], Use::Envelope);
    let own = x25519(text(&shared["macRecipient"], "privateKey"));
    for id in ["sig-every-1", "sig-every-3", "binary-chunks", "mac-every-2"] {
        let case = cases(&file).iter().find(|case| case["id"] == id).unwrap();
        let (_, statement) = reader(&file, case).unwrap();
        let genuine: Envelope =
            json::decode(case["open"].to_string().as_bytes(), &Default::default()).unwrap();
        let opening = Opening {
            header: genuine.header.clone(),
            intent: &genuine.body.intent,
            correlation_id: genuine.body.correlation_id.clone(),
            request: Some(&statement.req),
            media_type: &statement.media_type,
            every: statement.every,
            tags: if statement.mode == Mode::Mac { Tags::Shared(own.public_key()) } else { Tags::Signed },
        };
        // The key of the stream, its identifier, and the ephemeral key.
        let script = [[6; 32].as_slice(), &statement.sid, &[0x78; 32]].concat();
        let (envelope, mut writer) = open(&by, Use::Envelope, opening, &Scripted::new(&script)).unwrap();
        assert_eq!(envelope, genuine, "{id}");
        let wanted: Vec<_> = frames(case)
            .iter()
            .map(|frame| Frame::from_json(statement.mode, frame.as_bytes()).unwrap())
            .collect();
        let (last, before) = wanted.split_last().unwrap();
        for frame in before {
            assert_eq!(&writer.write(frame.data.clone(), 0).unwrap(), frame, "{id}");
        }
        assert_eq!(&writer.finish(last.data.clone()).unwrap(), last, "{id}");
    }
}

/// Both ends, with a fresh stream between them.
struct Ends {
    envelope: Envelope,
    writer: Writer,
    own: KemKey,
}

fn sender() -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[4; 32]).unwrap()
}

fn ends(every: u16, mode: Mode, correlation: &str) -> Ends {
    let by = Signer::private("svc", "s1", sender()).unwrap();
    let own = KemKey::from_bytes(Kem::X25519, &[9; 32]).unwrap();
    let message = Message {
        recipient: Some("agent"),
        intent: "RESULT",
        content: "",
        capability: None,
        correlation_id: Some(correlation),
        ttl_ms: 60_000,
    };
    let opening = Opening {
        header: message.envelope("svc", NOW, &OsRandom).unwrap().header,
        intent: "RESULT",
        correlation_id: Some(correlation.to_owned()),
        request: None,
        media_type: "text/plain",
        every,
        tags: if mode == Mode::Mac { Tags::Shared(own.public_key()) } else { Tags::Signed },
    };
    let (envelope, writer) = open(&by, Use::Envelope, opening, &OsRandom).unwrap();
    Ends { envelope, writer, own }
}

impl Ends {
    fn authentic(&self) -> Authentic {
        let record = KeyRecord::public("svc", "s1", sender().public_key().unwrap()).unwrap();
        Authentic::verify(self.envelope.clone(), Use::Envelope, &Rules::new("agent"), &keyring([record]), NOW)
            .unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::new(Opened::read(&self.authentic(), None, Some(&self.own)).unwrap().0)
    }

    fn write(mut self, pieces: &[&str]) -> Vec<Frame> {
        let (last, before) = pieces.split_last().unwrap();
        let mut frames: Vec<_> = before
            .iter()
            .map(|piece| self.writer.write(Data::Text((*piece).to_owned()), 0).unwrap())
            .collect();
        frames.push(self.writer.finish(Data::Text((*last).to_owned())).unwrap());
        frames
    }
}

/// What a reader releases, and how it ends.
fn read(mut reader: Reader, frames: &[Frame]) -> (String, Result<(), Error>) {
    let mut released = Vec::new();
    for frame in frames {
        match reader.push(frame.clone()) {
            Ok(pieces) => released.extend(pieces),
            Err(error) => return (String::from_utf8(bytes(&released)).unwrap(), Err(error)),
        }
    }
    (String::from_utf8(bytes(&released)).unwrap(), reader.finish())
}

const MODES: [Mode; 2] = [Mode::Sig, Mode::Mac];

// SP-53, SP-56
#[test]
fn reordered_stream_chunks_are_refused() {
    for mode in MODES {
        let ends = ends(1, mode, "a");
        let reader = || ends.reader();
        let (swapped, renumbered) = (reader(), reader());
        let mut frames = ends.write(&["a", "b", "c"]);
        frames.swap(0, 1);
        assert_eq!(read(swapped, &frames), (String::new(), Err(Error::Sequence)));
        (frames[0].index, frames[1].index) = (0, 1);
        assert_eq!(read(renumbered, &frames), (String::new(), Err(Error::TagInvalid)));
    }
}

// SP-53: two streams of one sender to one recipient, at the same time.
#[test]
fn spliced_stream_chunks_are_refused() {
    for mode in MODES {
        let (one, other) = (ends(1, mode, "a"), ends(1, mode, "b"));
        let (into_one, opened_other) = (one.reader(), one.reader());
        let (one, other) = (one.write(&["pay ", "alice", ""]), other.write(&["pay ", "mallory", ""]));
        let spliced = [one[0].clone(), other[1].clone(), one[2].clone()];
        assert_eq!(read(into_one, &spliced), ("pay ".to_owned(), Err(Error::TagInvalid)));
        assert_eq!(read(opened_other, &other), (String::new(), Err(Error::TagInvalid)));
    }
}

// SP-56
#[test]
fn a_cut_stream_is_not_a_whole_one() {
    for mode in MODES {
        let ends = ends(1, mode, "a");
        let (cut, ended_early) = (ends.reader(), ends.reader());
        let mut frames = ends.write(&["a", "b", "c"]);
        frames.pop();
        assert_eq!(read(cut, &frames), ("ab".to_owned(), Err(Error::Truncated)));
        frames[1].is_final = true;
        let early = if mode == Mode::Mac { Error::Malformed } else { Error::TagInvalid };
        assert_eq!(read(ended_early, &frames), ("a".to_owned(), Err(early)));
    }
}

// SP-56
#[test]
fn nothing_is_released_before_a_tag_covers_it() {
    for mode in MODES {
        let ends = ends(3, mode, "a");
        let (mut reader, reader_of_changed) = (ends.reader(), ends.reader());
        let mut frames = ends.write(&["a", "b", "c", "d"]);
        let released: Vec<_> =
            frames.iter().map(|frame| bytes(&reader.push(frame.clone()).unwrap()).len()).collect();
        assert_eq!(released, [0, 0, 3, 1]);
        assert!(reader.is_complete());
        frames[0].data = Data::Text("X".to_owned());
        assert_eq!(read(reader_of_changed, &frames), (String::new(), Err(Error::TagInvalid)));
    }
}

// SP-56: any failure is final.
#[test]
fn nothing_follows_a_failure_or_the_end() {
    let ends = ends(1, Mode::Sig, "a");
    let (mut failed, mut complete) = (ends.reader(), ends.reader());
    let frames = ends.write(&["a", "b"]);
    assert_eq!(failed.push(frames[1].clone()), Err(Error::Sequence));
    assert_eq!(failed.push(frames[0].clone()), Err(Error::Sequence));
    assert_eq!(failed.push_json(b"{}"), Err(Error::Sequence));
    for frame in &frames {
        complete.push(frame.clone()).unwrap();
    }
    assert_eq!(complete.push_json(b"junk"), Err(Error::AfterFinal));
    assert_eq!(complete.finish(), Err(Error::AfterFinal));
}

// SP-53: with the shared key alone nobody can show the stream to others as the sender's, and without `s` nothing ends.
#[test]
fn a_recipient_cannot_end_a_stream_in_the_senders_name() {
    let ends = ends(1, Mode::Mac, "a");
    let (unsigned, wrongly_signed) = (ends.reader(), ends.reader());
    let mut frames = ends.write(&["a", "b"]);
    let signature = frames[1].signature.take();
    assert_eq!(read(unsigned, &frames), ("a".to_owned(), Err(Error::Malformed)));
    let mut other = signature.unwrap();
    other[0] ^= 1;
    frames[1].signature = Some(other);
    assert_eq!(read(wrongly_signed, &frames), ("a".to_owned(), Err(Error::TagInvalid)));
}

// SP-52: an opening that says something else than its signature, or answers another request.
#[test]
fn openings_that_do_not_fit_are_refused() {
    let genuine = ends(1, Mode::Sig, "a");
    let refused = |change: &dyn Fn(&mut Statement), capability: &str, request: Option<&str>| {
        let mut statement = Statement::from_text(&genuine.envelope.body.content).unwrap();
        change(&mut statement);
        let mut ends = Ends { envelope: genuine.envelope.clone(), ..ends(1, Mode::Sig, "a") };
        ends.envelope.body.content = statement.to_text();
        ends.envelope.body.capability = Some(capability.to_owned());
        Signer::private("svc", "s1", sender())
            .unwrap()
            .sign_envelope(Use::Envelope, &mut ends.envelope)
            .unwrap();
        Opened::read(&ends.authentic(), request, Some(&ends.own)).err()
    };
    let invalid = Some(Error::OpenInvalid);
    assert_eq!(refused(&|_| {}, CAPABILITY, None), None);
    assert_eq!(refused(&|_| {}, "sw-req/1", None), invalid);
    assert_eq!(refused(&|_| {}, CAPABILITY, Some("another request")), invalid);
    assert_eq!(refused(&|statement| statement.kid = "s2".to_owned(), CAPABILITY, None), invalid);
    assert_eq!(refused(&|statement| statement.alg = "HS256".to_owned(), CAPABILITY, None), invalid);
    assert_eq!(refused(&|statement| statement.every = 0, CAPABILITY, None), invalid);
    assert_eq!(refused(&|statement| statement.every = 1025, CAPABILITY, None), invalid);
    // SP-08: a key under which everybody can sign
    assert_eq!(refused(&|statement| statement.key = [0; 32], CAPABILITY, None), invalid);
    // A mode without its key, and a key without its mode.
    assert_eq!(refused(&|statement| statement.mode = Mode::Mac, CAPABILITY, None), invalid);
    assert_eq!(refused(&|statement| statement.enc = Some(vec![0; 32]), CAPABILITY, None), invalid);
}

// SP-53: mode `mac` needs the recipient's own key.
#[test]
fn nobody_else_reads_a_stream_of_shared_tags() {
    let ends = ends(1, Mode::Mac, "a");
    assert_eq!(Opened::read(&ends.authentic(), None, None).err(), Some(Error::OpenInvalid));
    let other = KemKey::from_bytes(Kem::X25519, &[8; 32]).unwrap();
    let reader = Reader::new(Opened::read(&ends.authentic(), None, Some(&other)).unwrap().0);
    assert_eq!(read(reader, &ends.write(&["a"])), (String::new(), Err(Error::TagInvalid)));
}

// SP-57
#[test]
fn a_slow_writer_flushes_what_waits() {
    let mut ends = ends(1024, Mode::Sig, "a");
    let mut reader = ends.reader();
    assert_eq!(ends.writer.flush_due_at(), None);
    assert_eq!(ends.writer.flush(0).unwrap(), None);
    let first = ends.writer.write(Data::Text("a".to_owned()), 1_000).unwrap();
    assert_eq!((first.tag, ends.writer.flush_due_at()), (None, Some(1_050)));
    let second = ends.writer.write(Data::Text("b".to_owned()), 1_020).unwrap();
    let flushed = ends.writer.flush(1_050).unwrap().unwrap();
    assert_eq!((flushed.data.clone(), ends.writer.flush_due_at()), (Data::Text(String::new()), None));
    for frame in [first, second] {
        assert_eq!(reader.push(frame).unwrap(), []);
    }
    assert_eq!(bytes(&reader.push(flushed).unwrap()), b"ab");
    let third = ends.writer.write(Data::Text("c".to_owned()), 2_000).unwrap();
    let late = ends.writer.write(Data::Text("d".to_owned()), 2_050).unwrap();
    assert!(third.tag.is_none() && late.tag.is_some());
}

// SP-09
#[test]
fn what_waits_for_a_tag_is_bounded() {
    let mut ends = ends(1024, Mode::Sig, "a");
    let piece = || Data::Binary(vec![0; MAX_FRAME]);
    assert_eq!(ends.writer.write(Data::Binary(vec![0; MAX_FRAME + 1]), 0), Err(Error::Limit));
    // A careful writer tags before a reader would have to refuse.
    let mut reader = ends.reader();
    let frames: Vec<_> = (0..5).map(|_| ends.writer.write(piece(), 0).unwrap()).collect();
    for frame in &frames {
        reader.push(frame.clone()).unwrap();
    }
    // A careless one is refused.
    let mut reader = ends.reader();
    let mut outcome = Ok(Vec::new());
    for mut frame in frames {
        frame.tag = None;
        outcome = outcome.and_then(|_| reader.push(frame));
    }
    assert_eq!(outcome, Err(Error::Limit));
    assert_eq!(Frame::from_bytes(Mode::Sig, &[&[2, 0][..], &[0; 8], &[0xff; 4]].concat()), Err(Error::Limit));
    assert_eq!(Frame::from_json(Mode::Sig, &vec![b' '; 7 * MAX_FRAME]), Err(Error::Limit));
}

// SP-54, SP-55
#[test]
fn frames_out_of_form_are_malformed() {
    for text in [
        "",
        "[]",
        r#"{"i":0}"#,
        r#"{"d":"x"}"#,
        r#"{"i":-1,"d":"x"}"#,
        r#"{"i":0,"d":"x","x":1}"#,
        r#"{"i":0,"d":"x","d":"x"}"#,
        r#"{"i":0,"b":"AA=="}"#,
        r#"{"i":0,"d":"x","t":"AAAA"}"#,
        r#"{"i":0,"d":"x","f":true}"#,
        r#"{"i":0,"d":"x"} {}"#,
    ] {
        assert_eq!(Frame::from_json(Mode::Sig, text.as_bytes()), Err(Error::Malformed), "{text}");
    }
    assert_eq!(Frame::from_json(Mode::Sig, br#"{"i":0,"d":"x","f":0}"#), Err(Error::Flags));
    assert_eq!(Frame::from_bytes(Mode::Sig, &[1]), Err(Error::Malformed));
    assert_eq!(Frame::from_bytes(Mode::Sig, &[2, 4]), Err(Error::Flags));
    let text = [&[2, 0][..], &[0; 8], &[0, 0, 0, 1, 0xff]].concat();
    assert_eq!(Frame::from_bytes(Mode::Sig, &text), Err(Error::Malformed), "text that is not UTF-8");
}

// SP-54
#[test]
fn frames_travel_as_events() {
    let frame =
        Frame { index: 1, data: Data::Text("a\nb".to_owned()), is_final: false, tag: None, signature: None };
    assert_eq!(frame.to_event(), "event: sw\ndata: {\"i\":1,\"d\":\"a\\nb\"}\n\n");
}

// EN-61, EN-63, EN-64, SP-58
#[test]
fn the_legacy_vectors_are_read_as_expected() {
    let Some(file) = vectors("stream-legacy") else { return };
    let key = || record("svc", "k1", &file["shared"], Use::Stream);
    for case in cases(&file) {
        let (id, expect) = (text(case, "id"), &case["strict"]);
        let mut reader = legacy::Reader::new(key(), NOW);
        let chunks = case["chunks"].as_array().unwrap();
        let pushed = chunks.iter().try_for_each(|chunk| reader.push_json(chunk.to_string().as_bytes()));
        match pushed.and_then(|()| reader.finish()) {
            Ok(verified) => {
                assert_eq!(expect["ok"], true, "{id}");
                assert_eq!(verified.data.len() as u64, expect["totalBytes"], "{id}");
                assert_eq!(verified.chunks, expect["chunkCount"], "{id}");
            }
            Err(error) => assert_eq!(error.to_string(), text(expect, "reason"), "{id}"),
        }
    }
}

// EN-62, SP-58
#[test]
fn the_legacy_vectors_are_written_byte_for_byte() {
    let Some(file) = vectors("stream-legacy") else { return };
    for case in cases(&file).iter().filter(|case| case["nonce"].is_string()) {
        let nonce = base64url::decode(text(case, "nonce")).unwrap();
        let key = PrivateKey::parse(text(&file["shared"], "privateKey")).unwrap();
        let mut writer = legacy::Writer::new("svc", "k1", key, &Scripted::new(&nonce)).unwrap();
        let chunks: Vec<_> = case["chunks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|chunk| Chunk::from_json(chunk.to_string().as_bytes()).unwrap())
            .collect();
        let (last, before) = chunks.split_last().unwrap();
        for chunk in before {
            let written = writer.write(&chunk.data).unwrap();
            assert_eq!(&written, chunk);
            assert_eq!(Chunk::from_json(written.to_json().as_bytes()).as_ref(), Ok(chunk));
        }
        assert_eq!(&writer.finish().unwrap(), last);
    }
}

fn legacy_stream(pieces: &[&str]) -> Vec<Chunk> {
    let mut writer = legacy::Writer::new("svc", "k1", sender(), &Fixed(1)).unwrap();
    let mut chunks: Vec<_> = pieces.iter().map(|piece| writer.write(piece).unwrap()).collect();
    chunks.push(writer.finish().unwrap());
    chunks
}

fn legacy_reader(purpose: Use) -> legacy::Reader {
    let record = KeyRecord::public("svc", "k1", sender().public_key().unwrap()).unwrap();
    legacy::Reader::new(record.with_uses(purpose), NOW)
}

// SP-58, SP-17
#[test]
fn a_legacy_stream_is_read_only_whole_and_with_a_key_for_streams() {
    let chunks = legacy_stream(&["a", "b"]);
    let read = |chunks: &[Chunk], purpose| {
        let mut reader = legacy_reader(purpose);
        chunks.iter().try_for_each(|chunk| reader.push(chunk)).and_then(|()| reader.finish())
    };
    assert_eq!(read(&chunks, Use::Stream).unwrap().data, "ab");
    assert_eq!(read(&chunks[..2], Use::Stream), Err(legacy::Error::MissingFinal));
    assert_eq!(read(&[], Use::Stream), Err(legacy::Error::Empty));
    assert_eq!(read(&chunks, Use::Envelope), Err(legacy::Error::Signature), "any 32 bytes could be a digest");
    let mut with_data = chunks.clone();
    with_data[2].data = "unsigned".to_owned();
    assert_eq!(read(&with_data, Use::Stream), Err(legacy::Error::FinalData));
    let twice = [&chunks[..], &chunks[2..]].concat();
    assert_eq!(read(&twice, Use::Stream), Err(legacy::Error::Finalized));
}

// SP-58, EN-65: one digest, two ways to cut the text into chunks.
#[test]
fn ambiguous_legacy_chunks_are_refused() {
    for (text, ambiguous) in
        [("a\n1:b", true), ("a\n:b", false), ("1:b", false), ("a\n12", false), ("a\nx\n7:", true)]
    {
        let mut reader = legacy_reader(Use::Stream);
        let pushed = reader.push(&legacy_stream(&[text])[0]);
        assert_eq!(pushed.err(), ambiguous.then_some(legacy::Error::Ambiguous), "{text:?}");
    }
}

fn pieces() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("\\PC{0,12}", 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // SP-53, SP-54, SP-55
    #[test]
    fn streams_survive_both_forms(pieces in pieces(), every in 1u16..5, mac in any::<bool>()) {
        let mode = if mac { Mode::Mac } else { Mode::Sig };
        let ends = ends(every, mode, "a");
        let (mut by_text, mut by_bytes) = (ends.reader(), ends.reader());
        let (mut texts, mut wire) = (Vec::new(), Vec::new());
        for frame in ends.write(&pieces.iter().map(String::as_str).collect::<Vec<_>>()) {
            texts.extend(bytes(&by_text.push_json(frame.to_json().as_bytes()).unwrap()));
            wire.extend(frame.to_bytes());
        }
        let (mut at, mut binary) = (0, Vec::new());
        while let Some((released, len)) = by_bytes.push_binary(&wire[at..]).unwrap() {
            binary.extend(bytes(&released));
            at += len;
            if at == wire.len() {
                break;
            }
        }
        prop_assert_eq!(&texts, &pieces.concat().into_bytes());
        prop_assert_eq!(&binary, &texts);
        prop_assert_eq!((by_text.finish(), by_bytes.finish()), (Ok(()), Ok(())));
    }

    // SP-56: whatever is changed, what is released is a front of what was written.
    #[test]
    fn a_changed_stream_releases_nothing_else(
        pieces in pieces(),
        every in 1u16..4,
        at in any::<prop::sample::Index>(),
        with in any::<u8>(),
    ) {
        let ends = ends(every, Mode::Sig, "a");
        let mut reader = ends.reader();
        let mut wire: Vec<u8> = ends.write(&pieces.iter().map(String::as_str).collect::<Vec<_>>())
            .iter().flat_map(Frame::to_bytes).collect();
        let at = at.index(wire.len());
        let changed = wire[at] != with;
        wire[at] = with;
        let (mut from, mut released) = (0, Vec::new());
        while from < wire.len() {
            match reader.push_binary(&wire[from..]) {
                Ok(Some((pieces, len))) => {
                    released.extend(bytes(&pieces));
                    from += len;
                }
                _ => break,
            }
        }
        prop_assert!(pieces.concat().as_bytes().starts_with(&released));
        prop_assert_eq!(reader.finish().is_err(), changed);
    }

    // SP-10
    #[test]
    fn no_frame_panics(input in prop::collection::vec(any::<u8>(), 0..120)) {
        for mode in MODES {
            let _ = Frame::from_bytes(mode, &input);
            let _ = Frame::from_json(mode, &input);
        }
        let _ = Chunk::from_json(&input);
    }
}

#[test]
fn tags_have_the_length_of_their_mode() {
    let sig = Frame {
        index: 0,
        data: Data::Binary(vec![1]),
        is_final: false,
        tag: Some(Tag::Signature([7; 64])),
        signature: None,
    };
    assert_eq!(Frame::from_bytes(Mode::Sig, &sig.to_bytes()).unwrap().unwrap().0, sig);
    assert_eq!(Frame::from_json(Mode::Mac, sig.to_json().as_bytes()), Err(Error::Malformed));
    assert_eq!(canonical::digest(b"").len(), 43);
}
