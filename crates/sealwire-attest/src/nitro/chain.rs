//! The chain from AWS's root to the key that signs a document: root → regional → zonal → instance → enclave.

use super::{document::Document, roots::PROFILE};
use crate::{
    Endorsements, Error, Place, UnixTime,
    x509::{Certificate, Path, Revocation, UnverifiedStatuses, Window},
};

/// The certificates of a document, and the path over them.
struct Built {
    path: Path,
    leaf: Certificate,
    bundle: Vec<Certificate>,
    /// SHA-256 of the root certificate
    root: [u8; 32],
}

impl Built {
    fn new(
        document: &Document<'_>,
        roots: &[Certificate],
        statuses: UnverifiedStatuses<'_>,
    ) -> Result<Self, Error> {
        let parse = |der| {
            Certificate::from_der(der)
                .map_err(|_| Error::Malformed("a certificate of the document does not parse"))
        };
        let leaf = parse(document.certificate)?;
        let bundle = document.cabundle.iter().copied().map(parse).collect::<Result<Vec<_>, _>>()?;

        // Pinned by its exact bytes: another root in the same name is told from one that merely did not sign.
        let root = bundle.first().ok_or(Error::RootNotPinned)?.fingerprint();
        let roots: Vec<_> = roots.iter().filter(|pinned| pinned.fingerprint() == root).cloned().collect();
        if roots.is_empty() {
            return Err(Error::RootNotPinned);
        }
        let path = Path::build(&leaf, &bundle, &roots, statuses, &PROFILE).map_err(|error| match error {
            // The bundle is a part of the document, which nothing can be added to.
            Error::EndorsementMissing(_) => Error::CertificateSignature(Place::Intermediate),
            error => error,
        })?;
        Ok(Self { path, leaf, bundle, root })
    }
}

/// The certificates of the chain under a document, leaf first, each with its DER, if their signatures hold up to one of
/// `roots`. Nothing is said of their times.
pub(crate) fn chain(document: &[u8], roots: &[Certificate]) -> Result<Vec<(Certificate, Vec<u8>)>, Error> {
    let document = Document::parse(document)?;
    let Built { path, leaf, bundle, .. } = Built::new(&document, roots, UnverifiedStatuses::default())?;
    let ders = std::iter::once(document.certificate).chain(document.cabundle.iter().copied());
    let all: Vec<(Certificate, &[u8])> = std::iter::once(leaf).chain(bundle).zip(ders).collect();
    let found = path.fingerprints().iter().filter_map(|fingerprint| {
        let of = |(certificate, _): &&(Certificate, &[u8])| certificate.fingerprint() == *fingerprint;
        all.iter().find(of).map(|(certificate, der)| (certificate.clone(), der.to_vec()))
    });
    Ok(found.collect())
}

/// A chain whose signatures verified. Its times and revocation are looked at each time that it is used (AT-26).
#[derive(Debug)]
pub(super) struct Chain {
    /// the enclave's key as an uncompressed point
    pub(super) key: [u8; 97],
    /// SHA-256 of the root certificate
    pub(super) root: [u8; 32],
    /// the authorities below the root that are no instance's, topmost first
    pub(super) authorities: String,
    leaf: Window,
    path: Path,
}

impl Chain {
    /// Finds and verifies the chain of `document` to one of `roots`, and the CRLs of its issuers.
    pub(super) fn build(
        document: &Document<'_>,
        endorsements: &Endorsements,
        roots: &[Certificate],
    ) -> Result<Self, Error> {
        endorsements.check_counts()?;
        let statuses = UnverifiedStatuses::parse(&endorsements.crls)?;
        let Built { path, leaf, bundle, root } = Built::new(document, roots, statuses)?;
        let instance = document.instance();
        let authorities = bundle.iter().skip(1).map(Certificate::common_name);
        Ok(Self {
            key: leaf.p384_key().ok_or(Error::CertificateExtension("a key on P-384"))?,
            root,
            // An instance's id is that of the hardware, and is shown nowhere.
            authorities: authorities.filter(|name| !name.contains(instance)).collect::<Vec<_>>().join(" → "),
            leaf: leaf.window(Place::Leaf),
            path,
        })
    }

    /// SHA-256 of every certificate, leaf first.
    pub(super) fn fingerprints(&self) -> &[[u8; 32]] {
        self.path.fingerprints()
    }

    /// AT-05: every certificate, and the enclave's own when the document was made.
    pub(super) fn check_validity(&self, at: UnixTime, made_at: UnixTime) -> Result<(), Error> {
        self.path.check_validity(at)?;
        self.leaf.check(made_at)
    }

    /// AT-03: AWS publishes CRLs of the root and of the regional authorities.
    pub(super) fn check_revocation(&self, at: UnixTime) -> Result<Revocation, Error> {
        self.path.check_offered_revocation(at)
    }

    /// The earliest end of a certificate.
    pub(super) fn not_after(&self) -> UnixTime {
        self.path.not_after()
    }
}
