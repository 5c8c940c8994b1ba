//! OB-31, OB-121, OB-158: a message cut at every byte.

use crate::{
    properties::message,
    seen::{Drain, Seen, decode},
    wire::{self, get},
};
use proptest::{collection::vec, prelude::*, sample::select};
use sealwire_message::bhttp::{Error, Limits};

/// What a message cut after its control data, header section or content says; a part that is missing is empty.
fn kept(seen: &Seen, parts: usize) -> Seen {
    let mut seen = seen.clone();
    if parts < 3 {
        seen.trailers.clear();
    }
    if parts < 2 {
        seen.content.clear();
    }
    if parts < 1 {
        seen.headers.clear();
    }
    seen
}

proptest! {
    #[test]
    fn every_cut_is_legal_or_an_error(
        seen in message(),
        known: bool,
        widths in vec(select(vec![1_usize, 2, 4, 8]), 0..4),
        size in 1_usize..50,
    ) {
        let written = wire::write(&seen, known, &widths, &[70], 3);
        for cut in 0..written.bytes.len() {
            let legal = match written.cuts.iter().position(|&at| at == cut) {
                Some(parts) => Some(parts),
                // inside the padding
                None if cut > written.cuts[3] => Some(3),
                None => None,
            };
            let decoded =
                decode(seen.is_request(), written.bytes[..cut].chunks(size), Drain::Eagerly, Limits::default());
            match legal {
                Some(parts) => prop_assert_eq!(decoded, Ok(kept(&seen, parts)), "cut at {}", cut),
                None => {
                    let error = decoded.unwrap_err();
                    let informational = !seen.informational.is_empty();
                    prop_assert!(
                        error == Error::Truncated || (informational && error == Error::NoFinalResponse),
                        "cut at {}: {:?}", cut, error
                    );
                }
            }
        }
    }
}

// OB-129: a cut is no way around content-length.
#[test]
fn a_missing_content_is_held_against_content_length() {
    for indicator in [0, 2] {
        let line = [("content-length", "1")];
        let mut wire = get(indicator);
        if indicator == 0 {
            wire.vector(&wire::Wire::new(&[]).lines(&line).bytes);
        } else {
            wire.lines(&line).integer(0);
        }
        let decoded = decode(true, [wire.bytes.as_slice()], Drain::Eagerly, Limits::default());
        assert_eq!(decoded, Err(Error::ContentLength));
    }
}

// OB-121, OB-125
#[test]
fn an_informational_response_is_never_the_end() {
    for (bytes, error) in [
        (&[1, 0x40, 103][..], Error::Truncated),
        (&[1, 0x40, 103, 0][..], Error::NoFinalResponse),
        (&[3, 0x40, 103][..], Error::Truncated),
        (&[3, 0x40, 103, 0][..], Error::NoFinalResponse),
        (&[3, 0x40, 103, 0, 0x40][..], Error::Truncated),
        (&[3][..], Error::Truncated),
    ] {
        assert_eq!(decode(false, [bytes], Drain::Eagerly, Limits::default()), Err(error), "{bytes:?}");
    }
}
