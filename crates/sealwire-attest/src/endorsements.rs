//! Endorsements: certificates, CRLs and OCSP responses that come with evidence, or from a folder.

use crate::{
    Error, UnixTime,
    corim::{self, Corim},
    intel,
    nvidia::swid::{self, Swid},
    x509::{Certificate, UnverifiedCrl, UnverifiedStatuses, ocsp},
};
use der::pem;
use sealwire_crypto::digest::sha256;

/// The most certificates that a verifier looks at.
pub const MAX_CERTIFICATES: usize = 32;
/// The most CRLs and OCSP responses that a verifier looks at: of the latter each certificate of a chain has its own.
pub const MAX_CRLS: usize = 16;
/// The longest that they may be together, in bytes.
pub const MAX_CRL_BYTES: usize = 320 * 1024;
/// The most pieces of signed reference data that a verifier looks at.
pub const MAX_REFERENCES: usize = 8;
/// The longest piece of signed reference data, in bytes.
pub const MAX_REFERENCE: usize = 128 * 1024;
/// The longest input of [`Endorsements::add`], in bytes.
pub const MAX_INPUT: usize = 1024 * 1024;

/// What a verifier needs besides the evidence. Nothing in it is trusted until a chain to a pinned root says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endorsements {
    /// certificates in DER, in any order
    pub certificates: Vec<Vec<u8>>,
    /// what issuers say of revocation, in DER: certificate revocation lists, and OCSP responses, which are told from them
    /// by content
    pub crls: Vec<Vec<u8>>,
    /// reference data that a vendor signed, in the bytes that it served: Intel's TCB info and identities of quoting
    /// enclaves (`{"tcbInfo":…,"signature":…}`), reference integrity manifests (signed CoRIM)
    pub references: Vec<Vec<u8>>,
}

