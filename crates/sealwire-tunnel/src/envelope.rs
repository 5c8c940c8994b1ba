//! The `enc` message that everything behind the handshake travels in (TU-06).

use crate::{
    Dropped,
    cbor::{Head, Reader, Value, Writer},
};
use bytes::{Bytes, BytesMut};
use sealwire_crypto::{
    Error,
    nacl::{NONCE_LEN, SecretBoxKey, TAG_LEN},
};
use std::ops::Range;

/// The longest head of the ciphertext: 2^32 bytes are above every limit.
const HEAD: usize = 5;
/// What goes before the ciphertext's head.
const FIXED: usize = 59;
/// What stands before the inner message: the envelope is written there once its length is known, and the message encrypted
/// where it is.
pub(crate) const HEADROOM: usize = FIXED + HEAD + TAG_LEN;
/// Major type 2.
const BYTES: u8 = 2;

/// What came.
pub(crate) enum Outer {
    /// `enc`
    Sealed {
        /// 24 bytes
        nonce: [u8; NONCE_LEN],
        /// where in the message, 16 bytes at least
        ciphertext: Range<usize>,
    },
    /// `server_kx`
    ServerKx,
    /// `client_kx`
    ClientKx,
    /// something else in clear
    Other,
}

impl Outer {
    pub(crate) fn read(message: &[u8]) -> Result<Self, Dropped> {
        let (mut kind, mut nonce, mut ciphertext) = (None, None, None);
        let mut reader = Reader::new(message);
        reader.map(|key, reader| {
            match key {
                "type" => kind = Some(reader.value()?),
                "nonce" => nonce = Some(reader.value()?),
                "ciphertext" => {
                    ciphertext = Some(reader.value()?);
                }
                _ => return Ok(false),
            }
            Ok::<_, Dropped>(true)
        })?;
        reader.finish()?;
        match kind {
            Some(Value::Text("enc")) => {}
            Some(Value::Text("server_kx")) => return Ok(Self::ServerKx),
            Some(Value::Text("client_kx")) => return Ok(Self::ClientKx),
            _ => return Ok(Self::Other),
        }
        let (Some(Value::Bytes(nonce)), Some(Value::Bytes(boxed))) = (nonce, ciphertext) else {
            return Err(Dropped::Form);
        };
        let nonce = nonce.try_into().map_err(|_| Dropped::Form)?;
        if boxed.len() < TAG_LEN {
            return Err(Dropped::Form);
        }
        Ok(Self::Sealed { nonce, ciphertext: within(message, boxed).ok_or(Dropped::Form)? })
    }
}

/// Where a slice is in what it was cut from.
fn within(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}

/// Opens the box in a message, in place.
pub(crate) fn open(
    key: &SecretBoxKey,
    nonce: &[u8; NONCE_LEN],
    message: Bytes,
    ciphertext: Range<usize>,
) -> Result<Bytes, Dropped> {
    // In place where nobody else holds the message, which is so when it comes from a socket.
    let mut message = BytesMut::from(message);
    let boxed = message.get_mut(ciphertext.clone()).ok_or(Dropped::Form)?;
    key.open(nonce, boxed).map_err(|_| Dropped::Sealed)?;
    message.truncate(ciphertext.end);
    let _ = message.split_to(ciphertext.start.saturating_add(TAG_LEN).min(message.len()));
    Ok(message.freeze())
}

/// Seals the inner message that stands behind [`HEADROOM`] bytes, in place.
///
/// # Errors
/// [`Error::Limit`], which no length in memory gives.
pub(crate) fn seal(
    key: &SecretBoxKey,
    nonce: &[u8; NONCE_LEN],
    mut message: Vec<u8>,
) -> Result<Bytes, Error> {
    let (front, plaintext) = message.split_at_mut_checked(HEADROOM).ok_or(Error::Limit)?;
    let tag = key.seal(nonce, plaintext)?;
    let head = Head::new(BYTES, (plaintext.len() as u64).saturating_add(TAG_LEN as u64));
    let mut fixed = Writer::behind(0, FIXED);
    fixed.map(3);
    fixed.field("type", "enc");
    fixed.text("nonce");
    fixed.bytes(nonce);
    fixed.text("ciphertext");
    let mut before = fixed.finish();
    // Tag 64.
    before.extend_from_slice(&[0xd8, 0x40]);
    before.extend_from_slice(head.as_slice());
    before.extend_from_slice(&tag);
    let start = front.len().checked_sub(before.len()).ok_or(Error::Limit)?;
    front.get_mut(start..).ok_or(Error::Limit)?.copy_from_slice(&before);
    Ok(Bytes::from(message).slice(start..))
}
