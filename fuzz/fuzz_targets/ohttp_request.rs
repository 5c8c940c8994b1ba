#![no_main]
//! Encapsulated requests at the gateway, in both forms.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::{Fixed, GATEWAY, SELECTED, divisions};
use sealwire_message::chunk::Opened;
use sealwire_oblivious::gateway::{Header, open_chunked, open_single};
use sealwire_oblivious::{Error, Limits, client};

fn single(message: &[u8]) -> Result<Vec<u8>, Error> {
    let (header, key) = Header::parse(message, |id| (id == GATEWAY.config().key_id).then_some(&*GATEWAY))?;
    open_single(header, key, BytesMut::from(message), &Limits::default())
        .map(|opened| opened.plaintext.to_vec())
}

fn chunked(message: &[u8], division: usize) -> Result<Vec<u8>, Error> {
    let (header, key) = Header::parse(message, |id| (id == GATEWAY.config().key_id).then_some(&*GATEWAY))?;
    let (prefix, body) = message.split_at_checked(header.prefix_len()).unwrap_or((message, &[]));
    let mut chunks = open_chunked(header, key, prefix, &Limits::default())?.chunks;
    let mut plaintext = Vec::new();
    let mut complete = false;
    let slices = divisions(body).into_iter().nth(division).into_iter().flatten();
    for slice in slices.map(Some).chain([None]) {
        match slice {
            Some(slice) => chunks.push(slice),
            None => chunks.end(),
        }
        while let Some(opened) = chunks.next_chunk()? {
            let (Opened::Chunk(part) | Opened::Final(part)) = &opened;
            plaintext.extend_from_slice(part);
            complete = matches!(opened, Opened::Final(_));
        }
    }
    assert!(complete, "neither complete nor an error");
    Ok(plaintext)
}

fuzz_target!(|input: &[u8]| {
    // As it comes.
    let _ = single(input);
    assert_eq!(chunked(input, 0), chunked(input, 1), "the division of the input changes the result");

    // As a message that our client sealed, then with one bit changed, which the first two bytes choose.
    let Some((choice, plaintext)) = input.split_first_chunk::<2>() else { return };
    let limits = Limits::default();
    let (sealed, _) = client::seal_single(&SELECTED, plaintext, &limits, &Fixed).expect("it fits");
    assert_eq!(single(&sealed).as_deref(), Ok(plaintext));
    let bit = usize::from(u16::from_be_bytes(*choice)) % (8 * sealed.len());
    let mut changed = sealed.to_vec();
    changed[bit / 8] ^= 1 << (bit % 8);
    assert!(single(&changed).is_err(), "OB-105: bit {bit}");
});
