//! Requests and responses of the module: CBOR of `Request` and `Response` in AWS's API. A variant with fields is a map
//! from its name to a map of its fields; one without is its name.

use crate::Error;
use minicbor::{Decoder, Encoder, decode, encode};
use std::convert::Infallible;

pub(super) const INTERFACE: &str = "/dev/nsm";
/// What responses are understood here: "breaking API changes are denoted by `major_version`".
const MAJOR: u64 = 1;
/// The registers of documents are of this hash.
const DIGEST: &str = "SHA384";

/// `DescribeNSM`
pub(super) fn describe() -> Vec<u8> {
    encoded(|e| e.str("DescribeNSM")?.ok())
}

/// `Attestation`, with user data alone (AT-04).
pub(super) fn attestation(user_data: &[u8; 64]) -> Vec<u8> {
    encoded(|e| {
        e.map(1)?.str("Attestation")?.map(3)?;
        e.str("user_data")?.bytes(user_data)?;
        e.str("nonce")?.null()?.str("public_key")?.null()?.ok()
    })
}

fn encoded(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), encode::Error<Infallible>>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let written = write(&mut encoder);
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
    encoder.into_writer()
}

/// Whether the module is one that is understood.
pub(super) fn check_description(response: &[u8]) -> Result<(), Error> {
    let (mut major, mut digest) = (None, None);
    fields(response, "DescribeNSM", |name, decoder| {
        match name {
            "version_major" => major = Some(decoder.u64()?),
            "digest" => digest = Some(decoder.str()? == DIGEST),
            _ => decoder.skip()?,
        }
        Ok(())
    })?;
    match (major, digest) {
        (Some(MAJOR), Some(true)) => Ok(()),
        (Some(MAJOR), Some(false)) => Err(malformed("registers of another hash than SHA-384")),
        (Some(_), Some(_)) => Err(malformed("an interface of another version than 1")),
        _ => Err(malformed("a description without version or digest")),
    }
}

/// The document in a response.
pub(super) fn document(response: &[u8]) -> Result<Vec<u8>, Error> {
    let mut document = None;
    fields(response, "Attestation", |name, decoder| {
        match name {
            "document" => document = Some(decoder.bytes()?.to_vec()),
            _ => decoder.skip()?,
        }
        Ok(())
    })?;
    document.ok_or(malformed("an answer without a document"))
}

/// Reads the fields of the response `variant`.
fn fields(response: &[u8], variant: &str, field: impl Field) -> Result<(), Error> {
    let mut decoder = Decoder::new(response);
    match read(&mut decoder, variant, field) {
        Ok(Answer::Read) if decoder.position() == response.len() => Ok(()),
        Ok(Answer::Read) => Err(malformed("bytes behind an answer")),
        Ok(Answer::Refused(why)) => Err(Error::Nsm(why)),
        Ok(Answer::Other) => Err(malformed("an answer to another request")),
        Err(_) => Err(malformed("an answer that is not the CBOR that it has to be")),
    }
}

/// Reads one field by its name.
trait Field: FnMut(&str, &mut Decoder<'_>) -> Result<(), decode::Error> {}
impl<F: FnMut(&str, &mut Decoder<'_>) -> Result<(), decode::Error>> Field for F {}

enum Answer {
    Read,
    Refused(String),
    Other,
}

fn read(decoder: &mut Decoder<'_>, variant: &str, mut field: impl Field) -> Result<Answer, decode::Error> {
    if decoder.map()? != Some(1) {
        return Err(decode::Error::message("one pair is expected"));
    }
    let found = decoder.str()?;
    if found == "Error" {
        return Ok(Answer::Refused(shortened(decoder.str()?)));
    }
    if found != variant {
        return Ok(Answer::Other);
    }
    // The map ends with the bytes, whatever number it gives.
    for _ in 0..decoder.map()?.unwrap_or_default() {
        let name = decoder.str()?;
        field(name, decoder)?;
    }
    Ok(Answer::Read)
}

/// An error code of the module, in letters that a log can take.
fn shortened(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(32).collect()
}

fn malformed(what: &'static str) -> Error {
    Error::Malformed { interface: INTERFACE, what }
}
