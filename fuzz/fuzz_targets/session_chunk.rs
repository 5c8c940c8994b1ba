#![no_main]
//! Plaintexts of a session's chunks: sealed with the right key, so that the fuzzer gets behind the tags.
//!
//! An input is plaintexts, each behind its length in two bytes; the last has what is left.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sealwire_crypto::aead::{Aead, Key, Sequence};
use sealwire_fuzz::divisions;
use sealwire_message::{
    chunk::{Limits, Sealer},
    varint,
};
use sealwire_session::{
    Error,
    request::{self, Opened, Opener, Padding},
};

const LIMITS: Limits = Limits { received_chunk: 1 << 16, sent_chunk: 1 << 16, chunks: 100, message: 1 << 17 };

fn sequence() -> Sequence {
    Sequence::new(Key::new(Aead::Aes128Gcm, &[7; 16]).unwrap(), [7; 12])
}

/// `varint(n) || data[n] || zeros`, read in another way.
fn expected(plaintext: &[u8]) -> Option<&[u8]> {
    let (len, size) = varint::peek(plaintext)?;
    let (data, zeros) = plaintext.get(size..)?.split_at_checked(usize::try_from(len).ok()?)?;
    zeros.iter().all(|byte| *byte == 0).then_some(data)
}

fn open<'a>(slices: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, Error> {
    let mut opener = Opener::new(sequence(), LIMITS);
    let mut data = Vec::new();
    for slice in slices.map(Some).chain([None]) {
        match slice {
            Some(slice) => opener.push(slice),
            None => opener.end(),
        }
        while let Some(opened) = opener.next_data()? {
            let (Opened::Data(more) | Opened::Final(more)) = opened;
            data.extend_from_slice(&more);
        }
    }
    Ok(data)
}

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let mut plaintexts = Vec::new();
    while let Some((len, after)) = rest.split_first_chunk::<2>()
        && let Some((plaintext, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))
        && plaintexts.len() < 90
    {
        rest = after;
        if !plaintext.is_empty() {
            plaintexts.push(plaintext);
        }
    }
    let mut body = BytesMut::new();
    let mut sealer = Sealer::new(sequence(), LIMITS);
    let sealed = plaintexts.iter().all(|plaintext| sealer.chunk(&mut body, &[plaintext]).is_ok());
    if !sealed || sealer.finish(&mut body, &[rest]).is_err() {
        return;
    }
    let data: Option<Vec<_>> = plaintexts.into_iter().chain([rest]).map(expected).collect();
    let data = data.map(|data| data.concat());
    for slices in divisions(&body) {
        assert_eq!(open(slices).ok(), data, "the length, the data, and nothing but zeros");
    }

    // What was read is written, and read again.
    let Some(data) = data else { return };
    let mut body = BytesMut::new();
    let mut sealer = request::Sealer::new(sequence(), Padding::To(64), LIMITS);
    if sealer.seal(&mut body, &data).is_ok() && sealer.finish(&mut body, &[]).is_ok() {
        assert_eq!(open(body.chunks(body.len())), Ok(data));
    }
});
