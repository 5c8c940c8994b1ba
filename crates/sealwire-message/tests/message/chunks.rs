//! Chunk framing: round trips, cuts, and where the bytes lie.

use crate::properties::split;
use bytes::BytesMut;
use proptest::{collection::vec, prelude::*};
use sealwire_crypto::aead::{Aead, Key, Sequence, TAG_LEN};
use sealwire_message::chunk::{Error, Limits, Opened, Opener, Seal, Sealer};

pub(crate) fn sequence(key: u8) -> Sequence {
    Sequence::new(Key::new(Aead::Aes128Gcm, &[key; 16]).unwrap(), [3; 12])
}

/// What an opener has yielded, asked after every push.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Yielded {
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) last: Option<Vec<u8>>,
    pub(crate) error: Option<Error>,
}

impl Yielded {
    fn take_from(&mut self, opener: &mut Opener<Sequence>) -> bool {
        loop {
            match opener.next_chunk() {
                Ok(Some(opened)) => {
                    assert_eq!(self.last, None, "a chunk after the final one");
                    match opened {
                        Opened::Chunk(plaintext) => {
                            assert!(!plaintext.is_empty());
                            self.chunks.push(plaintext.to_vec());
                        }
                        Opened::Final(plaintext) => self.last = Some(plaintext.to_vec()),
                    }
                }
                Ok(None) => return true,
                Err(error) => {
                    opener.push(b"more");
                    assert_eq!(opener.next_chunk(), Err(error), "an error is repeated");
                    self.error = Some(error);
                    return false;
                }
            }
        }
    }
}

pub(crate) fn open<'a>(key: u8, slices: impl IntoIterator<Item = &'a [u8]>) -> Yielded {
    let mut opener = Opener::new(sequence(key), Limits::default());
    let mut yielded = Yielded::default();
    for slice in slices {
        opener.push(slice);
        if !yielded.take_from(&mut opener) {
            return yielded;
        }
    }
    opener.end();
    if yielded.take_from(&mut opener) {
        // OB-156: after end() there is nothing left to wait for.
        assert!(yielded.last.is_some(), "neither final nor an error");
    }
    yielded
}

/// The frames of a message, the last one final.
pub(crate) fn seal(key: u8, chunks: &[Vec<u8>], last: &[u8]) -> Vec<Vec<u8>> {
    let mut sealer = Sealer::new(sequence(key), Limits::default());
    let mut frames = Vec::new();
    for chunk in chunks {
        let mut out = BytesMut::new();
        sealer.chunk(&mut out, &[chunk]).unwrap();
        frames.push(out.to_vec());
    }
    let mut out = BytesMut::new();
    sealer.finish(&mut out, &[last]).unwrap();
    frames.push(out.to_vec());
    frames
}

fn plaintexts() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<u8>)> {
    (vec(vec(any::<u8>(), 1..200), 0..6), vec(any::<u8>(), 0..200))
}

proptest! {
    // OB-21, OB-25, OB-156
    #[test]
    fn any_slices((chunks, last) in plaintexts(), lengths in vec(0_usize..300, 1..6)) {
        let bytes = seal(1, &chunks, &last).concat();
        let due = Yielded { chunks, last: Some(last), error: None };
        prop_assert_eq!(&open(1, split(&bytes, &lengths)), &due);
        prop_assert_eq!(&open(1, bytes.chunks(1)), &due);
        // Asked once only, at the end.
        prop_assert_eq!(&open(1, [bytes.as_slice()]), &due);
    }

    // OB-108, OB-113: cut at every byte.
    #[test]
    fn a_cut_message_is_never_complete((chunks, last) in plaintexts(), size in 1_usize..60) {
        let frames = seal(1, &chunks, &last);
        let bytes = frames.concat();
        for cut in 0..bytes.len() {
            let yielded = open(1, bytes[..cut].chunks(size));
            prop_assert_eq!(yielded.last, None);
            prop_assert!(chunks.starts_with(&yielded.chunks));
            let final_from = bytes.len() - frames[frames.len() - 1].len();
            // With the marker and room for a tag there, only the tag can tell.
            let due = if cut > final_from + TAG_LEN { Error::Open } else { Error::Truncated };
            prop_assert_eq!(yielded.error, Some(due), "cut at {}", cut);
        }
    }

    // OB-22: a long plaintext is cut at the limit of a sender.
    #[test]
    fn long_plaintext(len in 0_usize..1000, sent_chunk in 1_usize..200) {
        let plaintext: Vec<u8> = (0..len).map(|index| index as u8).collect();
        let mut sealer = Sealer::new(sequence(1), Limits { sent_chunk, ..Limits::default() });
        let mut out = BytesMut::new();
        sealer.chunks(&mut out, &plaintext).unwrap();
        sealer.finish(&mut out, &[]).unwrap();
        let yielded = open(1, [&out[..]]);
        prop_assert_eq!(yielded.chunks.len(), len.div_ceil(sent_chunk));
        prop_assert!(yielded.chunks.iter().all(|chunk| chunk.len() <= sent_chunk));
        prop_assert_eq!(yielded.chunks.concat(), plaintext);
        prop_assert_eq!(yielded.last, Some(Vec::new()));
    }
}

