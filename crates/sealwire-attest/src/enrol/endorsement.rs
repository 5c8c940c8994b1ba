//! Endorsement keys: their templates (TCG EK Credential Profile for TPM family 2.0, version 2.6, appendix B.3) and the
//! certificates that makers give them.

use super::Error;
use crate::{
    Endorsements, UnixTime,
    tpm::{Public, PublicKey},
    x509::{
        Algorithm, Certificate, Curve, LeafUse, Path, Profile, Revocation, UnverifiedStatuses, rsa_public_key,
    },
};
use der::{
    Decode as _, Encode as _,
    oid::{AssociatedOid as _, ObjectIdentifier},
};
use sealwire_crypto::digest::Hash;
use x509_cert::ext::pkix::{CertificatePolicies, ExtendedKeyUsage, SubjectAltName};

/// tcg-kp-EKCertificate
const EK_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.1");

/// What TPM makers sign with. The alternative name of an EK certificate, which holds the TPM's make where the subject is
/// empty, is critical then; policies that nobody asks for constrain nothing (RFC 5280 section 6.1.5 (g)).
const PROFILE: Profile = Profile {
    algorithms: &[
        Algorithm::Pkcs1(Hash::Sha256),
        Algorithm::Pkcs1(Hash::Sha384),
        Algorithm::Pkcs1(Hash::Sha512),
        Algorithm::EcdsaSha256,
        Algorithm::EcdsaSha384,
        Algorithm::EcdsaSha512,
    ],
    understood: &[SubjectAltName::OID, ExtendedKeyUsage::OID, CertificatePolicies::OID],
    leaf: LeafUse::Decrypt,
};

/// The kinds of endorsement key that are accepted. What differs from them in one bit is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndorsementKey {
    /// template L-1
    Rsa2048,
    /// template L-2
    EccP256,
}

/// nameAlg SHA-256; fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt; and the digest of
/// the policy PolicySecret(TPM_RH_ENDORSEMENT), so that who may use the endorsement hierarchy may use the key.
const COMMON: [u8; 40] = [
    0x00, 0x0b, 0x00, 0x03, 0x00, 0xb2, 0x00, 0x20, //
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, //
    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
];
/// AES-128-CFB for what it protects, no scheme.
const SYMMETRIC: [u8; 8] = [0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10];

impl EndorsementKey {
    /// Both, in the order in which they are looked for.
    pub const ALL: [Self; 2] = [Self::Rsa2048, Self::EccP256];

    /// The name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-2048",
            Self::EccP256 => "ecc-p256",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Where a TPM keeps the maker's certificate (EK Credential Profile, section 2.2.1.4).
    #[must_use]
    pub fn certificate_index(self) -> u32 {
        match self {
            Self::Rsa2048 => 0x01c0_0002,
            Self::EccP256 => 0x01c0_000a,
        }
    }

    /// The kind that a maker's certificate is for.
    ///
    /// # Errors
    /// [`Error::EkChain`] where it does not parse, [`Error::EkTemplate`] for a key of another kind.
    pub fn of_certificate(der: &[u8]) -> Result<Self, Error> {
        let certificate = Certificate::from_der(der).map_err(Error::EkChain)?;
        match certificate.ec_key() {
            Some((Curve::P256, _)) => Ok(Self::EccP256),
            None if certificate.rsa_key().is_some() => Ok(Self::Rsa2048),
            _ => Err(Error::EkTemplate),
        }
    }

    /// TPMT_PUBLIC up to `unique`, which is all zero in the template and the key itself in the public area.
    fn before_unique(self) -> Vec<u8> {
        let (kind, parameters): (_, &[u8]) = match self {
            // 2048 bits, the default exponent
            Self::Rsa2048 => ([0x00, 0x01], &[0x08, 0x00, 0x00, 0x00, 0x00, 0x00]),
            // TPM_ECC_NIST_P256, no KDF
            Self::EccP256 => ([0x00, 0x23], &[0x00, 0x03, 0x00, 0x10]),
        };
        [&kind[..], &COMMON, &SYMMETRIC, parameters].concat()
    }

    /// The template from which a TPM makes the key: TPMT_PUBLIC.
    #[must_use]
    pub fn template(self) -> Vec<u8> {
        let mut template = self.before_unique();
        let unique: &[usize] = match self {
            Self::Rsa2048 => &[256],
            Self::EccP256 => &[32, 32],
        };
        for len in unique {
            // At most 256.
            template.extend((*len as u16).to_be_bytes());
            template.resize(template.len() + len, 0);
        }
        template
    }

    /// The kind of a public area, by its exact bytes.
    pub(super) fn of(public: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|key| public.starts_with(&key.before_unique()))
    }
}

