//! The two fields of the wire: 32 bytes each, as 64 lower-case hexadecimal digits.

use crate::Error;
use sealwire_crypto::random::{self, Random};

/// Name of the field of a request: the encapsulated key. It is also what says that content is sealed.
pub const ENCAPSULATED_KEY: &str = "ehbp-encapsulated-key";
/// Name of the field of an answer: the response nonce. It is also what says that content is sealed.
pub const RESPONSE_NONCE: &str = "ehbp-response-nonce";

/// Bytes of either value.
const LEN: usize = 32;

/// The encapsulated key of a request. Whether it is a point that the KEM takes is not known before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncapsulatedKey([u8; LEN]);

/// The nonce of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResponseNonce([u8; LEN]);

impl EncapsulatedKey {
    /// Reads a field value.
    ///
    /// # Errors
    /// [`Error::EncapsulatedKey`]
    pub fn from_field(value: &[u8]) -> Result<Self, Error> {
        read(value).map(Self).ok_or(Error::EncapsulatedKey)
    }

    /// The field value.
    #[must_use]
    pub fn to_field(&self) -> String {
        hex::encode(self.0)
    }

    /// The bytes, by which a replay register tells requests apart (EH-21).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }

    /// What an encapsulation gave.
    pub(crate) fn new(enc: &[u8]) -> Result<Self, Error> {
        enc.try_into().map(Self).map_err(|_| Error::EncapsulatedKey)
    }
}

impl ResponseNonce {
    /// Reads a field value.
    ///
    /// # Errors
    /// [`Error::ResponseNonce`]
    pub fn from_field(value: &[u8]) -> Result<Self, Error> {
        read(value).map(Self).ok_or(Error::ResponseNonce)
    }

    /// The field value.
    #[must_use]
    pub fn to_field(&self) -> String {
        hex::encode(self.0)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }

    /// A fresh one.
    pub(crate) fn generate(random: &dyn Random) -> Result<Self, Error> {
        Ok(Self(random::array(random)?))
    }
}

/// Exactly 64 digits, in lower case: one value has one form.
pub(crate) fn read(value: &[u8]) -> Option<[u8; LEN]> {
    if value.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; LEN];
    hex::decode_to_slice(value, &mut bytes).ok()?;
    Some(bytes)
}
