//! The CA itself: a self-signed root that certifies attestation keys, and nothing else. It is on P-256, as strong as the
//! attestation keys under it, and verified in half the time of P-384.

use super::{Activated, Error, certificate};
use crate::{
    UnixTime,
    x509::{
        Certificate,
        issue::{Curve, IssuerKey, Subject, issue},
    },
};
use der::zeroize::Zeroizing;
use der::{
    Document, SecretDocument,
    asn1::{GeneralizedTime, UtcTime},
    pem::LineEnding,
};
use sealwire_crypto::{digest::sha256, random::Random, sign::ecdsa_p256::SigningKey};
use std::{str::FromStr as _, time::Duration};
use x509_cert::{
    name::Name,
    time::{Time, Validity},
};

/// How long the root is valid: 20 years.
const LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);
/// Certificates begin an hour before they are made, for clocks that differ.
const EARLIER: u64 = 60 * 60;

const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// The enrolment CA. Its key is wiped on drop.
pub struct Ca {
    key: SigningKey,
    certificate: Vec<u8>,
    name: Name,
    window: (UnixTime, UnixTime),
}

impl Ca {
    /// Makes a key and a root certificate, valid from `at` for 20 years.
    ///
    /// # Errors
    /// [`Error::Crypto`]
    pub fn generate(random: &dyn Random, at: UnixTime) -> Result<Self, Error> {
        let key = SigningKey::generate()?;
        let public = certificate::ca_key(&key)?;
        // Roots of several CAs in one folder are told apart by their names.
        let id = sha256(&[&key.public_key()]);
        let id = hex::encode(id.get(..8).unwrap_or_default());
        let name = Name::from_str(&format!("CN=Sealwire enrolment CA {id},O=Sealwire"))?;
        let subject = Subject {
            serial: certificate::serial_number(random)?,
            name: name.clone(),
            extensions: certificate::ca_extensions(&public)?,
            key: public,
        };
        let validity = validity(at, at.saturating_add(LIFETIME))?;
        let certificate = issue(&name, IssuerKey::EcdsaP256(&key), validity, subject)?;
        Self::new(key, certificate)
    }

    /// From PEM: the key in PKCS#8, and its certificate.
    ///
    /// # Errors
    /// [`Error::Ca`]
    pub fn from_pem(key: &str, certificate: &str) -> Result<Self, Error> {
        let (label, key) = SecretDocument::from_pem(key).map_err(|_| Error::Ca("its key is not PEM"))?;
        if label != PRIVATE_KEY {
            return Err(Error::Ca("its key is not a private key in PKCS#8"));
        }
        let key = SigningKey::from_pkcs8(key.as_bytes()).map_err(|_| Error::Ca("its key is not on P-256"))?;
        let (label, certificate) =
            Document::from_pem(certificate).map_err(|_| Error::Ca("its certificate is not PEM"))?;
        if label != CERTIFICATE {
            return Err(Error::Ca("its certificate is none"));
        }
        Self::new(key, certificate.into_vec())
    }

    fn new(key: SigningKey, certificate: Vec<u8>) -> Result<Self, Error> {
        let parsed =
            Certificate::from_der(&certificate).map_err(|_| Error::Ca("its certificate does not parse"))?;
        if parsed.ec_key() != Some((Curve::P256, &key.public_key()[..])) {
            return Err(Error::Ca("its certificate is of another key"));
        }
        let window = parsed.window(crate::Place::Root);
        let window = (window.not_before, window.not_after);
        Ok(Self { key, name: parsed.subject().clone(), certificate, window })
    }

    /// The root certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// SHA-256 of the root certificate: what a policy names in `roots`.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&[&self.certificate])
    }

    /// The root certificate in PEM.
    ///
    /// # Errors
    /// [`Error::Certificate`]
    pub fn certificate_pem(&self) -> Result<String, Error> {
        to_pem(&self.certificate)
    }

    /// The private key in PEM (PKCS#8). Wiped on drop.
    ///
    /// # Errors
    /// [`Error::Certificate`]
    pub fn key_pem(&self) -> Result<Zeroizing<String>, Error> {
        let key = SecretDocument::try_from(self.key.to_pkcs8()?.as_slice())?;
        Ok(key.to_pem(PRIVATE_KEY, LineEnding::LF)?)
    }

    /// Certifies an attestation key for `lifetime`, or until the root ends: the certificate in DER.
    ///
    /// The subject's serialNumber is [`Activated::hardware_id`]. A TPM has an EK of each kind, and so could have an id of
    /// each: whoever runs the CA keeps the first id of each attestation key ([`Activated::known_as`]), so that who revokes
    /// it revokes the key however it is enrolled again.
    ///
    /// # Errors
    /// [`Error::CaValidity`], [`Error::Crypto`]
    pub fn certify(
        &self,
        activated: &Activated,
        lifetime: Duration,
        random: &dyn Random,
        at: UnixTime,
    ) -> Result<Vec<u8>, Error> {
        let (not_before, not_after) = self.window;
        if at < not_before || at > not_after {
            return Err(Error::CaValidity(at));
        }
        let key = certificate::attestation_key(&activated.key)?;
        let subject = Subject {
            serial: certificate::serial_number(random)?,
            name: subject_name(&activated.tpm)?,
            extensions: certificate::attestation_extensions(&key, &certificate::ca_key(&self.key)?)?,
            key,
        };
        let until = at.saturating_add(lifetime).min(not_after);
        Ok(issue(&self.name, IssuerKey::EcdsaP256(&self.key), validity(at, until)?, subject)?)
    }

    /// The file that a gateway is given: the certificate of the attestation key, and the root.
    ///
    /// # Errors
    /// [`Error::Certificate`]
    pub fn chain_pem(&self, certificate: &[u8]) -> Result<String, Error> {
        Ok(to_pem(certificate)? + &self.certificate_pem()?)
    }
}

/// serialNumber is a PrintableString (X.520), which only this form of RFC 4514 section 2.4 can say.
fn subject_name(tpm: &str) -> Result<Name, Error> {
    let printable = der::asn1::PrintableStringRef::new(tpm)?;
    let der = der::Encode::to_der(&printable)?;
    Ok(Name::from_str(&format!("2.5.4.5=#{},CN=Sealwire attestation key,O=Sealwire", hex::encode(der)))?)
}

fn to_pem(certificate: &[u8]) -> Result<String, Error> {
    Ok(Document::try_from(certificate)?.to_pem(CERTIFICATE, LineEnding::LF)?)
}

fn validity(from: UnixTime, to: UnixTime) -> Result<Validity, Error> {
    Ok(Validity::new(time(from.0.saturating_sub(EARLIER))?, time(to.0)?))
}

/// RFC 5280 section 4.1.2.5: UTCTime until 2049.
fn time(seconds: u64) -> Result<Time, Error> {
    let since_epoch = Duration::from_secs(seconds);
    Ok(match UtcTime::from_unix_duration(since_epoch) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_unix_duration(since_epoch)?),
    })
}
