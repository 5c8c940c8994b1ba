//! New messages: fresh names, and a signature over the whole (SP-24).

use sealwire_crypto::random::{self, Random};

use crate::{
    Body, Envelope, Header, VERSION, base64url,
    key::{SignError, Signer, Use},
};

/// What a message says; the rest follows from who signs it, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// to whom (SP-25)
    pub recipient: Option<&'a str>,
    /// what kind of message this is (EN-02)
    pub intent: &'a str,
    /// the message itself
    pub content: &'a str,
    /// a label, or a marker of what `content` is
    pub capability: Option<&'a str>,
    /// the message that this one belongs to
    pub correlation_id: Option<&'a str>,
    /// for how long it holds, in milliseconds
    pub ttl_ms: i64,
}

impl Message<'_> {
    /// An unsigned envelope of `sender` with fresh names: `messageId` is `msg-<ms>-` and 16 hexadecimal digits, `nonce`
    /// base64url of 16 bytes (SP-24). Takes 24 random bytes.
    ///
    /// # Errors
    /// [`SignError::Random`]
    pub fn envelope(&self, sender: &str, now_ms: i64, random: &dyn Random) -> Result<Envelope, SignError> {
        let id = random::array::<8>(random).map_err(|_| SignError::Random)?;
        let nonce = random::array::<16>(random).map_err(|_| SignError::Random)?;
        Ok(Envelope {
            header: Header {
                version: VERSION.to_owned(),
                message_id: format!("msg-{now_ms}-{:016x}", u64::from_be_bytes(id)),
                timestamp_ms: now_ms,
                ttl_ms: self.ttl_ms,
                sender: sender.to_owned(),
                recipient: self.recipient.map(str::to_owned),
                nonce: base64url::encode(nonce),
            },
            body: Body {
                intent: self.intent.to_owned(),
                content: self.content.to_owned(),
                capability: self.capability.map(str::to_owned),
                correlation_id: self.correlation_id.map(str::to_owned),
            },
            proof: None,
        })
    }

    /// The same, signed for `purpose`.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn signed(
        &self,
        signer: &Signer,
        purpose: Use,
        now_ms: i64,
        random: &dyn Random,
    ) -> Result<Envelope, SignError> {
        let mut envelope = self.envelope(signer.sender(), now_ms, random)?;
        signer.sign_envelope(purpose, &mut envelope)?;
        Ok(envelope)
    }
}
