//! What the CA checks before it sends a secret.

use super::{Challenge, EkRoots, Error, Pending, Request, credential, endorsement, endorsement::Genuine};
use crate::{
    UnixTime,
    tpm::{EccCurve, HashAlg, Public, PublicKey, Scheme, name_of},
    x509::Revocation,
};
use sealwire_crypto::random::{self, Random};

/// A request whose endorsement key is genuine and whose attestation key is fit to be one. That both are in one TPM is
/// not known yet.
pub struct Endorsed {
    ek: Genuine,
    /// Name of the attestation key
    name: Vec<u8>,
    /// ties what follows to this request
    digest: [u8; 32],
}

impl Request {
    /// Checks the EK certificate's chain and profile, that it is for the EK, the EK's template, and the attributes of the
    /// attestation key.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn check(&self, roots: &EkRoots, at: UnixTime) -> Result<Endorsed, Error> {
        let ek = endorsement::check(&self.ek_certificate, &self.intermediates, &self.ek_public, roots, at)?;
        fit(&Public::parse(&self.ak_public).map_err(Error::Ak)?)?;
        let name = name_of(&self.ak_public).map_err(Error::Ak)?;
        Ok(Endorsed { ek, name, digest: self.digest() })
    }
}

impl Endorsed {
    /// The Name of the attestation key: what a policy pins in `tpm-keys`.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The EK certificate's chain for people: `leaf ← intermediate ← root`.
    #[must_use]
    pub fn chain(&self) -> &str {
        &self.ek.path
    }

    /// The issuer that no CRL was at hand of; `None` where every certificate of the chain was looked up.
    #[must_use]
    pub fn without_crl(&self) -> Option<&str> {
        match &self.ek.revocation {
            Revocation::Clear(_) => None,
            Revocation::NoCrl(issuer) => Some(issuer),
        }
    }

    /// Makes a secret and encrypts it for the TPM (TPM2_MakeCredential), to be answered until `expires`.
    ///
    /// The secret itself is kept nowhere: [`Pending`] holds its hash.
    ///
    /// # Errors
    /// [`Error::Crypto`]
    pub fn challenge(&self, random: &dyn Random, expires: UnixTime) -> Result<(Challenge, Pending), Error> {
        let id = random::array(random)?;
        let secret = der::zeroize::Zeroizing::new(random::array(random)?);
        let sealed = credential::make(&self.ek, &self.name, &secret, random)?;
        let challenge = Challenge {
            id,
            endorsement_key: self.ek.key,
            ak_name: self.name.clone(),
            credential: sealed.credential,
            encrypted_secret: sealed.seed,
            expires,
        };
        Ok((challenge, Pending::new(id, self.digest, &secret, expires)))
    }
}

/// That an attestation key attests is for the CA to see to: activation proves where a key is, not what it is for.
fn fit(ak: &Public) -> Result<(), Error> {
    if let Some(why) = ak.unfit_to_attest() {
        return Err(Error::AkUnfit(why));
    }
    match (&ak.key, ak.scheme) {
        (PublicKey::Ecc { curve: EccCurve::P256, .. }, Scheme::Ecdsa(HashAlg::Sha256)) => Ok(()),
        (PublicKey::Rsa { modulus, exponent: 65537 }, Scheme::Rsassa(HashAlg::Sha256))
            if modulus.len() == 256 =>
        {
            Ok(())
        }
        _ => Err(Error::AkUnfit("is neither ECDSA P-256 with SHA-256 nor RSASSA 2048 with SHA-256")),
    }
}
