use super::{Error, Fingerprint, Material, PublicKey, SharedSecret, Use, Uses};
use crate::{Algorithm, identifier::Charset};

/// Whether a key signs, only verifies what it has signed, or does neither any more (EN-95).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// in use
    Active,
    /// replaced; what it has signed still holds (SP-19)
    VerifyOnly,
    /// for good (SP-20)
    Revoked,
}

impl Status {
    /// The name in documents and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::VerifyOnly => "verify-only",
            Self::Revoked => "revoked",
        }
    }
}

/// What is known about one key of one sender (SP-14). The record fixes the algorithm; the wire only has to name it.
#[derive(Clone)]
pub struct KeyRecord {
    sender: String,
    recipient: Option<String>,
    key_id: String,
    material: Material,
    fingerprint: Fingerprint,
    pub(super) uses: Uses,
    pub(super) status: Status,
    pub(super) not_before_ms: i64,
    pub(super) not_after_ms: i64,
}

impl KeyRecord {
    /// A public key of `sender`, active for ever, for envelopes alone.
    ///
    /// # Errors
    /// [`Error::Identifier`]
    pub fn public(sender: &str, key_id: &str, key: PublicKey) -> Result<Self, Error> {
        Self::new(sender, None, key_id, Material::Public(key))
    }

    /// A secret that `sender` and `recipient` share; it verifies what goes in that direction alone (SP-18).
    ///
    /// # Errors
    /// [`Error::Identifier`], [`Error::ShortSecret`]
    pub fn secret(sender: &str, recipient: &str, key_id: &str, secret: SharedSecret) -> Result<Self, Error> {
        secret.long_enough()?;
        Self::new(sender, Some(recipient), key_id, Material::Secret(secret))
    }

    fn new(sender: &str, recipient: Option<&str>, key_id: &str, material: Material) -> Result<Self, Error> {
        let names = [Some(sender), recipient, Some(key_id)];
        // Whether a route takes other names as well is decided where envelopes are decoded.
        if !names.into_iter().flatten().all(|name| Charset::Loose.admits(name)) {
            return Err(Error::Identifier);
        }
        Ok(Self {
            sender: sender.to_owned(),
            recipient: recipient.map(str::to_owned),
            key_id: key_id.to_owned(),
            fingerprint: material.fingerprint(),
            material,
            uses: Uses::default(),
            status: Status::Active,
            not_before_ms: 0,
            not_after_ms: i64::MAX,
        })
    }

    /// For these uses instead (SP-17).
    #[must_use]
    pub fn with_uses(mut self, uses: impl Into<Uses>) -> Self {
        self.uses = uses.into();
        self
    }

    /// In this time alone, both ends included, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn with_window(mut self, not_before_ms: i64, not_after_ms: i64) -> Self {
        self.not_before_ms = not_before_ms;
        self.not_after_ms = not_after_ms;
        self
    }

    /// With this status.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Whose key this is.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// For whom alone; shared secrets have one.
    #[must_use]
    pub fn recipient(&self) -> Option<&str> {
        self.recipient.as_deref()
    }

    /// Its name among the sender's.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The one algorithm it is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.material.algorithm()
    }

    /// What it verifies with.
    #[must_use]
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// What audit logs and revocation lists call it (SP-16).
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// What it is for (SP-17).
    #[must_use]
    pub fn uses(&self) -> Uses {
        self.uses
    }

    /// Whether it is in use.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Since when it holds, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn not_before_ms(&self) -> i64 {
        self.not_before_ms
    }

    /// Until when it holds, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn not_after_ms(&self) -> i64 {
        self.not_after_ms
    }

    /// Whether it may verify at `now_ms` what was made for `purpose` (SP-15, SP-17).
    #[must_use]
    pub fn verifies_at(&self, purpose: Use, now_ms: i64) -> bool {
        self.status != Status::Revoked
            && self.uses.contains(purpose)
            && (self.not_before_ms..=self.not_after_ms).contains(&now_ms)
    }

    /// Whether `signature` was made over `message` with this key, for `purpose`, and holds at `now_ms`.
    #[must_use]
    pub fn verifies(&self, purpose: Use, message: &[u8], signature: &[u8], now_ms: i64) -> bool {
        self.verifies_at(purpose, now_ms) && self.material.verifies(message, signature)
    }
}
