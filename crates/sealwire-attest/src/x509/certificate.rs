use super::{
    Algorithm, Curve, LeafUse, Link, MAX_CERTIFICATE, MAX_ELEMENTS, Points, Profile, algorithm, is_crowded,
    signed_bytes, unix,
};
use crate::{Error, Place, UnixTime};
use der::{
    Decode as _,
    oid::{AssociatedOid as _, ObjectIdentifier},
};
use sealwire_crypto::digest::sha256;
use std::sync::OnceLock;
use x509_cert::{
    certificate::Version,
    ext::pkix::{BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage},
    name::Name,
};

/// id-kp-OCSPSigning (RFC 6960 section 4.2.2.2)
const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
/// id-pkix-ocsp-nocheck (RFC 6960 section 4.2.2.2.1)
const OCSP_NO_CHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");

/// A certificate that parsed; nothing about it is verified.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    parsed: x509_cert::Certificate,
    signed: Vec<u8>,
    fingerprint: [u8; 32],
}

/// When a certificate is valid, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    place: Place,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl Window {
    /// AT-05
    pub(crate) fn check(&self, at: UnixTime) -> Result<(), Error> {
        let Self { place, not_before, not_after } = *self;
        if at < not_before {
            return Err(Error::NotYetValid { place, not_before });
        }
        if at > not_after {
            return Err(Error::Expired { place, not_after });
        }
        Ok(())
    }
}

