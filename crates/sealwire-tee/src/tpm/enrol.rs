//! The TPM's half of the enrolment (AT-62).

use super::{
    Error, TIMEOUT,
    command::{Object, Tpm2},
    keys,
    transport::Address,
};
use sealwire_attest::{
    enrol::{Answer, Challenge, EndorsementKey, Request},
    tpm::name_of,
};

/// What the enrolment CA is asked with: the EK certificate, and the public areas of EK and attestation key.
///
/// The certificate comes from the TPM where `ek_certificate` gives none. `intermediates` are certificates between it and
/// the maker's root, for a CA that does not have them.
///
/// # Errors
/// [`Error::NoEkCertificate`], and what the TPM said.
pub fn request(
    address: &Address,
    ek_certificate: Option<Vec<u8>>,
    intermediates: Vec<Vec<u8>>,
) -> Result<Request, Error> {
    let mut tpm = Tpm2::open(address, TIMEOUT)?;
    let (key, ek_certificate) = match ek_certificate {
        Some(certificate) => (key_of(&certificate)?, certificate),
        None => stored(&mut tpm)?,
    };
    let ek_public = public_area(&mut tpm, |tpm| keys::endorsement_key(tpm, key))?;
    let ak_public = public_area(&mut tpm, keys::attestation_key)?;
    Ok(Request { ek_certificate, intermediates, ek_public, ak_public })
}

/// Lets the TPM open a challenge (TPM2_ActivateCredential).
///
/// # Errors
/// [`Error::OtherKey`], and what the TPM said: it opens only what was made for its own keys.
pub fn answer(address: &Address, challenge: &Challenge) -> Result<Answer, Error> {
    let mut tpm = Tpm2::open(address, TIMEOUT)?;
    let ak = keys::attestation_key(&mut tpm)?;
    let secret = open(&mut tpm, &ak, challenge);
    let flushed = tpm.flush(ak.handle);
    let secret = secret?;
    flushed?;
    Ok(Answer { id: challenge.id, secret: secret.into() })
}

fn open(tpm: &mut Tpm2, ak: &Object, challenge: &Challenge) -> Result<Vec<u8>, Error> {
    if name_of(&ak.public).map_err(Error::Key)? != challenge.ak_name {
        return Err(Error::OtherKey);
    }
    let ek = keys::endorsement_key(tpm, challenge.endorsement_key)?;
    let secret = tpm.endorsement_session().and_then(|session| {
        let Challenge { credential, encrypted_secret, .. } = challenge;
        let secret = tpm.activate_credential(ak.handle, ek.handle, session, credential, encrypted_secret);
        // A command that worked has ended the session; one that failed has not.
        if secret.is_err() {
            let _ = tpm.flush(session);
        }
        secret
    });
    let flushed = tpm.flush(ek.handle);
    let secret = secret?;
    flushed?;
    Ok(secret)
}

fn public_area(
    tpm: &mut Tpm2,
    make: impl FnOnce(&mut Tpm2) -> Result<Object, Error>,
) -> Result<Vec<u8>, Error> {
    let object = make(tpm)?;
    tpm.flush(object.handle)?;
    Ok(object.public)
}

/// The first certificate that the TPM holds.
fn stored(tpm: &mut Tpm2) -> Result<(EndorsementKey, Vec<u8>), Error> {
    for key in EndorsementKey::ALL {
        if let Some(content) = tpm.nv_read(key.certificate_index())? {
            return Ok((key, without_padding(content)));
        }
    }
    Err(Error::NoEkCertificate)
}

fn key_of(certificate: &[u8]) -> Result<EndorsementKey, Error> {
    EndorsementKey::of_certificate(certificate).map_err(Error::Enrolment)
}

/// Some makers define the index longer than the certificate, and fill it up. What a DER header says of the length of the
/// certificate is all of it.
fn without_padding(mut content: Vec<u8>) -> Vec<u8> {
    let len = match content.as_slice() {
        [0x30, 0x82, high, low, ..] => Some(4 + usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    };
    if let Some(len) = len.filter(|len| *len <= content.len()) {
        content.truncate(len);
    }
    content
}
