//! OCSP responses (RFC 6960) that come as endorsements. Nobody is asked for one.

#[cfg(test)]
pub(crate) mod forge;
pub(in crate::x509) mod format;
#[cfg(test)]
mod tests;

use super::{Algorithm, Certificate, Profile, is_crowded, signed_bytes};
use crate::{Error, UnixTime};
use der::{
    Decode as _, Encode as _, Header, Reader as _, SliceReader,
    asn1::{Any, GeneralizedTime, ObjectIdentifier},
};
use format::{BASIC, BasicResponse, CertId, CertStatus, NONCE, OcspResponse, ResponderId, ResponseStatus};
use sealwire_crypto::digest::{sha1, sha256, sha384, sha512};
use x509_cert::{ext::Extension, name::Name};

/// The longest response that is looked at, in bytes; those for one certificate have about 2 KiB.
pub(crate) const MAX_RESPONSE: usize = 16 * 1024;
/// The most certificates that a response may bring.
const MAX_CERTIFICATES: usize = 4;
/// The most certificates that a response may speak of; each costs hashes.
const MAX_STATEMENTS: usize = 32;
/// The most elements of a response, those of its certificates included.
const MAX_ELEMENTS: usize = 1024;
/// The tag of the status that a response begins with.
const ENUMERATED: u8 = 0x0a;
/// How long a response counts that does not say when the next one is made, in seconds: RFC 6960 section 4.2.2.1 has
/// newer ones available at any time then.
const MAX_AGE: u64 = 24 * 60 * 60;

/// The hash functions that name an issuer (RFC 6960 section 4.1.1, RFC 5019).
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// A response that parsed; nothing about it is verified.
pub(crate) struct UnverifiedResponse {
    basic: BasicResponse,
    signed: Vec<u8>,
    certificates: Vec<Certificate>,
}

/// What one issuer says of certificates, whose signature verified. Its times are looked at each time that it is used
/// (AT-26).
#[derive(Debug, Clone)]
pub(crate) struct Response {
    /// SHA-256 of the certificate of the issuer of those that it is on
    pub(super) issuer: [u8; 32],
    /// who signed it, if not the issuer itself
    pub(super) delegate: Option<Delegate>,
    statements: Vec<Statement>,
}

/// A responder that the issuer has certified (RFC 6960 section 4.2.2.2).
#[derive(Debug, Clone)]
pub(super) struct Delegate {
    pub(super) serial: Vec<u8>,
    /// whether its issuer answers for it as long as its certificate lasts (section 4.2.2.2.1)
    pub(super) is_exempt: bool,
}

/// On one certificate.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    serial: Vec<u8>,
    pub(super) status: Status,
    from: UnixTime,
    /// the last second at which it counts
    pub(super) until: UnixTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Good,
    Revoked,
    /// the issuer knows of no such certificate
    Unknown,
}

/// Whether DER is a response rather than a certificate or CRL: a sequence that begins with an enumeration.
pub(crate) fn looks_like(der: &[u8]) -> bool {
    let Ok(mut reader) = SliceReader::new(der) else { return false };
    Header::decode(&mut reader).is_ok() && reader.peek_byte() == Some(ENUMERATED)
}

