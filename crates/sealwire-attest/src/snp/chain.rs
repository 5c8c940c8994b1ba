//! The chain from a pinned root to the key that signs reports: ARK → ASK → VCEK, or ARK → ASVK → VLEK (AMD 57230).

use super::{
    leaf::Leaf,
    report::{Report, SigningKey},
    roots::{AMD, PROFILE},
};
use crate::{
    Endorsements, Error, Kind, Place, UnixTime,
    x509::{Certificate, Cover, Crl, Link, Revocation, Sources, UnverifiedStatuses, Window},
};

/// A chain whose signatures verified. Its times and revocation are looked at each time that it is used (AT-26).
#[derive(Debug)]
pub(super) struct Chain {
    /// follows from the root (AT-07)
    pub(super) kind: Kind,
    pub(super) leaf: Leaf,
    /// SHA-256 of the root certificate
    pub(super) root: [u8; 32],
    /// SHA-256 of every certificate, leaf first
    pub(super) fingerprints: [[u8; 32]; 3],
    /// `VCEK ← SEV-Milan ← ARK-Milan`
    pub(super) path: String,
    windows: [Window; 3],
    intermediate: Link,
    /// an error where one of them is not what it says, which is told when revocation is looked at
    crls: Result<Vec<Crl>, Error>,
}

/// Roots besides AMD's.
pub(super) struct Pinned {
    /// SHA-256 fingerprints
    pub(super) roots: Vec<[u8; 32]>,
    /// what evidence under them is: of [`Kind::Development`], but where a test has AMD's place taken
    pub(super) kind: Kind,
}

impl Chain {
    /// Finds and verifies the chain of the key that signed `report`, and the CRLs of its root.
    ///
    /// All work is bounded: at most [`crate::endorsements::MAX_CERTIFICATES`] signatures at each step.
    pub(super) fn build(
        label: Kind,
        report: &Report,
        endorsements: &Endorsements,
        pinned: &Pinned,
    ) -> Result<Self, Error> {
        let supplied = endorsements.parse_certificates()?;
        // OCSP responses may lie beside them for other chains; AMD makes none.
        let crls = UnverifiedStatuses::parse(&endorsements.crls)?.crls;

        // The platform's owner can mask the chip's key, and the guest can ask for no signature.
        let key = report.signing_key.filter(|_| !report.mask_chip_key).ok_or(Error::Unsigned)?;
        let (certificate, leaf) = find_leaf(report, key, &supplied)?;
        let intermediate = find_intermediate(certificate, &supplied, key)?;
        let (kind, root) = find_root(intermediate, &supplied, pinned)?;
        root.may_issue(&PROFILE, Place::Root, 1)?;
        intermediate.may_issue(&PROFILE, Place::Intermediate, 0)?;
        certificate.is_leaf(&PROFILE)?;
        if AMD
            .pinned
            .iter()
            .any(|(product, ark)| ark.fingerprint() == root.fingerprint() && *product != leaf.product)
        {
            return Err(Error::WrongProduct);
        }
        leaf.check_identity(report)?;
        // AT-07: the root decides what it is, and a label that says otherwise is refused.
        if kind != label {
            return Err(Error::KindMismatch { label, found: kind });
        }

        // A CRL of another product's root may lie in the same folder, and says nothing here.
        let of_root = crls.into_iter().filter(|crl| crl.issuer() == root.subject());
        Ok(Self {
            kind,
            leaf,
            root: root.fingerprint(),
            fingerprints: [certificate, intermediate, root].map(Certificate::fingerprint),
            path: [certificate, intermediate, root].map(Certificate::common_name).join(" ← "),
            windows: [
                root.window(Place::Root),
                intermediate.window(Place::Intermediate),
                certificate.window(Place::Leaf),
            ],
            intermediate: intermediate.link(Place::Intermediate, root),
            crls: of_root.map(|crl| crl.verify(root, &PROFILE)).collect(),
        })
    }

    /// AT-05: every certificate, the root included.
    pub(super) fn check_validity(&self, at: UnixTime) -> Result<(), Error> {
        self.windows.iter().try_for_each(|window| window.check(at))
    }

