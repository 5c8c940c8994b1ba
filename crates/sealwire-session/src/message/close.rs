//! The end of a session (section 10).

use super::{Type, decode, encode};
use crate::{Error, SessionId};

/// The client ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    /// which
    pub session: SessionId,
    /// under the close secret
    pub mac: [u8; 32],
}

impl Close {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::Close, 2, |e| e.u8(2)?.bytes(&self.session)?.u8(3)?.bytes(&self.mac)?.ok())
    }

    /// Decodes it.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &[u8]) -> Result<Self, Error> {
        decode(message, Type::Close, |reader, fields| {
            fields.required(reader, 2)?;
            let session = reader.fixed()?;
            fields.required(reader, 3)?;
            Ok(Self { session, mac: reader.fixed()? })
        })
    }
}

/// It is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// under the close secret
    pub mac: [u8; 32],
}

impl Closed {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::Closed, 1, |e| e.u8(2)?.bytes(&self.mac)?.ok())
    }

    /// Decodes it.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &[u8]) -> Result<Self, Error> {
        decode(message, Type::Closed, |reader, fields| {
            fields.required(reader, 2)?;
            Ok(Self { mac: reader.fixed()? })
        })
    }
}
