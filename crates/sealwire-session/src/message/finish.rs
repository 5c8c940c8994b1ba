//! The client's authentication and its answer (section 5.4).

use super::{TicketMessage, Type, decode, encode};
use crate::{Error, SessionId, limits::MAX_FLIGHT};
use sealwire_attest::cbor::{self, Reader};

/// Longest sealed answer in bytes: a ticket and little more.
const MAX_ANSWER: usize = 16 << 10;

/// The client's credential, proof and Finished, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFinish<'a> {
    /// which handshake
    pub session: SessionId,
    /// ciphertext and tag
    pub sealed: &'a [u8],
}

impl<'a> ClientFinish<'a> {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::ClientFinish, 2, |e| e.u8(2)?.bytes(&self.session)?.u8(3)?.bytes(self.sealed)?.ok())
    }

    /// Decodes the outside.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &'a [u8]) -> Result<Self, Error> {
        if message.len() > MAX_FLIGHT {
            return Err(Error::TooLong);
        }
        decode(message, Type::ClientFinish, |reader, fields| {
            fields.required(reader, 2)?;
            let session = reader.fixed()?;
            fields.required(reader, 3)?;
            Ok(Self { session, sealed: reader.bytes(MAX_FLIGHT)? })
        })
    }
}

/// The answer, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishAnswer<'a> {
    /// ciphertext and tag
    pub sealed: &'a [u8],
}

impl<'a> FinishAnswer<'a> {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::FinishAnswer, 1, |e| e.u8(2)?.bytes(self.sealed)?.ok())
    }

    /// Decodes the outside.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &'a [u8]) -> Result<Self, Error> {
        decode(message, Type::FinishAnswer, |reader, fields| {
            fields.required(reader, 2)?;
            Ok(Self { sealed: reader.bytes(MAX_ANSWER)? })
        })
    }
}

/// What is sealed in a [`FinishAnswer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// the session is established
    Accepted(Option<TicketMessage>),
    /// the client's evidence or proof is refused, and the session is gone
    Refused,
}

impl Answer {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (code, ticket) = match self {
            Self::Accepted(ticket) => (0, TicketMessage::encode(ticket.as_ref())),
            Self::Refused => (1, Vec::new()),
        };
        cbor::encode(|e| e.array(2)?.u8(code)?.bytes(&ticket)?.ok())
    }

    /// Decodes an answer.
    ///
    /// # Errors
    /// [`Error::Malformed`]
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        if reader.array(2)? != 2 {
            return Err(Error::Malformed(cbor::Error::Bounds));
        }
        let code = reader.uint()?;
        let ticket = reader.bytes(MAX_ANSWER)?;
        reader.finish()?;
        match code {
            0 => Ok(Self::Accepted(TicketMessage::decode(ticket)?)),
            1 if ticket.is_empty() => Ok(Self::Refused),
            _ => Err(Error::Malformed(cbor::Error::Bounds)),
        }
    }
}
