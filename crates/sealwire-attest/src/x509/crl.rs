use super::{Algorithm, Certificate, MAX_CRL, Profile, signed_bytes, unix};
use crate::{Error, UnixTime};
use der::{Decode as _, oid::AssociatedOid as _};
use std::collections::HashSet;
use x509_cert::{
    crl::CertificateList,
    ext::{Extension, pkix::CrlNumber},
    name::Name,
};

/// A CRL whose signature verified. Its times and its list are looked at each time that it is used (AT-26).
#[derive(Debug, Clone)]
pub(crate) struct Crl {
    pub(crate) issuer: Name,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    revoked: HashSet<Vec<u8>>,
}

/// A CRL that parsed; nothing about it is verified.
pub(crate) struct UnverifiedCrl {
    parsed: CertificateList,
    signed: Vec<u8>,
}

impl UnverifiedCrl {
    /// Parses DER; trailing bytes are an error.
    pub(crate) fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_CRL {
            return Err(Error::MalformedEndorsement("a CRL that is too long"));
        }
        let malformed = |_| Error::MalformedEndorsement("not a CRL");
        let parsed = CertificateList::from_der(bytes).map_err(malformed)?;
        let signed = signed_bytes(bytes).map_err(malformed)?.to_vec();
        Ok(Self { parsed, signed })
    }

    pub(crate) fn issuer(&self) -> &Name {
        &self.parsed.tbs_cert_list.issuer
    }

    /// Whether it was to be renewed before `at`; one that says nothing of that never is.
    pub(crate) fn has_ended(&self, at: UnixTime) -> bool {
        self.parsed.tbs_cert_list.next_update.is_some_and(|next| at > unix(next))
    }

    /// Verifies the signature with the key of `issuer`.
    ///
    /// A critical extension of the list or of an entry that is not understood changes what the list means, so such a
    /// list is refused whole (RFC 5280 section 5.3).
    pub(crate) fn verify(self, issuer: &Certificate, profile: &Profile) -> Result<Crl, Error> {
        let list = &self.parsed.tbs_cert_list;
        if self.issuer() != issuer.subject() {
            return Err(Error::CrlInvalid("another issuer"));
        }
        if !issuer.may_sign_crls() {
            return Err(Error::CrlInvalid("its issuer may not sign one"));
        }
        let other = Error::CrlInvalid("another algorithm than the vendor uses");
        let algorithm = &self.parsed.signature_algorithm;
        if algorithm != &list.signature {
            return Err(other);
        }
        let algorithm = Algorithm::named(algorithm).filter(|named| profile.algorithms.contains(named));
        let signature = self.parsed.signature.as_bytes().ok_or(Error::CrlInvalid("signature"))?;
        if !algorithm.ok_or(other)?.verifies(issuer.public_key_info(), &self.signed, signature) {
            return Err(Error::CrlInvalid("signature"));
        }
        let entries = || list.revoked_certificates.iter().flatten();
        let understood = |extension: &Extension| !extension.critical || extension.extn_id == CrlNumber::OID;
        let of_entries = entries().flat_map(|entry| entry.crl_entry_extensions.iter().flatten());
        if !list.crl_extensions.iter().flatten().chain(of_entries).all(understood) {
            return Err(Error::CrlInvalid("a critical extension that is not understood"));
        }
        let next_update = list.next_update.ok_or(Error::CrlInvalid("no next update"))?;
        Ok(Crl {
            issuer: list.issuer.clone(),
            this_update: unix(list.this_update),
            next_update: unix(next_update),
            revoked: entries().map(|entry| entry.serial_number.as_bytes().to_vec()).collect(),
        })
    }
}

impl Crl {
    /// Whether it speaks for the time `at`.
    pub(crate) fn check_time(&self, at: UnixTime) -> Result<(), Error> {
        if at < self.this_update {
            return Err(Error::CrlNotYetValid(self.this_update));
        }
        if at > self.next_update {
            return Err(Error::CrlExpired(self.next_update));
        }
        Ok(())
    }

    /// Whether it lists a serial number.
    pub(crate) fn lists(&self, serial: &[u8]) -> bool {
        self.revoked.contains(serial)
    }
}
