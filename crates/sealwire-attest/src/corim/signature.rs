//! Who signed a manifest.

use crate::{
    Error, Place, UnixTime,
    x509::{Certificate, Path, Profile, UnverifiedStatuses},
};
use ::corim::types::{CoseAlgorithm, CoseSign1Corim};
use sealwire_crypto::sign::ecdsa::{Scheme, verify_fixed};

/// What a signature is over, and what its header says of the signer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Signed {
    pub(crate) algorithm: CoseAlgorithm,
    /// Sig_structure (RFC 9052 section 4.4): header and payload in the bytes in which they came
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// `x5chain` of the protected header, in DER
    certificates: Vec<Vec<u8>>,
}

impl Signed {
    /// With ECDSA P-384 and SHA-384 in another envelope than COSE; `certificates` are in DER, the signer's first.
    pub(crate) fn es384(message: Vec<u8>, signature: Vec<u8>, certificates: Vec<Vec<u8>>) -> Self {
        Self { algorithm: CoseAlgorithm::Es384, message, signature, certificates }
    }

    pub(super) fn new(envelope: &CoseSign1Corim) -> Result<Self, Error> {
        let malformed = |_| Error::MalformedEndorsement("a signed reference manifest without its payload");
        let header = envelope.protected();
        let chain = header.x5chain.iter().flat_map(|chain| chain.certs());
        Ok(Self {
            algorithm: header.alg,
            message: envelope.to_be_signed(&[]).map_err(malformed)?,
            signature: envelope.signature.clone(),
            certificates: chain.map(<[u8]>::to_vec).collect(),
        })
    }
}

/// The signer of a manifest, whose chain verified. Its times and revocation are looked at each time that it is used
/// (AT-26).
#[derive(Debug)]
pub(crate) struct Signer(Path);

impl Signer {
    /// Finds the certificate of the key of `signed`, in its header or among those `supplied`, and its path to one
    /// of `roots`.
    ///
    /// Manifests name their signer in several ways (`x5chain`, `x5t`, `kid`, a URI); whose key made the signature is
    /// what counts, and none of them is needed for it.
    pub(crate) fn find(
        signed: &Signed,
        supplied: &[Certificate],
        roots: &[Certificate],
        statuses: UnverifiedStatuses<'_>,
        profile: &Profile,
    ) -> Result<Self, Error> {
        if !matches!(signed.algorithm, CoseAlgorithm::Es384 | CoseAlgorithm::Esp384) {
            return Err(Error::ReferenceInvalid("a manifest signed with another algorithm than ES384"));
        }
        let own = signed.certificates.iter().map(|der| Certificate::from_der(der));
        let mut certificates = own.collect::<Result<Vec<_>, _>>()?;
        let named = certificates.first().cloned();
        certificates.extend_from_slice(supplied);
        let made_it = |certificate: &&Certificate| {
            let key = certificate.p384_key();
            key.is_some_and(|key| {
                verify_fixed(Scheme::P384Sha384, &key, &signed.message, &signed.signature).is_ok()
            })
        };
        let signer = certificates.iter().find(made_it).ok_or(match named {
            // The header says who signed, and it was another, or something else that was signed.
            Some(_) => Error::ReferenceInvalid("the signature of the manifest does not verify"),
            None => Error::EndorsementMissing("the certificate of the signer of a reference manifest"),
        })?;
        let path = Path::build(signer, &certificates, roots, statuses, profile).map_err(of_reference)?;
        Ok(Self(path))
    }

    /// AT-05, AT-03: every certificate, and what the CRLs at hand list. Good until the time that is returned.
    pub(crate) fn check(&self, at: UnixTime) -> Result<UnixTime, Error> {
        self.0.check_validity(at).map_err(of_reference)?;
        // A CRL is not asked for, because the vendor's own verifier does without; one that is there has to be good.
        let revocation = self.0.check_offered_revocation(at).map_err(of_reference)?;
        Ok(self.0.not_after().min(revocation.good_until()))
    }
}

/// A fault of the signer's chain, told from one of the chain under the evidence.
fn of_reference(error: Error) -> Error {
    match error {
        Error::Expired { not_after, .. } => {
            Error::ReferenceExpired { what: "certificate of a manifest's signer", until: not_after }
        }
        Error::NotYetValid { not_before, .. } => {
            Error::ReferenceNotYetValid { what: "certificate of a manifest's signer", from: not_before }
        }
        Error::RootNotPinned => {
            Error::ReferenceInvalid("the signer's chain ends in a root that is not pinned")
        }
        Error::CertificateSignature(_) | Error::CertificateAlgorithm(_) | Error::CertificateUsage(_) => {
            Error::ReferenceInvalid("a certificate of the signer's chain does not hold")
        }
        Error::Revoked(Place::Leaf) => Error::Revoked(Place::Signer),
        other => other,
    }
}
