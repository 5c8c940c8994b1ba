//! The server's flight and the hello in it (section 5.3).

use super::{Type, decode, encode, hello::MAX_TICKET, read_flag, read_u16};
use crate::{Error, SessionId, limits::MAX_FLIGHT};
use sealwire_attest::cbor::{self, Reader};

/// Longest server hello in bytes.
const MAX_SERVER_HELLO: usize = 8192;
/// Longest share in bytes.
const MAX_SHARE: usize = 4096;

/// What the server sends back: its hello, and what is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFlight<'a> {
    /// exact bytes of the server hello
    pub hello: &'a [u8],
    /// ciphertext and tag
    pub sealed: &'a [u8],
}

impl<'a> ServerFlight<'a> {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::ServerFlight, 2, |e| e.u8(2)?.bytes(self.hello)?.u8(3)?.bytes(self.sealed)?.ok())
    }

    /// Decodes the outside.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &'a [u8]) -> Result<Self, Error> {
        if message.len() > MAX_FLIGHT {
            return Err(Error::TooLong);
        }
        decode(message, Type::ServerFlight, |reader, fields| {
            fields.required(reader, 2)?;
            let hello = reader.bytes(MAX_SERVER_HELLO)?;
            fields.required(reader, 3)?;
            let sealed = reader.bytes(MAX_FLIGHT)?;
            Ok(Self { hello, sealed })
        })
    }
}

/// Whether a ticket was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// a full handshake
    No,
    /// with a new key agreement
    WithAgreement,
    /// from the ticket alone
    WithoutAgreement,
}

/// What the server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello {
    /// fresh
    pub random: [u8; 32],
    /// the instance's id, then 16 random bytes
    pub session: SessionId,
    /// of those offered
    pub aead: u16,
    /// whether the ticket was taken
    pub resumed: Resumed,
    /// whether early data are accepted
    pub early: bool,
    /// group and share; none in a resumption without agreement
    pub share: Option<(u16, Vec<u8>)>,
}

impl ServerHello {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::ServerHello, if self.share.is_some() { 7 } else { 5 }, |e| {
            e.u8(2)?.bytes(&self.random)?.u8(3)?.bytes(&self.session)?.u8(4)?.u16(self.aead)?;
            e.u8(5)?.u8(self.resumed as u8)?.u8(6)?.u8(u8::from(self.early))?;
            match &self.share {
                Some((group, share)) => e.u8(7)?.u16(*group)?.u8(8)?.bytes(share)?.ok(),
                None => Ok(()),
            }
        })
    }

    /// Decodes a server hello.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`], [`Error::Inconsistent`]
    pub fn decode(message: &[u8]) -> Result<Self, Error> {
        decode(message, Type::ServerHello, |reader, fields| {
            fields.required(reader, 2)?;
            let random = reader.fixed()?;
            fields.required(reader, 3)?;
            let session = reader.fixed()?;
            fields.required(reader, 4)?;
            let aead = read_u16(reader)?;
            fields.required(reader, 5)?;
            let resumed = match reader.uint()? {
                0 => Resumed::No,
                1 => Resumed::WithAgreement,
                2 => Resumed::WithoutAgreement,
                _ => return Err(Error::Malformed(cbor::Error::Bounds)),
            };
            fields.required(reader, 6)?;
            let early = read_flag(reader)?;
            let share = if fields.optional(reader, 7)? {
                let group = read_u16(reader)?;
                fields.required(reader, 8)?;
                Some((group, reader.bytes(MAX_SHARE)?.to_vec()))
            } else {
                None
            };
            if share.is_none() != (resumed == Resumed::WithoutAgreement) || (early && resumed == Resumed::No)
            {
                return Err(Error::Inconsistent);
            }
            Ok(Self { random, session, aead, resumed, early, share })
        })
    }
}

/// A ticket, as the client gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketMessage {
    /// seconds from now
    pub lifetime: u64,
    /// opaque to the client
    pub ticket: Vec<u8>,
}

impl TicketMessage {
    /// The bytes; none where there is no ticket.
    #[must_use]
    pub fn encode(ticket: Option<&Self>) -> Vec<u8> {
        let Some(Self { lifetime, ticket }) = ticket else { return Vec::new() };
        cbor::encode(|e| e.array(2)?.u64(*lifetime)?.bytes(ticket)?.ok())
    }

    /// Decodes a ticket, or the absence of one.
    ///
    /// # Errors
    /// [`Error::Malformed`]
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, Error> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader::new(bytes);
        if reader.array(2)? != 2 {
            return Err(Error::Malformed(cbor::Error::Bounds));
        }
        let lifetime = reader.uint()?;
        let ticket = reader.bytes(MAX_TICKET)?.to_vec();
        reader.finish()?;
        Ok(Some(Self { lifetime, ticket }))
    }
}
