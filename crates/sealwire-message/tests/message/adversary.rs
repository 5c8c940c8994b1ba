//! OB-109, OB-110, OB-113: somebody between the two who may do anything with the bytes but has no key.

use crate::{
    chunks::{open, seal, sequence},
    wire::integer,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use sealwire_message::{chunk::Error, varint};

/// One thing done to the frames of a message.
#[derive(Debug, Clone)]
enum Tamper {
    Swap(Index, Index),
    Drop(Index),
    Repeat(Index),
    Flip(Index, Index),
    Cut(Index, Index),
    Append(Index, u8),
    /// A frame of another exchange.
    Splice(Index, Index),
    /// Ends the message at a frame by giving it the final marker.
    MarkFinal(Index),
    /// Gives the final frame a length.
    MarkNotFinal,
}

fn tamper() -> impl Strategy<Value = Tamper> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(a, b)| Tamper::Swap(a, b)),
        index().prop_map(Tamper::Drop),
        index().prop_map(Tamper::Repeat),
        (index(), index()).prop_map(|(a, b)| Tamper::Flip(a, b)),
        (index(), index()).prop_map(|(a, b)| Tamper::Cut(a, b)),
        (index(), any::<u8>()).prop_map(|(a, b)| Tamper::Append(a, b)),
        (index(), index()).prop_map(|(a, b)| Tamper::Splice(a, b)),
        index().prop_map(Tamper::MarkFinal),
        Just(Tamper::MarkNotFinal),
    ]
}

impl Tamper {
    fn apply(&self, frames: &mut Vec<Vec<u8>>, other: &[Vec<u8>]) {
        if frames.is_empty() {
            return;
        }
        let len = frames.len();
        match self {
            Self::Swap(a, b) => frames.swap(a.index(len), b.index(len)),
            Self::Drop(at) => drop(frames.remove(at.index(len))),
            Self::Repeat(at) => frames.insert(at.index(len), frames[at.index(len)].clone()),
            Self::Flip(at, bit) => {
                let frame = &mut frames[at.index(len)];
                let bit = bit.index(8 * frame.len().max(1));
                if let Some(byte) = frame.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Cut(at, to) => {
                let frame = &mut frames[at.index(len)];
                frame.truncate(to.index(frame.len().max(1)));
            }
            Self::Append(at, byte) => frames[at.index(len)].push(*byte),
            Self::Splice(at, from) => frames[at.index(len)] = other[from.index(other.len())].clone(),
            Self::MarkFinal(at) => {
                let at = at.index(len);
                if let Some(first) = frames[at].first_mut() {
                    *first = 0;
                }
                frames.truncate(at + 1);
            }
            Self::MarkNotFinal => {
                if let Some(frame) = frames.last_mut().filter(|frame| frame.len() < 64 && !frame.is_empty()) {
                    frame[0] = frame.len() as u8 - 1;
                }
            }
        }
    }
}

/// The same message with lengths in their shortest form: their form is not authenticated (OB-23), so that a byte `40`
/// before the final marker changes nothing.
fn canonical(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((len, size)) = varint::peek(bytes) {
        let body = if len == 0 { usize::MAX } else { usize::try_from(len).unwrap() };
        let end = size.saturating_add(body).min(bytes.len());
        out.extend(integer(len, 1));
        out.extend_from_slice(&bytes[size..end]);
        bytes = &bytes[end..];
    }
    out.extend_from_slice(bytes);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_passes_but_what_was_sent(
        // Short chunks, so that every length prefix has one byte and frames are told apart by their tags alone.
        chunks in vec(vec(any::<u8>(), 1..30), 0..6),
        last in vec(any::<u8>(), 0..30),
        tampers in vec(tamper(), 1..4),
        size in 1_usize..100,
    ) {
        let mut frames = seal(1, &chunks, &last);
        let sent = frames.concat();
        let other = seal(2, &chunks, &last);
        for tamper in &tampers {
            tamper.apply(&mut frames, &other);
        }
        let bytes = frames.concat();
        let yielded = open(1, bytes.chunks(size));
        // What came out was sent, in its order, from the beginning.
        prop_assert!(chunks.starts_with(&yielded.chunks));
        if canonical(&bytes) == sent {
            prop_assert_eq!((yielded.last, yielded.error), (Some(last), None));
        } else {
            prop_assert_eq!(yielded.last, None);
            prop_assert!(yielded.error.is_some());
        }
    }
}

// OB-109: the additional data of a final chunk and of another are not exchangeable.
#[test]
fn final_and_not_final_are_not_exchangeable() {
    let mut data = *b"data";
    let tag = sequence(1).seal(b"", &mut data).unwrap();
    let marked_final = [&[0][..], &data, &tag].concat();
    assert_eq!(open(1, [marked_final.as_slice()]).error, Some(Error::Open));

    let mut data = *b"data";
    let mut raw = sequence(1);
    let tag = raw.seal(b"final", &mut data).unwrap();
    let end = raw.seal(b"final", &mut []).unwrap();
    let marked_not_final = [&[20][..], &data, &tag, &[0], &end].concat();
    assert_eq!(open(1, [marked_not_final.as_slice()]).error, Some(Error::Open));
}

// OB-110
#[test]
fn order_and_number_are_authenticated() {
    let chunks = [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
    let frames = seal(1, &chunks, b"");
    let take = |order: &[usize]| {
        let bytes: Vec<u8> = order.iter().flat_map(|&index| frames[index].clone()).collect();
        let yielded = open(1, [bytes.as_slice()]);
        (yielded.chunks.len(), yielded.error)
    };
    assert_eq!(take(&[0, 1, 2, 3]), (3, None));
    assert_eq!(take(&[1, 0, 2, 3]), (0, Some(Error::Open)));
    assert_eq!(take(&[0, 0, 1, 2, 3]), (1, Some(Error::Open)));
    assert_eq!(take(&[0, 2, 3]), (1, Some(Error::Open)));
    assert_eq!(take(&[0, 1, 3]), (2, Some(Error::Open)));
    assert_eq!(take(&[0, 1, 2]), (3, Some(Error::Truncated)));
    let spliced = [frames[0].clone(), seal(2, &chunks, b"")[1].clone()].concat();
    assert_eq!(open(1, [spliced.as_slice()]).error, Some(Error::Open));
}

// OB-113: nothing tells what follows the final chunk from a part of it, so its tag fails.
#[test]
fn bytes_after_the_final_chunk() {
    let bytes = [seal(1, &[b"a".to_vec()], b"z").concat(), vec![0]].concat();
    let yielded = open(1, [bytes.as_slice()]);
    assert_eq!((yielded.chunks.len(), yielded.error), (1, Some(Error::Open)));
}
