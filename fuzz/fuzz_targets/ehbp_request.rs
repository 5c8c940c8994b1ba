#![no_main]
//! Frames of EHBP at the server.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sealwire_ehbp::frame::Opened;
use sealwire_ehbp::server::{ExpectFrame, Progress};
use sealwire_ehbp::{EncapsulatedKey, Error, Limits, client};
use sealwire_fuzz::{EHBP, Fixed, divisions};

/// What is released, and how it ends.
fn receive<'a>(
    enc: EncapsulatedKey,
    mut slices: impl Iterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), Error>) {
    let mut content = Vec::new();
    let mut begun = || {
        let mut expect = ExpectFrame::new(enc, Limits::default());
        loop {
            let Some(slice) = slices.next() else { return Err(expect.end()) };
            match expect.push(slice)? {
                Progress::Expect(again) => expect = again,
                Progress::Frame(frame) => return frame.open(&EHBP),
            }
        }
    };
    let mut request = match begun() {
        Ok(begun) => begun.request,
        Err(error) => return (content, Err(error)),
    };
    loop {
        match request.next_frame() {
            Ok(Some(Opened::Frame(frame))) => {
                assert!(!frame.is_empty());
                content.extend_from_slice(&frame);
            }
            Ok(Some(Opened::End)) => return (content, Ok(())),
            Ok(None) => match slices.next() {
                Some(slice) => request.push(slice),
                None => request.end(),
            },
            Err(error) => return (content, Err(error)),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let request = || client::Request::new(EHBP.config(), &Limits::default(), &Fixed).expect("it is usable");
    // As it comes, to a key that opens nothing of it.
    let enc = request().enc;
    let [whole, small] = divisions(input).map(|slices| receive(enc, slices));
    assert_eq!(whole, small, "the division of the input changes the result");

    // As content that our client sealed in small frames, then with one bit changed, which the first two bytes choose.
    let Some((choice, content)) = input.split_first_chunk::<2>() else { return };
    if content.is_empty() {
        return;
    }
    let mut client = request();
    let mut sealed = BytesMut::new();
    for part in content.chunks(content.len().div_ceil(3)) {
        client.content.frames(&mut sealed, part).expect("it fits");
    }
    for slices in divisions(&sealed) {
        assert_eq!(receive(enc, slices), (content.to_vec(), Ok(())));
    }
    let bit = usize::from(u16::from_be_bytes(*choice)) % (8 * sealed.len());
    sealed[bit / 8] ^= 1 << (bit % 8);
    let (released, outcome) = receive(enc, [&sealed[..]].into_iter());
    assert!(outcome.is_err() && content.starts_with(&released), "EH-43: bit {bit}");
});