// OB-23: the length is not authenticated and may be wide, also the zero.
#[test]
fn both_forms_of_a_length() {
    let frames = seal(1, &[vec![5; 12]], b"end");
    assert_eq!(frames[0][0], 28, "sending uses the shortest form");
    for wide in [1, 2, 4, 8] {
        let bytes = [
            &crate::wire::integer(28, wide)[..],
            &frames[0][1..],
            &crate::wire::integer(0, wide)[..],
            &frames[1][1..],
        ]
        .concat();
        let yielded = open(1, bytes.chunks(1));
        assert_eq!((yielded.chunks, yielded.last), (vec![vec![5; 12]], Some(b"end".to_vec())));
    }
}

// OB-24, OB-111, OB-112, OB-154
#[test]
fn short_lengths_are_refused_from_the_length_alone() {
    for len in 1..=16_u64 {
        let due = if len == 16 { Error::EmptyChunk } else { Error::ChunkTooShort };
        for wide in [1, 8] {
            assert_eq!(open(1, [&crate::wire::integer(len, wide)[..]]).error, Some(due));
        }
    }
    // An empty chunk that authenticates, in the place where it would.
    let mut raw = sequence(1);
    let tag = raw.seal(b"", &mut []).unwrap();
    let last = raw.seal(b"final", &mut []).unwrap();
    let bytes = [&[16][..], &tag, &[0], &last].concat();
    assert_eq!(open(1, [bytes.as_slice()]).error, Some(Error::EmptyChunk));
    assert_eq!(open(1, bytes.chunks(1)), Yielded { error: Some(Error::EmptyChunk), ..Yielded::default() });
}

// OB-112, OB-155
#[test]
fn lengths_above_what_follows() {
    for len in [65537 + 16, 1 << 32, (1 << 62) - 1] {
        assert_eq!(open(1, [&crate::wire::integer(len, 1)[..]]).error, Some(Error::ChunkTooLong), "{len}");
    }
    let frame = seal(1, &[vec![1; 50]], b"").remove(0);
    let longer = [&[frame[0] + 1], &frame[1..]].concat();
    assert_eq!(open(1, [longer.as_slice()]).error, Some(Error::Truncated));
}

// OB-25: chunks come out before the end is known, the final one only with it.
#[test]
fn chunks_are_yielded_as_they_arrive() {
    let frames = seal(1, &[b"one".to_vec(), b"two".to_vec()], b"three");
    let mut opener = Opener::new(sequence(1), Limits::default());
    opener.push(&frames[0]);
    assert_eq!(opener.next_chunk(), Ok(Some(Opened::Chunk("one".into()))));
    assert_eq!(opener.next_chunk(), Ok(None));
    opener.push(&[&frames[1][..], &frames[2][..]].concat());
    assert_eq!(opener.next_chunk(), Ok(Some(Opened::Chunk("two".into()))));
    assert_eq!(opener.next_chunk(), Ok(None));
    opener.end();
    assert_eq!(opener.next_chunk(), Ok(Some(Opened::Final("three".into()))));
    assert_eq!(opener.next_chunk(), Ok(None));
    opener.push(b"late");
    assert_eq!(opener.next_chunk(), Ok(None));
}

/// One buffer serves a long message whose chunks are dropped as they are used.
#[test]
fn memory_is_used_again() {
    let mut sealer = Sealer::new(sequence(1), Limits::default());
    let mut opener = Opener::new(sequence(1), Limits::default());
    let mut out = BytesMut::new();
    let (mut lowest, mut highest) = (usize::MAX, 0);
    for index in 0..2000_usize {
        out.clear();
        sealer.chunk(&mut out, &[&vec![index as u8; 1 + index * 37 % 16384]]).unwrap();
        for slice in out.chunks(9000) {
            opener.push(slice);
            while let Some(Opened::Chunk(chunk)) = opener.next_chunk().unwrap() {
                assert!(chunk.iter().all(|&byte| byte == index as u8));
                // The first chunks make the buffer grow to its size.
                if index > 1000 {
                    lowest = lowest.min(chunk.as_ptr() as usize);
                    highest = highest.max(chunk.as_ptr() as usize + chunk.len());
                }
            }
        }
    }
    assert!(highest - lowest <= 128 << 10, "{} bytes", highest - lowest);
}

/// Chunks are sealed where they are written: into room that is there, nothing is moved.
#[test]
fn sealing_is_in_place() {
    let mut out = BytesMut::with_capacity(1000);
    out.extend_from_slice(b"before");
    let at = out.as_ptr();
    let mut sealer = Sealer::new(sequence(1), Limits::default());
    sealer.chunk(&mut out, &[b"plain", b"text"]).unwrap();
    assert_eq!(out.as_ptr(), at);
    assert_eq!(out.len(), 6 + 1 + 9 + TAG_LEN);
    assert_eq!(&out[..7], b"before\x19");
    assert_eq!(open(1, [&out[6..]]).chunks, [b"plaintext".to_vec()]);
}

/// A sequence whose key may not be used again.
struct UsedUp;

impl Seal for UsedUp {
    fn seal(&mut self, _: &[u8], data: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error> {
        data.fill(0);
        Err(sealwire_crypto::Error::Limit)
    }
}

// OB-29: no plaintext stays in the buffer when sealing fails.
#[test]
fn a_used_up_sequence_leaves_nothing_behind() {
    let mut out = BytesMut::from(&b"before"[..]);
    let mut sealer = Sealer::new(UsedUp, Limits::default());
    assert_eq!(sealer.chunk(&mut out, &[b"plain"]), Err(Error::Sequence));
    assert_eq!(sealer.chunks(&mut out, b"plain"), Err(Error::Sequence));
    assert_eq!(sealer.finish(&mut out, &[b"plain"]), Err(Error::Sequence));
    assert_eq!(&out[..], b"before");
}