impl Certificate {
    /// Parses DER; trailing bytes are an error.
    pub(crate) fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_CERTIFICATE {
            return Err(Error::MalformedEndorsement("a certificate that is too long"));
        }
        if is_crowded(bytes, MAX_ELEMENTS) {
            return Err(Error::MalformedEndorsement("a certificate of more elements than one has"));
        }
        let malformed = |_| Error::MalformedEndorsement("not a certificate");
        let parsed = x509_cert::Certificate::from_der(bytes).map_err(malformed)?;
        let signed = signed_bytes(bytes).map_err(malformed)?.to_vec();
        Ok(Self { parsed, signed, fingerprint: sha256(&[bytes]) })
    }

    /// SHA-256 over the whole certificate.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    pub(crate) fn subject(&self) -> &Name {
        self.parsed.tbs_certificate().subject()
    }

    pub(crate) fn issuer(&self) -> &Name {
        self.parsed.tbs_certificate().issuer()
    }

    /// The subject's common name, empty where there is none.
    pub(crate) fn common_name(&self) -> String {
        self.subject().common_name().ok().flatten().map(|name| name.value().into_owned()).unwrap_or_default()
    }

    /// The subject's serialNumber (X.520), which names a device; not the certificate's own number.
    pub(crate) fn subject_serial_number(&self) -> Option<String> {
        const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
        let mut found = self.subject().iter().filter(|attribute| attribute.oid == SERIAL_NUMBER);
        match (found.next(), found.next()) {
            (Some(attribute), None) => String::from_utf8(attribute.value.value().to_vec()).ok(),
            _ => None,
        }
    }

    /// The serial number, big-endian.
    pub(crate) fn serial(&self) -> &[u8] {
        self.parsed.tbs_certificate().serial_number().as_bytes()
    }

    pub(crate) fn window(&self, place: Place) -> Window {
        let validity = self.parsed.tbs_certificate().validity();
        Window { place, not_before: unix(validity.not_before), not_after: unix(validity.not_after) }
    }

    /// The subject's name as a person reads it: the common name, or else the whole name.
    pub(crate) fn shown(&self) -> String {
        let name = self.common_name();
        if name.is_empty() { self.subject().to_string() } else { name }
    }

    pub(crate) fn public_key_info(&self) -> &x509_cert::spki::SubjectPublicKeyInfoOwned {
        self.parsed.tbs_certificate().subject_public_key_info()
    }

    /// The public key without its algorithm, which is what OCSP names it by (RFC 6960 section 4.1.1).
    pub(crate) fn key_bits(&self) -> &[u8] {
        self.public_key_info().subject_public_key.raw_bytes()
    }

    /// The public key as an uncompressed point, if it is one on P-384.
    pub(crate) fn p384_key(&self) -> Option<[u8; 97]> {
        self.ec_key().filter(|(curve, _)| *curve == Curve::P384)?.1.try_into().ok()
    }

    /// The curve and the point of the public key, if it is one on a named curve.
    pub(crate) fn ec_key(&self) -> Option<(Curve, &[u8])> {
        algorithm::ec_point(self.public_key_info())
    }

    /// The public key as an RSAPublicKey in DER, if it is one.
    pub(crate) fn rsa_key(&self) -> Option<&[u8]> {
        algorithm::rsa_key(self.public_key_info())
    }

    /// The value of the extension `oid`; `None` where it is missing or there twice.
    pub(crate) fn extension(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        let mut found = self.extensions().filter(|extension| extension.extn_id == oid);
        match (found.next(), found.next()) {
            (Some(extension), None) => Some(extension.extn_value.as_bytes()),
            _ => None,
        }
    }

    /// Verifies the signature with the key of `issuer`, which must be of the name that this certificate gives.
    pub(crate) fn is_signed_by(&self, issuer: &Self, profile: &Profile, place: Place) -> Result<(), Error> {
        let algorithm = self.parsed.signature_algorithm();
        // RFC 5280 section 4.1.1.2: the identifier outside of what is signed repeats the one inside.
        if algorithm != self.parsed.tbs_certificate().signature() {
            return Err(Error::CertificateAlgorithm(place));
        }
        let algorithm = Algorithm::named(algorithm).filter(|named| profile.algorithms.contains(named));
        let algorithm = algorithm.ok_or(Error::CertificateAlgorithm(place))?;
        let signature = self.parsed.signature().as_bytes();
        let verifies = self.issuer() == issuer.subject()
            && signature.is_some_and(|signature| {
                algorithm.verifies(issuer.public_key_info(), &self.signed, signature)
            });
        if verifies { Ok(()) } else { Err(Error::CertificateSignature(place)) }
    }

    /// Checks that a root or intermediate may issue certificates: version 3, CA, key usage, `below` further
    /// authorities at most, and no critical extension that is not understood (RFC 5280 section 6.1.4).
    pub(crate) fn may_issue(&self, profile: &Profile, place: Place, below: u8) -> Result<(), Error> {
        let error = Error::CertificateUsage(place);
        let constraints: BasicConstraints = self.decoded(BasicConstraints::OID).ok_or(error.clone())?;
        let may_sign = self.key_usage(place)?.is_none_or(|usage| usage.key_cert_sign());
        let deep_enough = constraints.path_len_constraint.is_none_or(|length| length >= below);
        if constraints.ca && deep_enough && may_sign && self.is_understood(profile) {
            Ok(())
        } else {
            Err(error)
        }
    }

    /// Checks that a leaf is one: version 3, no CA, allowed what it is for, and no critical extension that is not understood.
    pub(crate) fn is_leaf(&self, profile: &Profile) -> Result<(), Error> {
        let error = Error::CertificateUsage(Place::Leaf);
        let is_ca = match self.has(BasicConstraints::OID) {
            true => self.decoded::<BasicConstraints>(BasicConstraints::OID).ok_or(error.clone())?.ca,
            false => false,
        };
        let usage = self.key_usage(Place::Leaf)?;
        let fits = usage.is_none_or(|usage| match profile.leaf {
            LeafUse::Sign => usage.digital_signature(),
            LeafUse::Decrypt => usage.key_encipherment() || usage.key_agreement(),
        });
        if !is_ca && fits && self.is_understood(profile) { Ok(()) } else { Err(error) }
    }

    /// Whether its key may sign CRLs: it says so, or says nothing on its use.
    pub(crate) fn may_sign_crls(&self) -> bool {
        self.key_usage(Place::Root).is_ok_and(|usage| usage.is_none_or(|usage| usage.crl_sign()))
    }

    /// Whether it is that of an OCSP responder: its key may sign, and signs responses (RFC 6960 section 4.2.2.2).
    pub(crate) fn may_sign_ocsp(&self, profile: &Profile) -> bool {
        let usage = self.key_usage(Place::Leaf);
        let purposes: Option<ExtendedKeyUsage> = self.decoded(ExtendedKeyUsage::OID);
        usage.is_ok_and(|usage| usage.is_none_or(|usage| usage.digital_signature()))
            && purposes.is_some_and(|purposes| purposes.0.contains(&OCSP_SIGNING))
            && self.understands(&[ExtendedKeyUsage::OID, OCSP_NO_CHECK], profile)
    }

    /// Whether its issuer says that nobody needs to ask whether it is revoked, as it may of an OCSP responder's.
    pub(crate) fn is_exempt_from_revocation(&self) -> bool {
        self.has(OCSP_NO_CHECK)
    }

    /// Where it says that its issuer publishes a CRL; `None` where it says nothing of that.
    pub(crate) fn points(&self) -> Option<Points> {
        let is_there = self.has(CrlDistributionPoints::OID);
        is_there.then(|| self.extension(CrlDistributionPoints::OID).map(Points::from_der).unwrap_or_default())
    }

    /// What revocation needs to know of it, below `issuer`.
    pub(crate) fn link(&self, place: Place, issuer: &Self) -> Link {
        let points = self.points();
        Link {
            place,
            issuer: self.issuer().clone(),
            issuer_fingerprint: issuer.fingerprint(),
            serial: self.serial().to_vec(),
            names_crl: points.is_some(),
            points: points.unwrap_or_default(),
            issuer_shown: OnceLock::new(),
        }
    }

    fn key_usage(&self, place: Place) -> Result<Option<KeyUsage>, Error> {
        if !self.has(KeyUsage::OID) {
            return Ok(None);
        }
        self.decoded(KeyUsage::OID).map(Some).ok_or(Error::CertificateUsage(place))
    }

    fn is_understood(&self, profile: &Profile) -> bool {
        self.understands(&[], profile)
    }

    /// Whether it has no critical extension but those that are always looked at, those of the vendor, and `also`.
    fn understands(&self, also: &[ObjectIdentifier], profile: &Profile) -> bool {
        let looked_at = |id| [BasicConstraints::OID, KeyUsage::OID].contains(&id) || also.contains(&id);
        self.parsed.tbs_certificate().version() == Version::V3
            && self
                .extensions()
                .filter(|extension| extension.critical)
                .map(|extension| extension.extn_id)
                .all(|id| looked_at(id) || profile.understood.contains(&id))
    }

    fn has(&self, oid: ObjectIdentifier) -> bool {
        self.extensions().any(|extension| extension.extn_id == oid)
    }

    fn decoded<'a, T: der::Decode<'a>>(&'a self, oid: ObjectIdentifier) -> Option<T> {
        T::from_der(self.extension(oid)?).ok()
    }

    fn extensions(&self) -> impl Iterator<Item = &x509_cert::ext::Extension> {
        self.parsed.tbs_certificate().extensions().into_iter().flatten()
    }
}
