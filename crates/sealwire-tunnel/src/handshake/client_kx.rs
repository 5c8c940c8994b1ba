use super::{base64, from_base64};
use crate::{
    Dropped, Error,
    cbor::{Reader, Value, Writer},
};
use sealwire_crypto::nacl::{KEY_LEN, SEALED_EXTRA};

/// Length of the sealed key in bytes.
pub(crate) const SEALED_LEN: usize = KEY_LEN + SEALED_EXTRA;

/// `client_kx`
pub(crate) struct ClientKx {
    pub(crate) sealed: [u8; SEALED_LEN],
}

impl ClientKx {
    /// Reads a message of this type. The first result tells of a message that is none, the second of one whose sealed key
    /// is wrong (TU-23).
    pub(crate) fn decode(message: &[u8]) -> Result<Result<Self, Error>, Dropped> {
        let (mut kind, mut sealed) = (None, None);
        let mut reader = Reader::new(message);
        reader.map(|key, reader| {
            match key {
                "type" => kind = Some(reader.value()?),
                "sealedSymmetricKey" => sealed = Some(reader.value()?),
                _ => return Ok(false),
            }
            Ok::<_, Dropped>(true)
        })?;
        reader.finish()?;
        if kind != Some(Value::Text("client_kx")) {
            return Err(Dropped::BeforeKey);
        }
        let Some(Value::Text(text)) = sealed else { return Ok(Err(Error::SealedKey)) };
        let sealed = from_base64(text).and_then(|sealed| sealed.try_into().ok());
        Ok(sealed.map(|sealed| Self { sealed }).ok_or(Error::SealedKey))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::behind(0, 256);
        writer.map(2);
        writer.field("type", "client_kx");
        writer.field("sealedSymmetricKey", &base64(&self.sealed));
        writer.finish()
    }
}