    /// AT-03: a revoked intermediate; VCEKs have no serial numbers of their own, so AMD cannot revoke one by CRL, and
    /// raises the firmware level instead.
    ///
    /// Any CRL that lists the intermediate counts, an old one too; one at least has to be in force.
    pub(super) fn check_revocation(&self, at: UnixTime) -> Result<Revocation, Error> {
        let crls = self.crls.as_ref().map_err(Clone::clone)?;
        if crls.iter().any(|crl| crl.lists(&self.intermediate.serial)) {
            return Err(Error::Revoked(Place::Intermediate));
        }
        let mut covering = crls.iter().filter(|crl| crl.covers(&self.intermediate));
        if let Some(crl) = covering.clone().find(|crl| crl.check_time(at).is_ok()) {
            return Ok(Revocation::Clear(Cover { until: crl.next_update, by: Sources::Crls }));
        }
        if let Some(crl) = covering.next() {
            crl.check_time(at)?;
        }
        Ok(Revocation::NoCrl("the root".to_owned()))
    }

    /// The earliest end of a certificate.
    pub(super) fn not_after(&self) -> UnixTime {
        let [root, intermediate, leaf] = self.windows;
        root.not_after.min(intermediate.not_after).min(leaf.not_after)
    }
}

/// The certificate of the key that the report names: of several, the one for its chip and firmware level, since a
/// folder may hold those of many machines.
fn find_leaf<'a>(
    report: &Report,
    key: SigningKey,
    supplied: &'a [Certificate],
) -> Result<(&'a Certificate, Leaf), Error> {
    let mut first = None;
    for certificate in supplied.iter().filter(|certificate| certificate.common_name() == key.common_name()) {
        let leaf = Leaf::new(certificate, key);
        if let Ok(leaf) = &leaf
            && leaf.check_identity(report).is_ok()
            && leaf.check_tcb(report).is_ok()
        {
            return Ok((certificate, leaf.clone()));
        }
        first.get_or_insert((certificate, leaf));
    }
    let missing = match key {
        SigningKey::Vcek => "the chip's VCEK certificate",
        SigningKey::Vlek => "the VLEK certificate",
    };
    let (certificate, leaf) = first.ok_or(Error::EndorsementMissing(missing))?;
    Ok((certificate, leaf?))
}

/// The authority that signed the leaf: of those with its name, the one whose key verifies.
fn find_intermediate<'a>(
    leaf: &Certificate,
    supplied: &'a [Certificate],
    key: SigningKey,
) -> Result<&'a Certificate, Error> {
    let missing = match key {
        SigningKey::Vlek => "the ASVK certificate, which signed the VLEK",
        SigningKey::Vcek => "the ASK certificate, which signed the VCEK",
    };
    let mut error = Error::EndorsementMissing(missing);
    // A root that signs a key itself, with no authority between them, is not AMD's chain.
    let candidates =
        AMD.intermediates.iter().chain(supplied).filter(|issuer| issuer.subject() != issuer.issuer());
    for issuer in candidates.filter(|issuer| issuer.subject() == leaf.issuer()) {
        match leaf.is_signed_by(issuer, &PROFILE, Place::Leaf) {
            Ok(()) => return Ok(issuer),
            Err(found) => error = found,
        }
    }
    Err(error)
}

/// The root that signed the intermediate: one of AMD's, or one whose fingerprint a policy names and which was supplied.
fn find_root<'a>(
    intermediate: &Certificate,
    supplied: &'a [Certificate],
    pinned: &Pinned,
) -> Result<(Kind, &'a Certificate), Error> {
    let amd = AMD.pinned.iter().map(|(_, root)| (Some(Kind::Snp), root));
    // A root is pinned by the hash of its exact bytes. Its signature over itself would add nothing.
    let supplied = supplied
        .iter()
        .filter(|root| root.subject() == root.issuer())
        .map(|root| (pinned.roots.contains(&root.fingerprint()).then_some(pinned.kind), root));
    let mut error = Error::RootNotPinned;
    for (kind, root) in amd.chain(supplied).filter(|(_, root)| root.subject() == intermediate.issuer()) {
        match (intermediate.is_signed_by(root, &PROFILE, Place::Intermediate), kind) {
            (Ok(()), Some(kind)) => return Ok((kind, root)),
            (Ok(()), None) => return Err(Error::RootNotPinned),
            (Err(found), _) => error = found,
        }
    }
    Err(error)
}
