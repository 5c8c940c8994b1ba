//! What quotes need of Intel's Provisioning Certification Service (Intel SGX and TDX PCS API, version 4).

use super::{Answer, Checked, IntelTee, Need, Needs, PckCa, crl_of, parsed};
use crate::{
    Endorsements, Error, Evidence, Place,
    intel::{self, INTEL, PROFILE, Referenced},
    x509::Certificate,
};

/// The authorities of PCK certificates, by common name.
const AUTHORITIES: [(&str, PckCa); 2] =
    [("Intel SGX PCK Platform CA", PckCa::Platform), ("Intel SGX PCK Processor CA", PckCa::Processor)];

pub(super) fn needs(evidence: &Evidence, tee: IntelTee) -> Result<Needs, Error> {
    let mut needs = Needs::default();
    match intel::platform(evidence) {
        Ok((pck, authority)) => {
            needs.published.push(Need::IntelTcb { tee, fmspc: pck.fmspc });
            match AUTHORITIES.into_iter().find(|(name, _)| *name == authority) {
                Some((_, ca)) => needs.published.push(Need::IntelPckCrl { ca }),
                None => needs.elsewhere.push("the CRL of an authority that is none of Intel's"),
            }
        }
        Err(Error::EndorsementMissing(_)) => {
            needs
                .elsewhere
                .push("the PCK certificate, which the quote does not carry, and what follows from it");
        }
        Err(error) => return Err(error),
    }
    needs.published.extend([Need::IntelIdentity { tee }, Need::IntelRootCrl]);
    Ok(needs)
}

pub(super) fn check_tcb(answer: &Answer, tee: IntelTee, fmspc: [u8; 6]) -> Result<Checked, Error> {
    match check_reference(answer)? {
        (Referenced::TcbInfo(found), checked) if found.kind == tee.kind() && found.fmspc == fmspc => {
            Ok(checked)
        }
        _ => Err(Error::ReferenceInvalid("not the TCB info of this platform")),
    }
}

pub(super) fn check_identity(answer: &Answer, tee: IntelTee) -> Result<Checked, Error> {
    match check_reference(answer)? {
        (Referenced::QeIdentity(found), checked) if found.kind == tee.kind() => Ok(checked),
        _ => Err(Error::ReferenceInvalid("not the identity of this quoting enclave")),
    }
}

fn check_reference(answer: &Answer) -> Result<(Referenced, Checked), Error> {
    let mut endorsements = parsed(answer)?;
    let ([reference], true) = (endorsements.references.as_slice(), endorsements.certificates.is_empty())
    else {
        return Err(Error::MalformedEndorsement("not one piece of reference data"));
    };
    let signers = Endorsements { certificates: below_root(answer)?, ..Endorsements::default() };
    let (referenced, from, until) = intel::check_reference(reference, &signers)?;
    endorsements.certificates = signers.certificates;
    Ok((referenced, Checked { endorsements, from, until }))
}

pub(super) fn check_pck_crl(answer: &Answer, ca: PckCa) -> Result<Checked, Error> {
    let supplied = below_root(answer)?;
    let parsed_supplied =
        supplied.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    let mut error = Error::EndorsementMissing("the authority of the PCK certificate");
    let is_authority = |certificate: &&Certificate| {
        AUTHORITIES.contains(&(certificate.common_name().as_str(), ca)) && is_signed_by_root(certificate)
    };
    for authority in parsed_supplied.iter().chain(&INTEL.below).filter(is_authority) {
        match crl_of(answer, authority, &PROFILE) {
            Ok(mut checked) => {
                checked.endorsements.certificates = supplied;
                return Ok(checked);
            }
            Err(found) => error = found,
        }
    }
    Err(error)
}

pub(super) fn check_root_crl(answer: &Answer) -> Result<Checked, Error> {
    crl_of(answer, INTEL.pinned.first().ok_or(Error::RootNotPinned)?, &PROFILE)
}

fn is_signed_by_root(certificate: &Certificate) -> bool {
    INTEL.pinned.iter().any(|root| certificate.is_signed_by(root, &PROFILE, Place::Intermediate).is_ok())
}

/// What came beside the answer and is Intel's: the root is built in, and anything else is nobody's business.
fn below_root(answer: &Answer) -> Result<Vec<Vec<u8>>, Error> {
    let mut found = Vec::new();
    for der in &answer.issuers {
        let certificate = Certificate::from_der(der)?;
        if certificate.subject() != certificate.issuer() && is_signed_by_root(&certificate) {
            found.push(der.clone());
        }
    }
    Ok(found)
}
