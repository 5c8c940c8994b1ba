//! What a producer looks at in its own document: over what it was made.

use super::message::INTERFACE;
use crate::Error;
use minicbor::{Decoder, data::Type, decode};

/// Checks that a document (a COSE_Sign1 without a tag) holds `user_data`, and neither nonce nor public key (AT-04).
///
/// # Errors
/// [`Error::Malformed`], [`Error::WrongReport`]
pub(super) fn check(document: &[u8], user_data: &[u8; 64]) -> Result<(), Error> {
    let held = held(document)
        .map_err(|_| Error::Malformed { interface: INTERFACE, what: "a document that is no COSE_Sign1" })?;
    if held.user_data == Some(user_data.as_slice()) && !held.others {
        Ok(())
    } else {
        Err(Error::WrongReport)
    }
}

struct Held<'a> {
    user_data: Option<&'a [u8]>,
    /// nonce or public key is there
    others: bool,
}

fn held(document: &[u8]) -> Result<Held<'_>, decode::Error> {
    let mut decoder = Decoder::new(document);
    if decoder.array()? != Some(4) {
        return Err(decode::Error::message("four items are expected"));
    }
    decoder.bytes()?;
    decoder.skip()?;
    let mut payload = Decoder::new(decoder.bytes()?);
    let mut held = Held { user_data: None, others: false };
    // The map ends with the bytes, whatever number it gives.
    for _ in 0..payload.map()?.unwrap_or_default() {
        match payload.str()? {
            "user_data" if payload.datatype()? == Type::Bytes => held.user_data = Some(payload.bytes()?),
            "nonce" | "public_key" => {
                held.others |= payload.datatype()? != Type::Null;
                payload.skip()?;
            }
            _ => payload.skip()?,
        }
    }
    Ok(held)
}
