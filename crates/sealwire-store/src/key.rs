//! How a space and an id become one key.

use crate::Error;

/// Longest name of a space, in bytes.
const SPACE: usize = 64;
/// Longest id, in bytes: twice the longest digest in use.
const ID: usize = 128;

/// `u8 length of space || space || id`: no pair of space and id has the key of another.
pub(crate) fn key(space: &str, id: &[u8]) -> Result<Box<[u8]>, Error> {
    if space.len() > SPACE || id.is_empty() || id.len() > ID {
        return Err(Error::KeyLength);
    }
    let length = u8::try_from(space.len()).map_err(|_| Error::KeyLength)?;
    let mut key = Vec::with_capacity(1 + space.len() + id.len());
    key.push(length);
    key.extend_from_slice(space.as_bytes());
    key.extend_from_slice(id);
    Ok(key.into_boxed_slice())
}
