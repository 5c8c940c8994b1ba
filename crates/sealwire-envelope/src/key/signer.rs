use super::{Error, Fingerprint, PrivateKey, SharedSecret, SignatureBytes, SigningKey, Use, Uses};
use crate::{Algorithm, Envelope, Proof, Signature, base64url, canonical, identifier::Charset};

/// Why nothing was signed. All of it is about the signer's own side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// SP-17
    #[error("the key is not for this use")]
    Use,
    /// EN-01: an envelope in the name of somebody else.
    #[error("the envelope's sender is not the signer's")]
    Sender,
    /// SP-18: a shared secret signs for the one who shares it.
    #[error("the envelope's recipient is not the one who shares the secret")]
    Recipient,
    /// SP-04, SP-06, EN-12: what every careful reader would refuse.
    #[error("the envelope has a name or a number that readers refuse")]
    Invalid,
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
}

/// Who signs: a name, a key, and what it is for (SP-17).
pub struct Signer {
    sender: String,
    recipient: Option<String>,
    key_id: String,
    key: SigningKey,
    fingerprint: Fingerprint,
    uses: Uses,
}

impl Signer {
    /// With a private key, for envelopes alone.
    ///
    /// # Errors
    /// [`Error::Identifier`], [`Error::NotAKey`]
    pub fn private(sender: &str, key_id: &str, key: PrivateKey) -> Result<Self, Error> {
        Self::new(sender, None, key_id, SigningKey::Private(key))
    }

    /// With a secret that is shared with `recipient`, for envelopes to it alone (SP-18).
    ///
    /// # Errors
    /// [`Error::Identifier`], [`Error::ShortSecret`]
    pub fn secret(sender: &str, recipient: &str, key_id: &str, secret: SharedSecret) -> Result<Self, Error> {
        secret.long_enough()?;
        Self::new(sender, Some(recipient), key_id, SigningKey::Secret(secret))
    }

    fn new(sender: &str, recipient: Option<&str>, key_id: &str, key: SigningKey) -> Result<Self, Error> {
        let names = [Some(sender), recipient, Some(key_id)];
        if !names.into_iter().flatten().all(|name| Charset::Loose.admits(name)) {
            return Err(Error::Identifier);
        }
        Ok(Self {
            sender: sender.to_owned(),
            recipient: recipient.map(str::to_owned),
            key_id: key_id.to_owned(),
            fingerprint: key.fingerprint()?,
            key,
            uses: Uses::default(),
        })
    }

    /// For these uses instead (SP-17).
    #[must_use]
    pub fn with_uses(mut self, uses: impl Into<Uses>) -> Self {
        self.uses = uses.into();
        self
    }

    /// In whose name it signs.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// The key's name among the sender's.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// The fingerprint of what verifies it (SP-16).
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// What it signs for (SP-17).
    #[must_use]
    pub fn uses(&self) -> Uses {
        self.uses
    }

    /// Signs bytes for `purpose`. What the bytes are has to follow from them: they begin with a label of their own, or are
    /// of a legacy form that `purpose` sets apart (SP-17).
    ///
    /// # Errors
    /// [`SignError::Use`], [`SignError::Random`]
    pub fn sign(&self, purpose: Use, message: &[u8]) -> Result<SignatureBytes, SignError> {
        if !self.uses.contains(purpose) {
            return Err(SignError::Use);
        }
        self.key.sign(message).map_err(|_| SignError::Random)
    }

    /// Signs an envelope for `purpose`; a proof that it had is replaced.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn sign_envelope(&self, purpose: Use, envelope: &mut Envelope) -> Result<(), SignError> {
        self.sign_envelope_with(purpose, envelope, &mut Vec::new())
    }

    /// The same with a buffer, whose content is replaced by `canon(E)`.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn sign_envelope_with(
        &self,
        purpose: Use,
        envelope: &mut Envelope,
        canonical: &mut Vec<u8>,
    ) -> Result<(), SignError> {
        self.may_sign(envelope)?;
        canonical.clear();
        canonical::write_envelope(envelope, canonical);
        let signature = self.sign(purpose, canonical)?;
        envelope.proof = Some(Proof::Signature(Signature {
            alg: self.algorithm().name().to_owned(),
            key_id: self.key_id.clone(),
            value: base64url::encode(signature),
        }));
        Ok(())
    }

    fn may_sign(&self, envelope: &Envelope) -> Result<(), SignError> {
        let header = &envelope.header;
        if header.sender != self.sender {
            return Err(SignError::Sender);
        }
        if self.recipient.is_some() && self.recipient != header.recipient {
            return Err(SignError::Recipient);
        }
        envelope.check_shape(Charset::Loose).map_err(|_| SignError::Invalid)
    }
}
