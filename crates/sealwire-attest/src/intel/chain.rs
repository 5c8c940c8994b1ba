//! From a pinned root to the attestation key: root → PCK authority → PCK certificate, whose key signed the report of the
//! quoting enclave, which speaks for the attestation key (Intel SGX DCAP quote verification library API, 2.2.3).

use super::{
    attributes,
    pck::Pck,
    quote::{Certification, Quote},
    roots::{PROFILE, Roots},
};
use crate::{
    Endorsements, Error, Place,
    x509::{Certificate, Path, UnverifiedStatuses},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sealwire_crypto::{
    digest::sha256,
    sign::ecdsa::{Scheme, verify_fixed},
};
use x509_cert::name::Name;

/// The most certificates of a chain in a quote.
const MAX_IN_QUOTE: usize = 8;
pub(super) const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A chain whose signatures verified, and the attestation key under it. Its times and revocation are looked at each
/// time that it is used (AT-26).
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) path: Path,
    pub(super) pck: Pck,
    /// `Intel SGX PCK Platform CA`, …
    pub(super) authority: String,
    /// uncompressed point on P-256
    pub(super) attestation_key: [u8; 65],
}

/// Endorsements, with each certificate parsed once.
pub(super) struct Supplied<'a> {
    pub(super) endorsements: &'a Endorsements,
    pub(super) certificates: Vec<Certificate>,
}

impl<'a> Supplied<'a> {
    pub(super) fn new(endorsements: &'a Endorsements) -> Result<Self, Error> {
        Ok(Self { endorsements, certificates: endorsements.parse_certificates()? })
    }
}

impl Chain {
    /// Finds and verifies what is under the attestation key of `quote`, and the CRLs of the path.
    pub(super) fn build(quote: &Quote<'_>, supplied: &Supplied<'_>, roots: &Roots) -> Result<Self, Error> {
        let statuses = UnverifiedStatuses::parse(&supplied.endorsements.crls)?;
        let in_quote = match quote.certification {
            Certification::Pem(text) => certificates(text)?,
            Certification::PlatformId => Vec::new(),
        };
        let leaf = match quote.certification {
            Certification::Pem(_) => only_pck(&in_quote)?,
            Certification::PlatformId => signer(quote, &supplied.certificates)?,
        };
        let pck = Pck::new(leaf)?;
        let others = in_quote.iter().chain(&supplied.certificates).chain(&roots.below);
        let issuers: Vec<Certificate> = issuers_of(leaf, others);
        let path = Path::build(leaf, &issuers, &roots.pinned, statuses, &PROFILE)?;
        check_carried(&in_quote, &path, roots)?;
        verify_fixed(Scheme::P256Sha256, &pck.key, quote.qe_report_bytes, quote.qe_signature)
            .map_err(|_| Error::QeSignature)?;
        Ok(Self {
            path,
            pck,
            authority: issuers.first().map(Certificate::common_name).unwrap_or_default(),
            attestation_key: attestation_key(quote)?,
        })
    }
}

/// The attestation key, if the quoting enclave speaks for it: its report data is the hash of key and authentication
/// data, and zeros (QM-05).
fn attestation_key(quote: &Quote<'_>) -> Result<[u8; 65], Error> {
    let hash = sha256(&[quote.attestation_key, quote.qe_authentication]);
    let (bound, rest) = quote.qe_report.report_data.split_at(hash.len());
    if bound != hash || rest.iter().any(|byte| *byte != 0) {
        return Err(Error::KeyNotBound("the quoting enclave speaks for another attestation key"));
    }
    // Its memory, and with it the key, would be open to the host.
    if attributes::is_debug_enclave(&quote.qe_report) {
        return Err(Error::QeIdentity("a debug enclave"));
    }
    let mut key = [4; 65];
    key.iter_mut().skip(1).zip(quote.attestation_key).for_each(|(out, byte)| *out = *byte);
    Ok(key)
}

/// The certificates of a chain in PEM, in any order. Quoting libraries end the text with a zero byte, and break its lines
/// where they like.
fn certificates(text: &[u8]) -> Result<Vec<Certificate>, Error> {
    let not_pem = Error::Malformed("certification data that is not PEM");
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    let mut rest = std::str::from_utf8(text).map_err(|_| not_pem.clone())?.trim_ascii();
    let mut found: Vec<Certificate> = Vec::new();
    while !rest.is_empty() {
        let (block, tail) =
            rest.strip_prefix(BEGIN).and_then(|rest| rest.split_once(END)).ok_or(not_pem.clone())?;
        let base64: Vec<u8> = block.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let der = BASE64_STANDARD.decode(base64).map_err(|_| not_pem.clone())?;
        let malformed = |_| Error::Malformed("certification data that holds no certificate");
        let certificate = Certificate::from_der(&der).map_err(malformed)?;
        if found.len() >= MAX_IN_QUOTE {
            return Err(Error::Malformed("more certificates than a chain can need"));
        }
        found.push(certificate);
        rest = tail.trim_ascii_start();
    }
    Ok(found)
}

