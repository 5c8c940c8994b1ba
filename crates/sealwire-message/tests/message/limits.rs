//! OB-70: each limit, at it and one past it.

use crate::{
    seen::{Drain, decode},
    wire::{Wire, get},
};
use bytes::BytesMut;
use sealwire_crypto::aead::{Aead, Key, Sequence, TAG_LEN};
use sealwire_message::{
    bhttp::{self, Error},
    chunk::{self, Opened, Opener, Sealer},
};

/// The outcome whole and byte by byte, which must agree.
fn outcome(request: bool, bytes: &[u8], limits: bhttp::Limits) -> Option<Error> {
    let whole = decode(request, [bytes], Drain::Eagerly, limits).err();
    assert_eq!(decode(request, bytes.chunks(1), Drain::Eagerly, limits).err(), whole);
    whole
}

fn in_trailers(headers: &[u8]) -> Vec<u8> {
    get(2).integer(0).integer(0).raw(headers).bytes.clone()
}

#[test]
fn defaults_are_those_of_the_specification() {
    let bhttp::Limits { control_data, section, fields, name, value, informational, padding } =
        bhttp::Limits::default();
    assert_eq!((control_data, section, fields, name, value), (8192, 65536, 256, 256, 16384));
    assert_eq!((informational, padding), (16, 1 << 20));
    let chunk::Limits { received_chunk, sent_chunk, chunks, message } = chunk::Limits::default();
    assert_eq!((received_chunk, sent_chunk, chunks, message), (65536, 16384, 1 << 24, 1 << 30));
}

#[test]
fn control_data() {
    // GET + https + a.example + / = 18
    let limits = |control_data| bhttp::Limits { control_data, ..Default::default() };
    assert_eq!(outcome(true, &get(0).bytes, limits(18)), None);
    assert_eq!(outcome(true, &get(0).bytes, limits(17)), Some(Error::ControlDataTooLong));
}

#[test]
fn section() {
    let limits = |section| bhttp::Limits { section, ..Default::default() };
    let lines = Wire::new(&[]).lines(&[("a", "b"), ("name", "value")]).bytes.clone();
    assert_eq!(lines.len(), 15);
    let known = get(0).vector(&lines).bytes.clone();
    let indeterminate = get(2).raw(&lines).integer(0).bytes.clone();
    let trailers = in_trailers(&[&lines[..], &[0]].concat());
    for bytes in [known, indeterminate, trailers] {
        assert_eq!(outcome(true, &bytes, limits(15)), None);
        assert_eq!(outcome(true, &bytes, limits(14)), Some(Error::SectionTooLong));
    }
    // From the length alone: nothing of the section is there.
    assert_eq!(outcome(true, &get(0).integer(15).bytes, limits(14)), Some(Error::SectionTooLong));
}

#[test]
fn fields() {
    let limits = bhttp::Limits { fields: 3, ..Default::default() };
    // A dropped pseudo-field counts too.
    let lines = |count| {
        let all = [(":p", "x"), ("a", "b"), ("a", "c"), ("a", "")];
        Wire::new(&[]).lines(&all[..count]).bytes.clone()
    };
    for (count, due) in [(3, None), (4, Some(Error::TooManyFields))] {
        assert_eq!(outcome(true, get(0).vector(&lines(count)).bytes.as_slice(), limits), due);
        assert_eq!(outcome(true, get(2).raw(&lines(count)).integer(0).bytes.as_slice(), limits), due);
    }
    // The limit is for one section, not for the message.
    let both = get(2).raw(&lines(3)).integer(0).integer(0).raw(&lines(4)[5..]).integer(0).bytes.clone();
    assert_eq!(outcome(true, &both, limits), None);
}