impl UnverifiedResponse {
    /// Parses DER; trailing bytes are an error.
    pub(crate) fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |_| Error::MalformedEndorsement("not an OCSP response");
        if bytes.len() > MAX_RESPONSE {
            return Err(Error::MalformedEndorsement("an OCSP response that is too long"));
        }
        let outer = OcspResponse::from_der(bytes).map_err(malformed)?;
        let answer = outer.bytes.filter(|bytes| bytes.kind == BASIC);
        let (ResponseStatus::Successful, Some(answer)) = (outer.status, answer) else {
            return Err(Error::OcspInvalid("the responder gave no answer"));
        };
        let answer = answer.response.as_bytes();
        if is_crowded(answer, MAX_ELEMENTS) {
            return Err(Error::MalformedEndorsement("an OCSP response with too much in it"));
        }
        let basic = BasicResponse::from_der(answer).map_err(malformed)?;
        let signed = signed_bytes(answer).map_err(malformed)?.to_vec();
        let carried = basic.certificates.as_deref().unwrap_or_default();
        if carried.len() > MAX_CERTIFICATES || basic.data.responses.len() > MAX_STATEMENTS {
            return Err(Error::MalformedEndorsement("an OCSP response with too much in it"));
        }
        if basic.data.version.is_some() {
            return Err(Error::MalformedEndorsement("an OCSP response of another version"));
        }
        let parse = |any: &Any| Certificate::from_der(&any.to_der().map_err(malformed)?);
        let certificates = carried.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { basic, signed, certificates })
    }

    /// Whether all that it says was to be renewed before `at`.
    pub(crate) fn has_ended(&self, at: UnixTime) -> bool {
        self.basic.data.responses.iter().all(|single| at > end(single.this_update, single.next_update))
    }

    /// Whether it speaks of certificates of `issuer`.
    pub(crate) fn is_of(&self, issuer: &Certificate) -> bool {
        self.basic.data.responses.iter().any(|single| names(&single.id, issuer))
    }

    /// Verifies the signature, with the key of `issuer` or that of a responder that it has certified.
    pub(crate) fn verify(&self, issuer: &Certificate, profile: &Profile) -> Result<Response, Error> {
        let data = &self.basic.data;
        let of_each = data.responses.iter().flat_map(|single| single.extensions.iter().flatten());
        let understood = |extension: &Extension| !extension.critical || extension.extn_id == NONCE;
        // The nonce ties a response to a request, which whoever supplies it has made; here its times make it fresh.
        if !data.extensions.iter().flatten().chain(of_each).all(understood) {
            return Err(Error::OcspInvalid("a critical extension that is not understood"));
        }
        let (signer, delegate) = self.signer(issuer, profile)?;
        let algorithm = Algorithm::named(&self.basic.algorithm);
        let algorithm = algorithm.filter(|named| profile.algorithms.contains(named));
        let algorithm = algorithm.ok_or(Error::OcspInvalid("another algorithm than the vendor uses"))?;
        let signature = self.basic.signature.as_bytes().ok_or(Error::OcspInvalid("signature"))?;
        if !algorithm.verifies(signer.public_key_info(), &self.signed, signature) {
            return Err(Error::OcspInvalid("signature"));
        }
        // What a responder says counts no longer than its certificate.
        let window = signer.window(crate::Place::Intermediate);
        let statements = data.responses.iter().filter(|single| names(&single.id, issuer)).map(|single| {
            let (this_update, until) =
                (unix(single.this_update), end(single.this_update, single.next_update));
            if until < this_update {
                return Err(Error::OcspInvalid("it ends before it begins"));
            }
            Ok(Statement {
                serial: single.id.serial.as_bytes().to_vec(),
                status: match single.status {
                    CertStatus::Good(_) => Status::Good,
                    CertStatus::Revoked(_) => Status::Revoked,
                    CertStatus::Unknown(_) => Status::Unknown,
                },
                from: this_update.max(window.not_before),
                until: until.min(window.not_after),
            })
        });
        let statements = statements.collect::<Result<_, _>>()?;
        Ok(Response { issuer: issuer.fingerprint(), delegate, statements })
    }

    /// Who signed it: the issuer, or a responder that the issuer itself has certified for this.
    fn signer<'a>(
        &'a self,
        issuer: &'a Certificate,
        profile: &Profile,
    ) -> Result<(&'a Certificate, Option<Delegate>), Error> {
        if self.is_by(issuer) {
            return Ok((issuer, None));
        }
        let mut named = self.certificates.iter().filter(|certificate| self.is_by(certificate));
        let signer =
            named.next().ok_or(Error::OcspInvalid("the certificate of its responder is not there"))?;
        if signer.is_signed_by(issuer, profile, crate::Place::Leaf).is_err() {
            return Err(Error::OcspInvalid("its responder was certified by another than the issuer"));
        }
        if !signer.may_sign_ocsp(profile) {
            return Err(Error::OcspInvalid("its responder may not sign one"));
        }
        let delegate =
            Delegate { serial: signer.serial().to_vec(), is_exempt: signer.is_exempt_from_revocation() };
        Ok((signer, Some(delegate)))
    }

    fn is_by(&self, signer: &Certificate) -> bool {
        match &self.basic.data.responder {
            ResponderId::ByName(name) => name == signer.subject(),
            ResponderId::ByKey(hash) => hash.as_bytes() == sha1(&[signer.key_bits()]),
        }
    }
}

impl Response {
    /// What it says of a certificate of its issuer.
    pub(super) fn of<'a>(&'a self, serial: &'a [u8]) -> impl Iterator<Item = &'a Statement> {
        self.statements.iter().filter(move |statement| statement.serial == serial)
    }
}

impl Statement {
    /// Whether it speaks for the time `at`.
    pub(super) fn check_time(&self, at: UnixTime) -> Result<(), Error> {
        if at < self.from {
            return Err(Error::OcspNotYetValid(self.from));
        }
        if at > self.until {
            return Err(Error::OcspExpired(self.until));
        }
        Ok(())
    }
}

/// Whether an identifier is one of certificates of `issuer`. The hashes only name it: a response counts by its
/// signature, so that a collision is of no use.
fn names(id: &CertId, issuer: &Certificate) -> bool {
    let hash: fn(&[u8]) -> Vec<u8> = match id.hash.oid {
        SHA1 => |bytes| sha1(&[bytes]).to_vec(),
        SHA256 => |bytes| sha256(&[bytes]).to_vec(),
        SHA384 => |bytes| sha384(&[bytes]).to_vec(),
        SHA512 => |bytes| sha512(&[bytes]).to_vec(),
        _ => return false,
    };
    let name = Name::to_der(issuer.subject());
    name.is_ok_and(|name| hash(&name) == id.issuer_name.as_bytes())
        && hash(issuer.key_bits()) == id.issuer_key.as_bytes()
}

fn end(this_update: GeneralizedTime, next_update: Option<GeneralizedTime>) -> UnixTime {
    next_update.map_or_else(|| UnixTime(unix(this_update).0.saturating_add(MAX_AGE)), unix)
}

fn unix(time: GeneralizedTime) -> UnixTime {
    UnixTime(time.to_unix_duration().as_secs())
}
