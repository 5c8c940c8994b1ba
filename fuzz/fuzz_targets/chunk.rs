#![no_main]
//! Chunk framing, with a cipher that the fuzzer can forge, so that it gets behind the tags.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sealwire_crypto::aead::TAG_LEN;
use sealwire_fuzz::divisions;
use sealwire_message::chunk::{Error, Limits, Open, Opened, Opener, Seal, Sealer};

/// Plaintext and ciphertext are one; a tag is sixteen times the length of the additional data.
struct Plain;

fn tag(aad: &[u8]) -> [u8; TAG_LEN] {
    [aad.len() as u8; TAG_LEN]
}

impl Open for Plain {
    fn open<'a>(&mut self, aad: &[u8], data: &'a mut [u8]) -> Result<&'a mut [u8], sealwire_crypto::Error> {
        let (plaintext, found) =
            data.split_last_chunk_mut::<TAG_LEN>().ok_or(sealwire_crypto::Error::Open)?;
        if *found == tag(aad) { Ok(plaintext) } else { Err(sealwire_crypto::Error::Open) }
    }
}

impl Seal for Plain {
    fn seal(&mut self, aad: &[u8], _: &mut [u8]) -> Result<[u8; TAG_LEN], sealwire_crypto::Error> {
        Ok(tag(aad))
    }
}

/// Small enough to be reached.
const LIMITS: Limits = Limits { received_chunk: 1000, sent_chunk: 300, chunks: 20, message: 5000 };

fn open<'a>(slices: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, Error> {
    let mut opener = Opener::new(Plain, LIMITS);
    let (mut chunks, mut complete) = (Vec::new(), false);
    let mut slices = slices;
    loop {
        let slice = slices.next();
        match slice {
            Some(slice) => opener.push(slice),
            None => opener.end(),
        }
        while let Some(opened) = opener.next_chunk()? {
            assert!(!complete, "a chunk after the last");
            match opened {
                Opened::Chunk(chunk) => {
                    assert!(!chunk.is_empty());
                    chunks.push(chunk.to_vec());
                }
                Opened::Final(chunk) => {
                    complete = true;
                    chunks.push(chunk.to_vec());
                }
            }
        }
        if slice.is_none() {
            break;
        }
    }
    assert!(complete, "neither complete nor an error");
    Ok(chunks)
}

fuzz_target!(|input: &[u8]| {
    // Where several limits are passed at once, any of them may be named.
    let open = |slices| {
        open(slices).map_err(|error| match error {
            Error::ChunkTooLong | Error::MessageTooLong => Error::TooManyChunks,
            other => other,
        })
    };
    let [whole, small] = divisions(input).map(open);
    assert_eq!(whole, small, "the division of the input changes the result");
    let Ok(chunks) = whole else { return };
    assert!(
        chunks.len() as u64 <= LIMITS.chunks
            && chunks.iter().all(|chunk| chunk.len() <= LIMITS.received_chunk)
    );

    let message = chunks.concat();
    assert!(message.len() as u64 <= LIMITS.message);
    let mut sealed = BytesMut::new();
    let mut sealer = Sealer::new(Plain, LIMITS);
    // Shorter chunks than came in may be too many.
    if sealer.chunks(&mut sealed, &message).is_ok() && sealer.finish(&mut sealed, &[]).is_ok() {
        assert_eq!(open(sealed.chunks(sealed.len())).map(|chunks| chunks.concat()), Ok(message));
    }
});