/// More distinct names than the map behind a section can hold is an error, not a panic, also where the limits
/// would let them pass.
#[test]
fn fields_beyond_what_a_map_holds() {
    let limits = bhttp::Limits { fields: usize::MAX, section: usize::MAX, ..Default::default() };
    let mut wire = get(2);
    for index in 0..40_000 {
        wire.lines(&[(format!("n{index}"), "")]);
    }
    wire.integer(0);
    let outcome = decode(true, [wire.bytes.as_slice()], Drain::Eagerly, limits);
    assert_eq!(outcome.err(), Some(Error::TooManyFields));
}

#[test]
fn name_and_value() {
    let limits = bhttp::Limits { name: 3, value: 5, ..Default::default() };
    for (name, value, due) in [
        ("abc", "12345", None),
        ("abcd", "12345", Some(Error::NameTooLong)),
        ("abc", "123456", Some(Error::ValueTooLong)),
    ] {
        let line = Wire::new(&[]).lines(&[(name, value)]).bytes.clone();
        assert_eq!(outcome(true, &get(0).vector(&line).bytes, limits), due);
        assert_eq!(outcome(true, &get(2).raw(&line).integer(0).bytes, limits), due);
        assert_eq!(outcome(true, &in_trailers(&[&line[..], &[0]].concat()), limits), due);
    }
    // From the length alone.
    assert_eq!(outcome(true, &get(2).integer(4).bytes, limits), Some(Error::NameTooLong));
    assert_eq!(outcome(true, &get(2).vector(b"a").integer(6).bytes, limits), Some(Error::ValueTooLong));
}

#[test]
fn informational() {
    let limits = bhttp::Limits { informational: 2, ..Default::default() };
    for indicator in [1, 3] {
        let mut wire = Wire::new(&[]);
        wire.integer(indicator).integer(103).integer(0).integer(103).integer(0);
        let two = wire.bytes.clone();
        assert_eq!(outcome(false, &[&two[..], &[0x40, 200]].concat(), limits), None);
        wire.integer(103).integer(0).integer(200);
        assert_eq!(outcome(false, &wire.bytes, limits), Some(Error::TooManyInformational));
    }
}

#[test]
fn padding() {
    let limits = bhttp::Limits { padding: 10, ..Default::default() };
    let padded = |count| get(2).raw(&[0; 3]).raw(&vec![0; count]).bytes.clone();
    assert_eq!(outcome(true, &padded(10), limits), None);
    assert_eq!(outcome(true, &padded(11), limits), Some(Error::PaddingTooLong));
    // Beyond the limit nothing is looked at.
    let mut last = padded(11);
    *last.last_mut().unwrap() = 1;
    assert_eq!(outcome(true, &last, limits), Some(Error::PaddingTooLong));
}

fn sequence() -> Sequence {
    Sequence::new(Key::new(Aead::Aes128Gcm, &[1; 16]).unwrap(), [2; 12])
}

/// A message of these chunks, the last of them final.
fn sealed(chunks: &[usize]) -> BytesMut {
    let limits = chunk::Limits { sent_chunk: 1 << 20, ..Default::default() };
    let mut sealer = Sealer::new(sequence(), limits);
    let mut out = BytesMut::new();
    let (last, before) = chunks.split_last().unwrap();
    for &len in before {
        sealer.chunk(&mut out, &[&vec![7; len]]).unwrap();
    }
    sealer.finish(&mut out, &[&vec![7; *last]]).unwrap();
    out
}

fn opened(bytes: &[u8], limits: chunk::Limits) -> Result<u64, chunk::Error> {
    let mut opener = Opener::new(sequence(), limits);
    opener.push(bytes);
    opener.end();
    let mut count = 0;
    while let Some(chunk) = opener.next_chunk()? {
        count += 1;
        if matches!(chunk, Opened::Final(_)) {
            return Ok(count);
        }
    }
    panic!("neither final nor an error");
}