impl Endorsements {
    /// Adds what `bytes` holds, recognised by content: certificates or CRLs in DER or PEM (one or several); an OCSP response in DER; Intel's JSON:
    /// TCB info, the identity of a quoting enclave, or all collateral of a platform; a signed CoRIM, or NVIDIA's
    /// SWID tag (AT-80). What is there
    /// already is not added again. On an error nothing is added.
    ///
    /// # Errors
    /// When it is none of them, or too much.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > MAX_INPUT {
            return Err(Error::MalformedEndorsement("too long"));
        }
        let mut next = self.clone();
        // A DER certificate, CRL or OCSP response begins with the tag of a SEQUENCE, which no PEM text does.
        if bytes.first() == Some(&0x30) {
            next.add_der(bytes.to_vec())?;
        } else if corim::looks_like(bytes) || swid::looks_like(bytes) {
            next.add_manifest(bytes)?;
        } else if bytes.trim_ascii_start().first() == Some(&b'{') {
            next.add_json(bytes)?;
        } else {
            next.add_pem(bytes)?;
        }
        next.check_counts()?;
        *self = next;
        Ok(())
    }

    /// Hash over all of it, for caches. Counts and lengths make it one-to-one.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let Self { certificates, crls, references } = self;
        let lists = [certificates, crls, references];
        let lengths: Vec<[u8; 8]> = lists
            .iter()
            .map(|list| list.len())
            .chain(lists.iter().flat_map(|list| list.iter().map(Vec::len)))
            .map(|length| (length as u64).to_be_bytes())
            .collect();
        let mut parts: Vec<&[u8]> = vec![lengths.as_flattened()];
        parts.extend(lists.into_iter().flatten().map(Vec::as_slice));
        sha256(&parts)
    }

    /// Adds everything of `other` that is not there yet.
    ///
    /// # Errors
    /// When it is too much; nothing is added then.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        let mut next = self.clone();
        let lists = [
            (&mut next.certificates, &other.certificates),
            (&mut next.crls, &other.crls),
            (&mut next.references, &other.references),
        ];
        for (list, more) in lists {
            for item in more {
                if !list.contains(item) {
                    list.push(item.clone());
                }
            }
        }
        next.check_counts()?;
        *self = next;
        Ok(())
    }

    /// Leaves out what its issuer was to renew before `at`, and tells how many that were: whoever passes endorsements on
    /// does not pass on what every verifier refuses.
    pub fn drop_ended(&mut self, at: UnixTime) -> usize {
        let before = self.crls.len() + self.references.len();
        self.crls.retain(|der| !UnverifiedStatuses::has_ended(der, at));
        self.references.retain(|bytes| !intel::has_ended(bytes, at));
        before - self.crls.len() - self.references.len()
    }

    /// Bytes of all items.
    #[must_use]
    pub fn size(&self) -> usize {
        [&self.certificates, &self.crls, &self.references].into_iter().flatten().map(Vec::len).sum()
    }

    /// SHA-256 of each self-issued certificate: candidates for the roots of a development policy that is being written
    /// (`sealwire policy init`). Nothing speaks for them but whoever sent them.
    #[must_use]
    pub fn self_issued(&self) -> Vec<[u8; 32]> {
        let certificates = self.certificates.iter().filter_map(|der| Certificate::from_der(der).ok());
        certificates
            .filter(|certificate| certificate.subject() == certificate.issuer())
            .map(|certificate| certificate.fingerprint())
            .collect()
    }

    /// Refuses more than a verifier looks at.
    pub(crate) fn check_counts(&self) -> Result<(), Error> {
        if self.certificates.len() > MAX_CERTIFICATES || self.crls.len() > MAX_CRLS {
            return Err(Error::MalformedEndorsement("more certificates or CRLs than a chain can need"));
        }
        if self.crls.iter().map(Vec::len).sum::<usize>() > MAX_CRL_BYTES {
            return Err(Error::MalformedEndorsement("CRLs that are too long together"));
        }
        if self.references.len() > MAX_REFERENCES || self.references.iter().any(|r| r.len() > MAX_REFERENCE) {
            return Err(Error::MalformedEndorsement("more reference data than a verdict can need"));
        }
        Ok(())
    }

    /// The certificates, where all that is here is no more than a verifier looks at.
    pub(crate) fn parse_certificates(&self) -> Result<Vec<Certificate>, Error> {
        self.check_counts()?;
        self.certificates.iter().map(|der| Certificate::from_der(der)).collect()
    }

    fn add_der(&mut self, der: Vec<u8>) -> Result<(), Error> {
        let list = if Certificate::from_der(&der).is_ok() {
            &mut self.certificates
        } else if ocsp::looks_like(&der) {
            ocsp::UnverifiedResponse::from_der(&der)?;
            &mut self.crls
        } else if UnverifiedCrl::from_der(&der).is_ok() {
            &mut self.crls
        } else {
            return Err(Error::MalformedEndorsement(
                "neither a certificate, nor a CRL, nor an OCSP response",
            ));
        };
        if !list.contains(&der) {
            list.push(der);
        }
        Ok(())
    }

    /// A reference integrity manifest; one that nobody signed could never count.
    fn add_manifest(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if swid::looks_like(bytes) {
            Swid::parse(bytes)?;
        } else if !Corim::parse(bytes)?.is_signed() {
            return Err(Error::MalformedEndorsement("a reference manifest that nobody signed"));
        }
        if !self.references.iter().any(|known| known == bytes) {
            self.references.push(bytes.to_vec());
        }
        Ok(())
    }

    fn add_json(&mut self, json: &[u8]) -> Result<(), Error> {
        let collateral = intel::Collateral::read(json)?;
        for pem in collateral.certificates {
            self.add_pem(pem.as_bytes())?;
        }
        for crl in collateral.crls {
            match crl.first() {
                Some(0x30) => self.add_der(crl)?,
                _ => self.add_pem(&crl)?,
            }
        }
        for reference in collateral.references {
            if !self.references.contains(&reference) {
                self.references.push(reference);
            }
        }
        Ok(())
    }

    /// One block after the other; text between blocks, which `openssl` writes, is skipped.
    fn add_pem(&mut self, bytes: &[u8]) -> Result<(), Error> {
        const BEGIN: &str = "-----BEGIN ";
        const END: &str = "-----END ";
        let not_text = Error::MalformedEndorsement("neither DER nor PEM");
        let mut rest = std::str::from_utf8(bytes).map_err(|_| not_text.clone())?;
        let mut found = false;
        while let Some(begin) = rest.find(BEGIN) {
            let block = rest.get(begin..).unwrap_or_default();
            let cut = Error::MalformedEndorsement("a PEM block without its end");
            let end = block.find(END).ok_or(cut.clone())?;
            let after =
                block.get(end..).and_then(|tail| tail.find('\n')).map_or(block.len(), |line| end + line + 1);
            let (block, tail) = block.split_at_checked(after).ok_or(cut)?;
            let (label, der) = pem::decode_vec(block.as_bytes())
                .map_err(|_| Error::MalformedEndorsement("a PEM block that does not decode"))?;
            if !["CERTIFICATE", "X509 CRL"].contains(&label) {
                return Err(Error::MalformedEndorsement(
                    "a PEM block that is neither a certificate nor a CRL",
                ));
            }
            self.add_der(der)?;
            found = true;
            rest = tail;
        }
        if found { Ok(()) } else { Err(not_text) }
    }
}
