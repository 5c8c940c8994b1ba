//! What the CA remembers of a challenge, and what the right answer proves.

use super::{Answer, EkRoots, Error, Request, SECRET_LEN};
use crate::{
    UnixTime,
    tpm::{Public, PublicKey, name_of},
};
use sealwire_crypto::digest::{constant_time_eq, sha256};

/// A challenge that has not been answered. Whoever keeps it removes it before [`Self::redeem`], so that it is redeemed
/// once, rightly or wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// names the challenge
    pub(super) id: [u8; 16],
    /// of the request
    pub(super) request: [u8; 32],
    /// of the secret
    pub(super) secret: [u8; 32],
    pub(super) expires: UnixTime,
}

/// An attestation key that is in the TPM whose maker vouches for it.
pub struct Activated {
    pub(super) key: PublicKey,
    /// hex of the SHA-256 of an EK's public area
    pub(super) tpm: String,
    name: Vec<u8>,
}

impl Activated {
    /// The Name of the attestation key.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The hardware id that the certificate will have: the SHA-256 of the EK's public area in hex.
    #[must_use]
    pub fn hardware_id(&self) -> &str {
        &self.tpm
    }

    /// The same under the hardware id that this attestation key was certified with before. A TPM has several EKs; by its
    /// keys it is one.
    #[must_use]
    pub fn known_as(self, first: [u8; 32]) -> Self {
        Self { tpm: hex::encode(first), ..self }
    }
}

impl Pending {
    pub(super) fn new(id: [u8; 16], request: [u8; 32], secret: &[u8; SECRET_LEN], expires: UnixTime) -> Self {
        Self { id, request, secret: hash(secret), expires }
    }

    /// What names it in hex, for a file.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }

    /// Until when it can be answered.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        self.expires
    }

    /// Checks an answer, and the request once more: what was good when the challenge was made may have ended since, or been
    /// revoked. The secret is compared in constant time.
    ///
    /// # Errors
    /// [`Error::OtherChallenge`], [`Error::OtherRequest`], [`Error::Expired`], [`Error::WrongSecret`], and those of
    /// [`Request::check`].
    pub fn redeem(
        self,
        request: &Request,
        answer: &Answer,
        roots: &EkRoots,
        at: UnixTime,
    ) -> Result<Activated, Error> {
        if answer.id != self.id {
            return Err(Error::OtherChallenge);
        }
        if request.digest() != self.request {
            return Err(Error::OtherRequest);
        }
        if at > self.expires {
            return Err(Error::Expired(self.expires));
        }
        if !constant_time_eq(&hash(&answer.secret), &self.secret) {
            return Err(Error::WrongSecret);
        }
        request.check(roots, at)?;
        let ak = Public::parse(&request.ak_public).map_err(Error::Ak)?;
        let name = name_of(&request.ak_public).map_err(Error::Ak)?;
        Ok(Activated { key: ak.key, tpm: hex::encode(sha256(&[&request.ek_public])), name })
    }
}

/// A secret of 32 random bytes cannot be found from it.
fn hash(secret: &[u8]) -> [u8; 32] {
    sha256(&[b"sealwire enrolment secret", secret])
}
