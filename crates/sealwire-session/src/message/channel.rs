//! The first two messages of a channel (section 9).

use super::{Type, decode, encode};
use crate::{Error, SessionId};

/// The client opens a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelOpen {
    /// of which session
    pub session: SessionId,
    /// of the same space as the numbers of requests
    pub number: u64,
    /// fresh
    pub random: [u8; 32],
    /// mode 2
    pub mac: [u8; 32],
}

impl ChannelOpen {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::ChannelOpen, 4, |e| {
            e.u8(2)?.bytes(&self.session)?.u8(3)?.u64(self.number)?;
            e.u8(4)?.bytes(&self.random)?.u8(5)?.bytes(&self.mac)?.ok()
        })
    }

    /// Decodes it.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &[u8]) -> Result<Self, Error> {
        decode(message, Type::ChannelOpen, |reader, fields| {
            fields.required(reader, 2)?;
            let session = reader.fixed()?;
            fields.required(reader, 3)?;
            let number = reader.uint()?;
            fields.required(reader, 4)?;
            let random = reader.fixed()?;
            fields.required(reader, 5)?;
            Ok(Self { session, number, random, mac: reader.fixed()? })
        })
    }
}

/// The server has opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelOpened {
    /// fresh
    pub random: [u8; 32],
    /// over the client's
    pub mac: [u8; 32],
}

impl ChannelOpened {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::ChannelOpened, 2, |e| e.u8(2)?.bytes(&self.random)?.u8(3)?.bytes(&self.mac)?.ok())
    }

    /// Decodes it.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &[u8]) -> Result<Self, Error> {
        decode(message, Type::ChannelOpened, |reader, fields| {
            fields.required(reader, 2)?;
            let random = reader.fixed()?;
            fields.required(reader, 3)?;
            Ok(Self { random, mac: reader.fixed()? })
        })
    }
}
