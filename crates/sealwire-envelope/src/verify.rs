//! From an envelope that was decoded to one whose sender is known, a type for each step (SP-39):
//! [`Envelope`] → [`Checked`] → [`Authentic`]. Bindings to what came with the envelope follow, then the replay register.

use crate::{
    Envelope, Proof, REQUEST_TTL_MS, Reason, canonical,
    identifier::Charset,
    key::{Fingerprint, Keyring, Require, Use, Wanted},
    replay,
    validate::{self, MAX_TTL_MS},
};

/// What a verifier takes. The default is the safe profile; each relaxation is a switch of its own (SP-01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// the names under which this verifier may be addressed (SP-25)
    pub identities: Vec<String>,
    /// longest lifetime, in milliseconds; default 300 000, at most 86 400 000 (SP-09)
    pub max_ttl_ms: i64,
    /// what is required of the signature (EN-87)
    pub require: Require,
    /// which names are taken (SP-06); [`Charset::Loose`] is the switch `loose_ids`
    pub names: Charset,
    /// the switch `recipient_optional`: an envelope to nobody in particular is taken
    pub recipient_optional: bool,
}

impl Rules {
    /// The safe profile for a verifier of this name.
    #[must_use]
    pub fn new(identity: &str) -> Self {
        Self {
            identities: vec![identity.to_owned()],
            max_ttl_ms: REQUEST_TTL_MS,
            require: Require::default(),
            names: Charset::default(),
            recipient_optional: false,
        }
    }

    /// The same with another lifetime, such as that of queues.
    #[must_use]
    pub fn with_max_ttl_ms(mut self, max_ttl_ms: i64) -> Self {
        self.max_ttl_ms = max_ttl_ms.min(MAX_TTL_MS);
        self
    }

    /// The same for other algorithms than Ed25519.
    #[must_use]
    pub fn with_require(mut self, require: Require) -> Self {
        self.require = require;
        self
    }
}

/// An envelope that is well-formed, in time and for us. Who sent it is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub(crate) envelope: Envelope,
}

impl Checked {
    /// Checks names, validity, lifetime and recipient, in this order (SP-39).
    ///
    /// # Errors
    /// [`Reason::MalformedEnvelope`], [`Reason::ValidationError`], [`Reason::TtlExpired`], [`Reason::TtlTooLong`],
    /// [`Reason::RecipientMissing`], [`Reason::RecipientMismatch`]
    pub fn new(envelope: Envelope, rules: &Rules, now_ms: i64) -> Result<Self, Reason> {
        envelope.check_shape(rules.names).map_err(|_| Reason::MalformedEnvelope)?;
        validate::check(&envelope, now_ms)?;
        if envelope.header.ttl_ms > rules.max_ttl_ms {
            return Err(Reason::TtlTooLong);
        }
        match &envelope.header.recipient {
            Some(recipient) if rules.identities.contains(recipient) => {}
            Some(_) => return Err(Reason::RecipientMismatch),
            None if rules.recipient_optional => {}
            None => return Err(Reason::RecipientMissing),
        }
        Ok(Self { envelope })
    }

    /// Verifies the signature of one signer, made for `purpose`.
    ///
    /// # Errors
    /// [`Reason::MalformedEnvelope`] without a signature of that kind, and what [`Keyring::verify`] refuses.
    pub fn authenticate(
        self,
        purpose: Use,
        rules: &Rules,
        keys: &Keyring,
        now_ms: i64,
    ) -> Result<Authentic, Reason> {
        let header = &self.envelope.header;
        let signature = self.envelope.signature().ok_or(Reason::MalformedEnvelope)?;
        let wanted = Wanted {
            sender: &header.sender,
            recipient: header.recipient.as_deref(),
            purpose,
            require: rules.require,
            now_ms,
        };
        let canonical = canonical::envelope(&self.envelope);
        let record = keys.verify(&wanted, &canonical, signature)?;
        let fingerprint = record.fingerprint().clone();
        Ok(Authentic { envelope: self.envelope, canonical, fingerprint })
    }
}

/// An envelope whose signature was verified. It has not been held against what came with it, nor against replays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic {
    envelope: Envelope,
    canonical: Vec<u8>,
    fingerprint: Fingerprint,
}

impl Authentic {
    /// Made by who has verified the proof.
    pub(crate) fn new(checked: Checked, canonical: Vec<u8>, fingerprint: Fingerprint) -> Self {
        Self { envelope: checked.envelope, canonical, fingerprint }
    }

    /// Checks and verifies in one go.
    ///
    /// # Errors
    /// What [`Checked::new`] and [`Checked::authenticate`] refuse.
    pub fn verify(
        envelope: Envelope,
        purpose: Use,
        rules: &Rules,
        keys: &Keyring,
        now_ms: i64,
    ) -> Result<Self, Reason> {
        Checked::new(envelope, rules, now_ms)?.authenticate(purpose, rules, keys, now_ms)
    }

    /// The envelope.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The envelope, for who is done with verifying.
    #[must_use]
    pub fn into_envelope(self) -> Envelope {
        self.envelope
    }

    /// Who sent it.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.envelope.header.sender
    }

    /// With which key (SP-16).
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// `canon(E)`
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// `b64u(SHA(canon(E)))`
    #[must_use]
    pub fn digest(&self) -> String {
        canonical::digest(&self.canonical)
    }

    /// Names of algorithm and key, as the wire has them.
    #[must_use]
    pub fn alg_and_key_id(&self) -> (&str, &str) {
        match &self.envelope.proof {
            Some(Proof::Signature(signature)) => (&signature.alg, &signature.key_id),
            Some(Proof::Threshold(threshold)) => (&threshold.alg, &threshold.key_id),
            None => ("", ""),
        }
    }

    /// Under what it is remembered, so that it is taken once (SP-37).
    #[must_use]
    pub fn replay_key(&self) -> replay::Key {
        let header = &self.envelope.header;
        replay::Key::of_message(&header.sender, &header.message_id, &header.nonce)
    }

    /// Until when it has to be remembered, in milliseconds since the Unix epoch (SP-38).
    #[must_use]
    pub fn remembered_until_ms(&self) -> i64 {
        replay::remembered_until_ms(self.envelope.header.timestamp_ms, self.envelope.header.ttl_ms)
    }
}
