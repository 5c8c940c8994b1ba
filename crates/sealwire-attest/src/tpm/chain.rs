//! What vouches for an attestation key: a certificate of an enrolment CA that a policy pins, or a policy that names it.

use super::{Public, Quote, name_of, signature::VerifyingKey};
use crate::{
    Endorsements, Error, Place, Trust, UnixTime,
    x509::{Algorithm, Certificate, LeafUse, Path, Profile, Revocation, UnverifiedStatuses},
};
use der::{
    Decode as _,
    oid::{AssociatedOid as _, ObjectIdentifier},
};
use sealwire_crypto::digest::Hash;
use x509_cert::ext::pkix::ExtendedKeyUsage;

/// Enrolment CAs use what they like of what is sound.
const PROFILE: Profile = Profile {
    algorithms: &[
        Algorithm::EcdsaSha256,
        Algorithm::EcdsaSha384,
        Algorithm::Pkcs1(Hash::Sha256),
        Algorithm::Pkcs1(Hash::Sha384),
        Algorithm::Pkcs1(Hash::Sha512),
    ],
    understood: &[ExtendedKeyUsage::OID],
    leaf: LeafUse::Sign,
};

/// tcg-kp-AIKCertificate: the key purpose of an attestation key.
const AIK_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");

/// The most certificates of one attestation key that are tried: a folder may hold renewed ones.
const MAX_CANDIDATES: usize = 4;

/// An attestation key that something vouches for. Times and revocation are looked at each time that it is used (AT-26).
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) key: VerifyingKey,
    anchor: Anchor,
}

#[derive(Debug)]
enum Anchor {
    /// a certificate under a pinned root; its subject's serial number
    Certified { path: Path, tpm: Vec<u8> },
    /// the Name of the key, which the policy has
    Named(Vec<u8>),
}

impl Chain {
    /// Finds and verifies what vouches for the key of `public`.
    ///
    /// A Name that is pinned comes first: it says exactly which key is meant, and needs nobody's certificate.
    pub(super) fn build(
        public: &[u8],
        endorsements: &Endorsements,
        trust: &Trust,
        at: UnixTime,
    ) -> Result<Self, Error> {
        let supplied = endorsements.parse_certificates()?;
        let mut statuses = Some(UnverifiedStatuses::parse(&endorsements.crls)?);
        let parsed = Public::parse(public)?;
        if let Some(why) = parsed.unfit_to_attest() {
            return Err(Error::KeyNotBound(why));
        }
        let key = VerifyingKey::new(&parsed)?;
        let name = name_of(public)?;
        if trust.tpm_keys.contains(&name) {
            return Ok(Self { key, anchor: Anchor::Named(name) });
        }
        let roots: Vec<Certificate> = supplied
            .iter()
            .filter(|certificate| trust.enrolment.contains(&certificate.fingerprint()))
            .cloned()
            .collect();
        let mut candidates: Vec<&Certificate> =
            supplied.iter().filter(|certificate| key.is_of(certificate)).collect();
        // One that is valid comes before one that was.
        candidates.sort_by_key(|certificate| certificate.window(Place::Leaf).check(at).is_err());
        let mut error = match trust.enrolment.is_empty() {
            // Names alone are pinned, and this is none of them; or nothing is.
            true => Error::RootNotPinned,
            false => Error::EndorsementMissing("the certificate of the attestation key"),
        };
        // One that holds and is over is told as that.
        let mut over = None;
        for (index, certificate) in candidates.into_iter().take(MAX_CANDIDATES).enumerate() {
            let statuses =
                statuses.take().map_or_else(|| UnverifiedStatuses::parse(&endorsements.crls), Ok)?;
            match certified(certificate, &supplied, &roots, statuses) {
                Ok((path, tpm)) => {
                    let is_valid = path.check_validity(at).is_ok();
                    let anchor = Anchor::Certified { path, tpm };
                    if is_valid {
                        return Ok(Self { key, anchor });
                    }
                    over.get_or_insert(anchor);
                }
                Err(found) if index == 0 => error = found,
                Err(_) => {}
            }
        }
        over.map(|anchor| Self { key, anchor }).ok_or(error)
    }