// OB-22, OB-112
#[test]
fn received_chunk() {
    let limits = chunk::Limits { received_chunk: 100, ..Default::default() };
    assert_eq!(opened(&sealed(&[100, 100]), limits), Ok(2));
    assert_eq!(opened(&sealed(&[101, 0]), limits), Err(chunk::Error::ChunkTooLong));
    assert_eq!(opened(&sealed(&[100, 101]), limits), Err(chunk::Error::ChunkTooLong));
    assert_eq!(opened(&sealed(&[65536, 65536]), chunk::Limits::default()), Ok(2));
    assert_eq!(opened(&sealed(&[65537, 0]), chunk::Limits::default()), Err(chunk::Error::ChunkTooLong));

    // From the length alone; and a final chunk as soon as it is too long, before the end.
    let mut opener = Opener::new(sequence(), limits);
    opener.push(&[0x40, 101 + TAG_LEN as u8]);
    assert_eq!(opener.next_chunk(), Err(chunk::Error::ChunkTooLong));
    let mut opener = Opener::new(sequence(), limits);
    opener.push(&[0]);
    opener.push(&[9; 100 + TAG_LEN]);
    assert_eq!(opener.next_chunk(), Ok(None));
    opener.push(&[9]);
    assert_eq!(opener.next_chunk(), Err(chunk::Error::ChunkTooLong));
}

// OB-114
#[test]
fn chunks() {
    let limits = chunk::Limits { chunks: 3, ..Default::default() };
    assert_eq!(opened(&sealed(&[1, 1, 0]), limits), Ok(3));
    assert_eq!(opened(&sealed(&[1, 1, 1, 0]), limits), Err(chunk::Error::TooManyChunks));

    let mut sealer = Sealer::new(sequence(), limits);
    let mut out = BytesMut::new();
    sealer.chunk(&mut out, &[b"a"]).unwrap();
    sealer.chunk(&mut out, &[b"a"]).unwrap();
    sealer.chunk(&mut out, &[b"a"]).unwrap();
    assert_eq!(sealer.chunk(&mut out, &[b"a"]), Err(chunk::Error::TooManyChunks));
    assert_eq!(sealer.finish(&mut out, &[]), Err(chunk::Error::TooManyChunks));
}

// OB-29, OB-114
#[test]
fn message() {
    let limits = chunk::Limits { message: 10, ..Default::default() };
    assert_eq!(opened(&sealed(&[4, 4, 2]), limits), Ok(3));
    assert_eq!(opened(&sealed(&[4, 4, 3]), limits), Err(chunk::Error::MessageTooLong));
    assert_eq!(opened(&sealed(&[4, 7, 0]), limits), Err(chunk::Error::MessageTooLong));
    // From the length alone.
    let mut opener = Opener::new(sequence(), limits);
    opener.push(&[11 + TAG_LEN as u8]);
    assert_eq!(opener.next_chunk(), Err(chunk::Error::MessageTooLong));

    let mut sealer = Sealer::new(sequence(), limits);
    let mut out = BytesMut::new();
    sealer.chunk(&mut out, &[b"01234", b"56789"]).unwrap();
    let before = out.clone();
    assert_eq!(sealer.chunk(&mut out, &[b"a"]), Err(chunk::Error::MessageTooLong));
    assert_eq!(out, before);
    sealer.finish(&mut out, &[]).unwrap();
}

// OB-22, OB-24
#[test]
fn sent_chunk() {
    let limits = chunk::Limits { sent_chunk: 4, ..Default::default() };
    let mut sealer = Sealer::new(sequence(), limits);
    assert_eq!(sealer.max_chunk(), 4);
    let mut out = BytesMut::new();
    sealer.chunk(&mut out, &[b"01", b"", b"23"]).unwrap();
    let before = out.clone();
    assert_eq!(sealer.chunk(&mut out, &[b"01234"]), Err(chunk::Error::ChunkTooLong));
    assert_eq!(sealer.chunk(&mut out, &[]), Err(chunk::Error::EmptyChunk));
    assert_eq!(sealer.chunk(&mut out, &[b"", b""]), Err(chunk::Error::EmptyChunk));
    assert_eq!(out, before);
    assert_eq!(sealer.finish(&mut out, &[b"012", b"34"]), Err(chunk::Error::ChunkTooLong));
    assert_eq!(out, before);
}
