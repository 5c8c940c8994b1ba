#![no_main]
//! Frames of EHBP at the client.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sealwire_ehbp::frame::Opened;
use sealwire_ehbp::server::{ExpectFrame, Progress, Reply};
use sealwire_ehbp::{Error, Limits, ResponseNonce, client};
use sealwire_fuzz::{EHBP, Fixed, divisions};

fn request() -> client::Request {
    client::Request::new(EHBP.config(), &Limits::default(), &Fixed).expect("it is usable")
}

/// What answers that request; it is always the same.
fn reply() -> Reply {
    let mut request = request();
    let mut frame = BytesMut::new();
    request.content.frame(&mut frame, b"x").expect("it fits");
    match ExpectFrame::new(request.enc, Limits::default()).push(&frame) {
        Ok(Progress::Frame(first)) => first.open(&EHBP).expect("it is for this key").answer,
        _ => unreachable!("a whole frame"),
    }
}

/// What is released of an answer with this nonce, and how it ends.
fn receive<'a>(
    nonce: &ResponseNonce,
    mut slices: impl Iterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), Error>) {
    let mut answer = request().answer.open(nonce, &Limits::default()).expect("keys");
    let mut content = Vec::new();
    loop {
        match answer.next_frame() {
            Ok(Some(Opened::Frame(frame))) => content.extend_from_slice(&frame),
            Ok(Some(Opened::End)) => return (content, Ok(())),
            Ok(None) => match slices.next() {
                Some(slice) => answer.push(slice),
                None => answer.end(),
            },
            Err(error) => return (content, Err(error)),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let (nonce, mut sealer) = reply().begin(&Fixed).expect("keys");
    // As it comes.
    let [whole, small] = divisions(input).map(|slices| receive(&nonce, slices));
    assert_eq!(whole, small, "the division of the input changes the result");

    // As content that our server sealed, then with one bit changed, which the first two bytes choose.
    let Some((choice, content)) = input.split_first_chunk::<2>() else { return };
    let mut sealed = BytesMut::new();
    for part in content.chunks(content.len().div_ceil(3).max(1)) {
        sealer.frames(&mut sealed, part).expect("it fits");
    }
    assert_eq!(receive(&nonce, sealed.chunks(7)), (content.to_vec(), Ok(())));
    if sealed.is_empty() {
        return;
    }
    let bit = usize::from(u16::from_be_bytes(*choice)) % (8 * sealed.len());
    sealed[bit / 8] ^= 1 << (bit % 8);
    let (released, outcome) = receive(&nonce, [&sealed[..]].into_iter());
    assert!(outcome.is_err() && content.starts_with(&released), "EH-43: bit {bit}");
});