/// Whether each certificate of a quote is one of the path, or else the root's own: a quote carries nothing that is not
/// verified. A root is pinned by its bytes, and Intel has issued its own again with the same key, so quotes carry others.
fn check_carried(in_quote: &[Certificate], path: &Path, roots: &Roots) -> Result<(), Error> {
    for certificate in in_quote.iter().filter(|certificate| !path.holds(certificate)) {
        let place = match certificate.subject() == certificate.issuer() {
            true => Place::Root,
            false => Place::Intermediate,
        };
        let signed = |root: &Certificate| certificate.is_signed_by(root, &PROFILE, place).is_ok();
        if !roots.pinned.iter().any(signed) {
            return Err(Error::CertificateSignature(place));
        }
    }
    Ok(())
}

/// The one PCK certificate among those of a quote.
fn only_pck(certificates: &[Certificate]) -> Result<&Certificate, Error> {
    let mut leaves = certificates.iter().filter(|certificate| Pck::is_in(certificate));
    match (leaves.next(), leaves.next()) {
        (Some(leaf), None) => Ok(leaf),
        (None, _) => Err(Error::EndorsementMissing("the PCK certificate")),
        (Some(_), Some(_)) => Err(Error::Malformed("more than one PCK certificate")),
    }
}

/// The PCK certificate whose key signed the report of the quoting enclave: a folder may hold those of many machines.
fn signer<'a>(quote: &Quote<'_>, certificates: &'a [Certificate]) -> Result<&'a Certificate, Error> {
    let mut error = Error::EndorsementMissing("the PCK certificate, which the quote does not carry");
    for leaf in certificates.iter().filter(|certificate| Pck::is_in(certificate)) {
        let key = Pck::new(leaf)?.key;
        match verify_fixed(Scheme::P256Sha256, &key, quote.qe_report_bytes, quote.qe_signature) {
            Ok(()) => return Ok(leaf),
            Err(_) => error = Error::QeSignature,
        }
    }
    Err(error)
}

/// Those of `certificates` that can stand above `leaf`, each once: of its issuer's name first, and of theirs. Intel's
/// chains have one authority between root and leaf.
fn issuers_of<'a>(
    leaf: &Certificate,
    certificates: impl Iterator<Item = &'a Certificate> + Clone,
) -> Vec<Certificate> {
    let mut issuers: Vec<Certificate> = Vec::new();
    let mut add = |name: &Name| {
        let first = issuers.len();
        for certificate in certificates.clone().filter(|certificate| certificate.subject() == name) {
            if !issuers.iter().any(|known| known.fingerprint() == certificate.fingerprint()) {
                issuers.push(certificate.clone());
            }
        }
        issuers.get(first).map(|issuer| issuer.issuer().clone())
    };
    if let Some(above) = add(leaf.issuer()) {
        add(&above);
    }
    issuers
}

/// An error of the path under reference data: the certificate at its end signs no evidence.
pub(super) fn of_signer(error: Error) -> Error {
    let place = |place| if place == Place::Leaf { Place::Signer } else { place };
    match error {
        Error::Expired { place: of, not_after } => Error::Expired { place: place(of), not_after },
        Error::NotYetValid { place: of, not_before } => Error::NotYetValid { place: place(of), not_before },
        Error::CertificateSignature(of) => Error::CertificateSignature(place(of)),
        Error::CertificateAlgorithm(of) => Error::CertificateAlgorithm(place(of)),
        Error::CertificateUsage(of) => Error::CertificateUsage(place(of)),
        Error::Revoked(of) => Error::Revoked(place(of)),
        // It is issued by the root itself.
        Error::EndorsementMissing(_) => Error::RootNotPinned,
        error => error,
    }
}

/// The platform that a quote says it is from, and the authority that certified it; unverified.
pub(super) fn platform(quote: &Quote<'_>) -> Result<(Pck, String), Error> {
    let Certification::Pem(text) = quote.certification else {
        return Err(Error::EndorsementMissing("the PCK certificate, which the quote does not carry"));
    };
    let certificates = certificates(text)?;
    let leaf = only_pck(&certificates)?;
    let authority = leaf.issuer().common_name().ok().flatten().map(|name| name.value().into_owned());
    Ok((Pck::new(leaf)?, authority.unwrap_or_default()))
}