/// The certificates that a CA of TPM makers trusts: self-signed ones are trust anchors, others may stand between.
pub struct EkRoots {
    roots: Vec<Certificate>,
    intermediates: Vec<Certificate>,
    crls: Vec<Vec<u8>>,
}

impl EkRoots {
    /// From certificates and CRLs that the operator has chosen.
    ///
    /// # Errors
    /// [`Error::NoRoots`], [`Error::EkChain`] for what does not parse.
    pub fn new(chosen: &Endorsements) -> Result<Self, Error> {
        let certificates = chosen.parse_certificates().map_err(Error::EkChain)?;
        let (roots, intermediates): (Vec<_>, Vec<_>) =
            certificates.into_iter().partition(|certificate| certificate.subject() == certificate.issuer());
        if roots.is_empty() {
            return Err(Error::NoRoots);
        }
        Ok(Self { roots, intermediates, crls: chosen.crls.clone() })
    }
}

/// An EK whose maker vouches for it.
pub(super) struct Genuine {
    pub(super) key: EndorsementKey,
    pub(super) public: Public,
    /// SubjectPublicKeyInfo in DER
    pub(super) info: Vec<u8>,
    /// `leaf ← intermediate ← root`
    pub(super) path: String,
    /// what the CRLs at hand said, for people
    pub(super) revocation: Revocation,
}

/// Checks that `public` is of a template, and that `certificate` is the maker's for exactly this key.
pub(super) fn check(
    certificate: &[u8],
    sent: &[Vec<u8>],
    public_area: &[u8],
    roots: &EkRoots,
    at: UnixTime,
) -> Result<Genuine, Error> {
    let key = EndorsementKey::of(public_area).ok_or(Error::EkTemplate)?;
    let public = Public::parse(public_area).map_err(|_| Error::EkTemplate)?;
    let certificate = Certificate::from_der(certificate).map_err(Error::EkChain)?;
    let mut supplied = roots.intermediates.clone();
    for der in sent {
        supplied.push(Certificate::from_der(der).map_err(Error::EkChain)?);
    }
    let statuses = UnverifiedStatuses::parse(&roots.crls).map_err(Error::EkChain)?;
    let path = Path::build(&certificate, &supplied, &roots.roots, statuses, &PROFILE);
    let path = path.map_err(Error::EkChain)?;
    path.check_validity(at).map_err(Error::EkChain)?;
    let revocation = path.check_revocation(at).map_err(Error::EkChain)?;
    let usage = certificate.extension(ExtendedKeyUsage::OID).map(ExtendedKeyUsage::from_der);
    if !usage.is_some_and(|usage| usage.is_ok_and(|usage| usage.0.contains(&EK_CERTIFICATE))) {
        return Err(Error::EkUsage);
    }
    let same = match &public.key {
        PublicKey::Rsa { modulus, exponent } => {
            certificate.rsa_key() == Some(rsa_public_key(modulus, *exponent)?.as_slice())
        }
        PublicKey::Ecc { point, .. } => certificate.ec_key() == Some((Curve::P256, point)),
    };
    if !same {
        return Err(Error::EkMismatch);
    }
    let info = certificate.public_key_info().to_der()?;
    Ok(Genuine { key, public, info, path: path.names, revocation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_crypto::digest::sha256;

    // AT-62: the digest of a policy session after PolicySecret(TPM_RH_ENDORSEMENT), computed as part 3, section 23.4
    // says: SHA-256(SHA-256(0^32 || TPM_CC_PolicySecret || Name) || policyRef), the Name of a hierarchy its handle.
    #[test]
    fn the_policy_is_that_of_the_endorsement_hierarchy() {
        let inner = sha256(&[&[0; 32], &0x0000_0151u32.to_be_bytes(), &0x4000_000bu32.to_be_bytes()]);
        assert_eq!(COMMON[8..], sha256(&[&inner]));
    }

    // AT-62
    #[test]
    fn a_template_parses_as_its_own_kind() {
        for key in EndorsementKey::ALL {
            let template = key.template();
            assert_eq!(EndorsementKey::of(&template), Some(key));
            assert_eq!(EndorsementKey::from_name(key.name()), Some(key));
            for index in 0..key.before_unique().len() {
                let mut altered = template.clone();
                altered[index] ^= 1;
                assert_eq!(EndorsementKey::of(&altered), None, "byte {index}");
            }
        }
        let ecc = Public::parse(&EndorsementKey::EccP256.template()).unwrap();
        assert_eq!(
            ecc.key,
            PublicKey::Ecc { curve: crate::tpm::EccCurve::P256, point: [vec![4], vec![0; 64]].concat() }
        );
    }
}