    /// For people, without anything that is of one machine.
    pub(super) fn shown(&self) -> String {
        match &self.anchor {
            Anchor::Certified { path, .. } => {
                let issuers = path.names.split_once(" ← ").map_or("", |(_leaf, issuers)| issuers);
                format!("attestation key ← {issuers}")
            }
            Anchor::Named(_) => "attestation key, whose name is pinned".to_owned(),
        }
    }

    /// AT-05: every certificate; none where a name is pinned.
    pub(super) fn check_validity(&self, at: UnixTime) -> Result<Option<UnixTime>, Error> {
        match &self.anchor {
            Anchor::Certified { path, .. } => path.check_validity(at).map(|()| Some(path.not_after())),
            Anchor::Named(_) => Ok(None),
        }
    }

    /// AT-03: by the CRLs of the path's issuers; none where a name is pinned.
    pub(super) fn check_revocation(&self, at: UnixTime) -> Result<Option<Revocation>, Error> {
        match &self.anchor {
            Anchor::Certified { path, .. } => path.check_revocation(at).map(Some),
            Anchor::Named(_) => Ok(None),
        }
    }

    /// Whether its certificates say where their issuers publish CRLs.
    pub(super) fn names_crl(&self) -> bool {
        matches!(&self.anchor, Anchor::Certified { path, .. } if path.names_crl())
    }

    /// The earliest end of a certificate.
    pub(super) fn not_after(&self) -> UnixTime {
        match &self.anchor {
            Anchor::Certified { path, .. } => path.not_after(),
            Anchor::Named(_) => UnixTime(u64::MAX),
        }
    }

    /// SHA-256 of what is pinned: the root certificate, or the Name.
    pub(super) fn root(&self) -> [u8; 32] {
        match &self.anchor {
            Anchor::Certified { path, .. } => path.root,
            Anchor::Named(name) => sealwire_crypto::digest::sha256(&[name]),
        }
    }

    /// SHA-256 of every certificate, leaf first; none for a key by name.
    pub(super) fn fingerprints(&self) -> &[[u8; 32]] {
        match &self.anchor {
            Anchor::Certified { path, .. } => path.fingerprints(),
            Anchor::Named(_) => &[],
        }
    }

    /// What tells this TPM from others.
    pub(super) fn hardware_id(&self) -> &[u8] {
        match &self.anchor {
            Anchor::Certified { tpm, .. } => tpm,
            Anchor::Named(name) => name,
        }
    }

    /// Whose word it is that the key is a TPM's.
    pub(super) fn signer(&self) -> &'static str {
        match &self.anchor {
            Anchor::Certified { .. } => "AK of an enrolment CA",
            Anchor::Named(_) => "AK by name",
        }
    }
}

/// The Name of the key of a quote that no certificate at hand is for.
pub(crate) fn uncertified(quote: &[u8], endorsements: &Endorsements) -> Option<Vec<u8>> {
    let public = Quote::parse(quote).ok()?.public;
    let key = VerifyingKey::new(&Public::parse(&public).ok()?).ok()?;
    let mut supplied = endorsements.certificates.iter().filter_map(|der| Certificate::from_der(der).ok());
    if supplied.any(|certificate| key.is_of(&certificate)) { None } else { name_of(&public).ok() }
}

/// The path of a certificate of an attestation key, and what it says of the TPM.
fn certified(
    certificate: &Certificate,
    supplied: &[Certificate],
    roots: &[Certificate],
    statuses: UnverifiedStatuses<'_>,
) -> Result<(Path, Vec<u8>), Error> {
    let purposes = certificate.extension(ExtendedKeyUsage::OID);
    let purposes = purposes.and_then(|value| ExtendedKeyUsage::from_der(value).ok());
    if !purposes.is_some_and(|purposes| purposes.0.contains(&AIK_CERTIFICATE)) {
        return Err(Error::CertificateUsage(Place::Leaf));
    }
    let path = Path::build(certificate, supplied, roots, statuses, &PROFILE)?;
    // The enrolment CA writes the hash of the EK's public area there, in hex; another CA may write what it likes.
    let serial = certificate.subject_serial_number().unwrap_or_default();
    let tpm = hex::decode(&serial).unwrap_or_else(|_| serial.into_bytes());
    Ok((path, tpm))
}
