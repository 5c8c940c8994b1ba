//! The session recovery token (EH-08): enough to read one answer later, or elsewhere, from its first frame.

use crate::{
    Error,
    client::Answer,
    field::{self, EncapsulatedKey},
    response::ResponseSecret,
};
use serde::Deserialize;
use zeroize::Zeroizing;

/// What opens one answer. Whoever has it reads that answer, so it is deleted after use, and never logged. Wiped on drop.
pub struct RecoveryToken {
    exported: Zeroizing<[u8; 32]>,
    enc: EncapsulatedKey,
}

/// Its two members, borrowed from the text, so that no copy of the secret is left anywhere.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    exported_secret: &'a str,
    request_enc: &'a str,
}

impl RecoveryToken {
    pub(crate) fn new(secret: &ResponseSecret) -> Self {
        Self { exported: secret.exported.clone(), enc: secret.enc }
    }

    /// Reads the JSON form. Members that this protocol does not have are passed over.
    ///
    /// # Errors
    /// [`Error::Token`]
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let written: Written<'_> = serde_json::from_str(text).map_err(|_| Error::Token)?;
        let exported = Zeroizing::new(field::read(written.exported_secret.as_bytes()).ok_or(Error::Token)?);
        let enc = EncapsulatedKey::from_field(written.request_enc.as_bytes()).map_err(|_| Error::Token)?;
        Ok(Self { exported, enc })
    }

    /// The JSON form.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(hex::encode(self.exported.as_slice()));
        // Room for all of it, so that it is not moved while it grows.
        let mut text = Zeroizing::new(String::with_capacity(256));
        for part in ["{\"exportedSecret\":\"", &secret, "\",\"requestEnc\":\"", &self.enc.to_field(), "\"}"] {
            text.push_str(part);
        }
        text
    }

    /// The encapsulated key of the request that it belongs to.
    #[must_use]
    pub fn encapsulated_key(&self) -> &EncapsulatedKey {
        &self.enc
    }

    /// What opens the answer.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        let Self { exported, enc } = self;
        Answer::new(ResponseSecret { exported, enc })
    }
}
