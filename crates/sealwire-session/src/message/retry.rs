//! Retry and hello again (section 5.2).

use super::{Type, decode, encode, read_some, read_u16};
use crate::{Error, limits::MAX_HELLO};

/// Longest token in bytes.
const MAX_TOKEN: usize = 256;
/// Longest share in bytes.
const MAX_SHARE: usize = 4096;

/// The server wants to hear the hello again (SE-13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// opaque to the client
    pub token: Vec<u8>,
    /// the group of which a share is wanted
    pub group: Option<u16>,
}

impl Retry {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::Retry, 1 + u64::from(self.group.is_some()), |e| {
            e.u8(2)?.bytes(&self.token)?;
            match self.group {
                Some(group) => e.u8(3)?.u16(group)?.ok(),
                None => Ok(()),
            }
        })
    }

    /// Decodes a retry.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &[u8]) -> Result<Self, Error> {
        if message.len() > MAX_HELLO {
            return Err(Error::TooLong);
        }
        decode(message, Type::Retry, |reader, fields| {
            fields.required(reader, 2)?;
            let token = read_some(reader, 1, MAX_TOKEN)?.to_vec();
            let group = if fields.optional(reader, 3)? { Some(read_u16(reader)?) } else { None };
            Ok(Self { token, group })
        })
    }
}

/// The hello, said again with the server's retry. The server kept nothing: both come back in their exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloAgain<'a> {
    /// exact bytes
    pub hello: &'a [u8],
    /// exact bytes
    pub retry: &'a [u8],
    /// of the group that the retry wanted
    pub share: Option<&'a [u8]>,
}

impl<'a> HelloAgain<'a> {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(Type::HelloAgain, 2 + u64::from(self.share.is_some()), |e| {
            e.u8(2)?.bytes(self.hello)?.u8(3)?.bytes(self.retry)?;
            match self.share {
                Some(share) => e.u8(4)?.bytes(share)?.ok(),
                None => Ok(()),
            }
        })
    }

    /// Decodes what holds a hello and a retry; neither is looked into.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`]
    pub fn decode(message: &'a [u8]) -> Result<Self, Error> {
        if message.len() > 2 * MAX_HELLO {
            return Err(Error::TooLong);
        }
        decode(message, Type::HelloAgain, |reader, fields| {
            fields.required(reader, 2)?;
            let hello = reader.bytes(MAX_HELLO)?;
            fields.required(reader, 3)?;
            let retry = reader.bytes(MAX_HELLO)?;
            let share = if fields.optional(reader, 4)? { Some(reader.bytes(MAX_SHARE)?) } else { None };
            Ok(Self { hello, retry, share })
        })
    }
}
