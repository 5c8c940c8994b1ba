//! Vectors, and what opens them.
#![allow(dead_code, unreachable_pub)]

use bytes::BytesMut;
use sealwire_crypto::kem::{Kem, PrivateKey};
use sealwire_ehbp::{
    EncapsulatedKey, Error, Limits,
    frame::{Open, Opened, Opener},
    server::{Begun, ExpectFrame, FirstFrame, Progress, ServerKey},
};
use serde_json::Value;
use std::path::PathBuf;

/// The vectors in `name`, or `None` with a line that says so where they are not at hand. In CI they must be.
pub fn load(name: &str) -> Option<Value> {
    let shared = std::env::var_os("SEALWIRE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("vectors/ehbp").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(error) => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{}: {error}", path.display());
            println!("skipped: no {}", path.display());
            None
        }
    }
}

/// The bytes of a field in hex.
pub fn bytes(value: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(value, field)).unwrap()
}

pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

pub fn server_key(private: &[u8]) -> ServerKey {
    ServerKey::new(PrivateKey::from_bytes(Kem::X25519, private).unwrap()).unwrap()
}

/// Reads on to the first frame, in slices of `size`; also what is left of the body.
pub fn first(
    enc: EncapsulatedKey,
    body: &[u8],
    size: usize,
    limits: Limits,
) -> Result<(FirstFrame, Vec<Vec<u8>>), Error> {
    let mut slices = body.chunks(size.max(1));
    let mut expect = ExpectFrame::new(enc, limits);
    loop {
        let Some(slice) = slices.next() else { return Err(expect.end()) };
        match expect.push(slice)? {
            Progress::Expect(again) => expect = again,
            Progress::Frame(frame) => return Ok((frame, slices.map(<[u8]>::to_vec).collect())),
        }
    }
}

/// What is released of a body, and how it ends.
pub fn rest<O: Open>(opener: &mut Opener<O>, slices: Vec<Vec<u8>>) -> (Vec<u8>, Result<(), Error>) {
    let mut slices = slices.into_iter();
    let mut released = Vec::new();
    loop {
        match opener.next_frame() {
            Ok(Some(Opened::Frame(content))) => {
                assert!(!content.is_empty());
                released.extend_from_slice(&content);
            }
            Ok(Some(Opened::End)) => return (released, Ok(())),
            Ok(None) => match slices.next() {
                Some(slice) => opener.push(&slice),
                None => opener.end(),
            },
            Err(error) => {
                assert_eq!(opener.next_frame(), Err(error), "an error stands");
                return (released, Err(error));
            }
        }
    }
}

/// What a server releases of a whole request, and how it ends.
pub fn receive(
    key: &ServerKey,
    field: &[u8],
    body: &[u8],
    size: usize,
    limits: Limits,
) -> (Vec<u8>, Result<(), Error>) {
    let begun = || -> Result<(Begun, Vec<Vec<u8>>), Error> {
        let (frame, slices) = first(EncapsulatedKey::from_field(field)?, body, size, limits)?;
        Ok((frame.open(key)?, slices))
    };
    match begun() {
        Ok((mut begun, slices)) => rest(&mut begun.request, slices),
        Err(error) => (Vec::new(), Err(error)),
    }
}

/// `body` in slices of `size`.
pub fn slices(body: &[u8], size: usize) -> Vec<Vec<u8>> {
    body.chunks(size.max(1)).map(<[u8]>::to_vec).collect()
}

/// A frame of no length.
pub fn empty_frame(out: &mut BytesMut) {
    out.extend_from_slice(&[0; 4]);
}
