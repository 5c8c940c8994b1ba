#![no_main]
//! Encapsulated answers at the client, in both forms.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::{Fixed, SELECTED, divisions};
use sealwire_message::chunk::Opened;
use sealwire_oblivious::{Error, Limits, client};

fn chunked<'a>(slices: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, Error> {
    let (_, mut response) =
        client::start_chunked(&SELECTED, &mut BytesMut::new(), &Limits::default(), &Fixed)
            .expect("it is usable");
    let mut plaintext = Vec::new();
    let mut complete = false;
    for slice in slices.map(Some).chain([None]) {
        match slice {
            Some(slice) => response.push(slice)?,
            None => response.end(),
        }
        while let Some(opened) = response.next_chunk()? {
            let (Opened::Chunk(part) | Opened::Final(part)) = &opened;
            plaintext.extend_from_slice(part);
            complete = matches!(opened, Opened::Final(_));
        }
    }
    assert!(complete, "neither complete nor an error");
    Ok(plaintext)
}

fuzz_target!(|input: &[u8]| {
    let (_, response) = client::seal_single(&SELECTED, b"", &Limits::default(), &Fixed).expect("it fits");
    let _ = response.open(BytesMut::from(input));
    let [whole, small] = divisions(input).map(chunked);
    assert_eq!(whole, small, "the division of the input changes the result");
});
