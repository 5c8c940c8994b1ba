//! The messages of the handshake as bytes (SE-02): deterministic CBOR, one map each, no fields but those listed.

mod channel;
mod close;
mod credential;
mod finish;
mod flight;
mod hello;
mod owner;
mod retry;

pub use channel::{ChannelOpen, ChannelOpened};
pub use close::{Close, Closed};
pub use credential::{Authentication, ClientCredential, Parameters, Proof, ServerCredential};
pub use finish::{Answer, ClientFinish, FinishAnswer};
pub use flight::{Resumed, ServerFlight, ServerHello, TicketMessage};
pub use hello::{ClientHello, EvidenceMode, Resumption};
pub use owner::{Instance, owner};
pub use retry::{HelloAgain, Retry};

pub use crate::limits::{MAX_FLIGHT, MAX_HELLO};

use crate::Error;
use minicbor::Encoder;
use sealwire_attest::{
    PROTOCOL,
    cbor::{self, Fields, Reader, Written},
};

type Writer = Encoder<Vec<u8>>;

/// What a message is, its field 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Type {
    /// client hello
    ClientHello = 1,
    /// retry
    Retry = 2,
    /// hello again
    HelloAgain = 3,
    /// server flight
    ServerFlight = 4,
    /// server hello, inside the flight
    ServerHello = 5,
    /// the client's authentication
    ClientFinish = 6,
    /// the answer to it
    FinishAnswer = 7,
    /// first message of a channel
    ChannelOpen = 8,
    /// its answer
    ChannelOpened = 9,
    /// the end of a session
    Close = 10,
    /// its answer
    Closed = 11,
}

impl Type {
    /// What a message says that it is. Nothing else of it has been looked at.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn of(message: &[u8]) -> Result<Self, Error> {
        const ALL: [Type; 11] = [
            Type::ClientHello,
            Type::Retry,
            Type::HelloAgain,
            Type::ServerFlight,
            Type::ServerHello,
            Type::ClientFinish,
            Type::FinishAnswer,
            Type::ChannelOpen,
            Type::ChannelOpened,
            Type::Close,
            Type::Closed,
        ];
        let mut reader = Reader::new(message);
        let mut fields = reader.fields()?;
        let found = head(&mut reader, &mut fields)?;
        ALL.into_iter().find(|kind| *kind as u64 == found).ok_or(Error::Unexpected)
    }
}

/// Reads fields 0 and 1.
fn head(reader: &mut Reader<'_>, fields: &mut Fields) -> Result<u64, Error> {
    fields.required(reader, 0)?;
    if reader.text(64)? != PROTOCOL {
        return Err(Error::Protocol);
    }
    fields.required(reader, 1)?;
    Ok(reader.uint()?)
}

/// Decodes a whole message of `kind`; `read` takes the fields from 2 on.
fn decode<'b, T>(
    message: &'b [u8],
    kind: Type,
    read: impl FnOnce(&mut Reader<'b>, &mut Fields) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut reader = Reader::new(message);
    let mut fields = reader.fields()?;
    if head(&mut reader, &mut fields)? != kind as u64 {
        return Err(Error::Unexpected);
    }
    let value = read(&mut reader, &mut fields)?;
    fields.end()?;
    reader.finish()?;
    Ok(value)
}

/// Encodes a message of `kind` with `fields` fields besides 0 and 1.
fn encode(kind: Type, fields: u64, write: impl FnOnce(&mut Writer) -> Written) -> Vec<u8> {
    cbor::encode(|e| {
        e.map(fields.saturating_add(2))?.u8(0)?.str(PROTOCOL)?.u8(1)?.u8(kind as u8)?;
        write(e)
    })
}

/// Decodes an inner map that has no head.
fn decode_map<'b, T>(
    bytes: &'b [u8],
    read: impl FnOnce(&mut Reader<'b>, &mut Fields) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut reader = Reader::new(bytes);
    let mut fields = reader.fields()?;
    let value = read(&mut reader, &mut fields)?;
    fields.end()?;
    reader.finish()?;
    Ok(value)
}

/// A list of 1 to 8 identifiers, each once.
fn read_ids(reader: &mut Reader<'_>) -> Result<Vec<u16>, Error> {
    let count = reader.array(8)?;
    if count == 0 {
        return Err(Error::Inconsistent);
    }
    let mut ids: Vec<u16> = Vec::with_capacity(8);
    for _ in 0..count {
        let id = read_u16(reader)?;
        if ids.contains(&id) {
            return Err(Error::Inconsistent);
        }
        ids.push(id);
    }
    Ok(ids)
}

fn write_ids(e: &mut Writer, ids: &[u16]) -> Written {
    e.array(cbor::len(ids))?;
    ids.iter().try_for_each(|id| e.u16(*id)?.ok())
}

fn read_u16(reader: &mut Reader<'_>) -> Result<u16, Error> {
    u16::try_from(reader.uint()?).map_err(|_| Error::Malformed(cbor::Error::Bounds))
}

/// A byte string of `min` to `max` bytes.
fn read_some<'b>(reader: &mut Reader<'b>, min: usize, max: usize) -> Result<&'b [u8], Error> {
    let bytes = reader.bytes(max)?;
    if bytes.len() < min { Err(Error::Malformed(cbor::Error::Bounds)) } else { Ok(bytes) }
}

fn read_flag(reader: &mut Reader<'_>) -> Result<bool, Error> {
    match reader.uint()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Malformed(cbor::Error::Bounds)),
    }
}
