//! The bytes of a list: deterministic CBOR, signed as one string, so that what was signed is what is read.

use super::{Error, RevocationList, SignedList};
use crate::{
    UnixTime,
    cbor::{self, Reader},
};
use minicbor::Encoder;
use std::collections::BTreeSet;

/// Separates what an operator signs here from anything else that its key might sign.
const CONTEXT: &str = "sealwire/1 revocation list";
/// Longest list in bytes.
pub const MAX_LIST: usize = 1024 * 1024;
/// Most entries of one sort.
pub const MAX_ENTRIES: u64 = 16 * 1024;
/// Longest register, and longest hardware id, in bytes.
pub const MAX_VALUE: usize = 64;

/// What is signed: the context, and the exact bytes of the body.
pub(super) fn signed_bytes(body: &[u8]) -> Vec<u8> {
    cbor::encode(|e| e.array(2)?.str(CONTEXT)?.bytes(body)?.ok())
}

pub(super) fn encode_body(list: &RevocationList) -> Vec<u8> {
    let RevocationList { serial, issued_at, next_update, measurements, hardware_ids, documents, keys } = list;
    cbor::encode(|e| {
        e.map(7)?.u8(0)?.u64(*serial)?.u8(1)?.u64(issued_at.0)?.u8(2)?.u64(next_update.0)?;
        write_set(e.u8(3)?, measurements)?;
        write_set(e.u8(4)?, hardware_ids)?;
        write_set(e.u8(5)?, documents)?;
        write_set(e.u8(6)?, keys)
    })
}

fn write_set<T: AsRef<[u8]>>(e: &mut Encoder<Vec<u8>>, set: &BTreeSet<T>) -> cbor::Written {
    e.array(set.len() as u64)?;
    for item in set {
        e.bytes(item.as_ref())?;
    }
    Ok(())
}

pub(super) fn encode(key: &[u8; 32], body: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    cbor::encode(|e| e.map(3)?.u8(0)?.bytes(key)?.u8(1)?.bytes(body)?.u8(2)?.bytes(signature)?.ok())
}

pub(super) fn decode(bytes: &[u8]) -> Result<SignedList, Error> {
    if bytes.len() > MAX_LIST {
        return Err(Error::Bounds);
    }
    let mut reader = Reader::new(bytes);
    fields(&mut reader, 3)?;
    field(&mut reader, 0)?;
    let key = reader.fixed()?;
    field(&mut reader, 1)?;
    let body = reader.bytes(MAX_LIST)?;
    field(&mut reader, 2)?;
    let signature = reader.fixed()?;
    reader.finish()?;
    Ok(SignedList { list: decode_body(body)?, key, body: body.to_vec(), signature })
}

fn decode_body(body: &[u8]) -> Result<RevocationList, Error> {
    let mut reader = Reader::new(body);
    fields(&mut reader, 7)?;
    let mut number = |key| {
        field(&mut reader, key)?;
        Ok::<_, Error>(reader.uint()?)
    };
    let (serial, issued_at, next_update) = (number(0)?, UnixTime(number(1)?), UnixTime(number(2)?));
    if next_update <= issued_at {
        return Err(Error::Times { issued_at, next_update });
    }
    let list = RevocationList {
        serial,
        issued_at,
        next_update,
        measurements: read_set(&mut reader, 3, value)?,
        hardware_ids: read_set(&mut reader, 4, value)?,
        documents: read_set(&mut reader, 5, |reader| Ok(reader.fixed()?))?,
        keys: read_set(&mut reader, 6, |reader| Ok(reader.fixed()?))?,
    };
    reader.finish()?;
    Ok(list)
}

/// A map of exactly these keys: what a reader does not know might revoke something, so nothing is skipped.
fn fields(reader: &mut Reader<'_>, count: u64) -> Result<(), Error> {
    if reader.map(count)? == count { Ok(()) } else { Err(Error::Malformed) }
}

fn field(reader: &mut Reader<'_>, key: u64) -> Result<(), Error> {
    if reader.uint()? == key { Ok(()) } else { Err(Error::Malformed) }
}

fn value(reader: &mut Reader<'_>) -> Result<Vec<u8>, Error> {
    let bytes = reader.bytes(MAX_VALUE)?;
    if bytes.is_empty() { Err(Error::Malformed) } else { Ok(bytes.to_vec()) }
}

/// Entries strictly ascend, so that one set has one encoding.
fn read_set<T: Ord>(
    reader: &mut Reader<'_>,
    key: u64,
    item: impl Fn(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<BTreeSet<T>, Error> {
    field(reader, key)?;
    let count = reader.array(MAX_ENTRIES)?;
    let mut set = BTreeSet::new();
    for _ in 0..count {
        let item = item(reader)?;
        if set.last().is_some_and(|last| *last >= item) {
            return Err(Error::NotDeterministic);
        }
        set.insert(item);
    }
    Ok(set)
}
