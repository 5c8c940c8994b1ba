//! A certification path (RFC 5280 section 6) from a leaf to a pinned root, for chains of any length.

use super::{Certificate, Crl, Profile, UnverifiedCrl, Window};
use crate::{Error, Outcome, Place, UnixTime};
use x509_cert::name::Name;

/// The most certificates of a path, root and leaf included.
const MAX_LEN: usize = 8;

/// A path whose signatures verified. Its times and revocation are looked at each time that it is used (AT-26).
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// `leaf ← intermediate ← root`
    pub(crate) names: String,
    /// SHA-256 of the root certificate
    pub(crate) root: [u8; 32],
    /// SHA-256 of every certificate, leaf first
    fingerprints: Vec<[u8; 32]>,
    /// root first
    windows: Vec<Window>,
    /// every certificate below the root, leaf first
    links: Vec<Link>,
    /// name and serial number of the root
    root_link: (Name, Vec<u8>),
    crls: Vec<Crl>,
}

/// What revocation needs to know of a certificate.
#[derive(Debug, Clone)]
struct Link {
    place: Place,
    issuer: Name,
    serial: Vec<u8>,
    /// whether it says where its issuer publishes a CRL
    names_crl: bool,
}

/// What the CRLs at hand say of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// Every certificate below the root is covered by a CRL that is in force and lists none; good until then.
    Clear(UnixTime),
    /// There is no CRL of this issuer, which has issued a certificate of the path.
    NoCrl(String),
}

impl Revocation {
    /// Until when it is good; for ever where there is none that could end.
    pub(crate) fn good_until(&self) -> UnixTime {
        match self {
            Self::Clear(next_update) => *next_update,
            Self::NoCrl(_) => UnixTime(u64::MAX),
        }
    }

    /// How the check came out. `issuers` are those whose CRLs are asked for, as people call them.
    pub(crate) fn outcome(&self, issuers: &str) -> Outcome {
        match self {
            Self::Clear(next_update) => {
                Outcome::Passed(format!("by the CRLs of {issuers}, good until {next_update}"))
            }
            Self::NoCrl(issuer) => Outcome::NotSupplied(format!("no CRL of {issuer} among the endorsements")),
        }
    }
}

impl Path {
    /// Finds and verifies the path from `leaf` over `supplied` to one of `roots`, and the CRLs of its issuers.
    ///
    /// A root is pinned by the hash of its exact bytes: `roots` holds those that count, wherever they were found.
    /// Work is bounded: at most [`MAX_LEN`] steps over the certificates at hand.
    pub(crate) fn build(
        leaf: &Certificate,
        supplied: &[Certificate],
        roots: &[Certificate],
        crls: Vec<UnverifiedCrl<'_>>,
        profile: &Profile,
        at: UnixTime,
    ) -> Result<Self, Error> {
        let mut chain = vec![leaf];
        let root = loop {
            let (last, place) = match chain.as_slice() {
                [leaf] => (*leaf, Place::Leaf),
                [.., last] => (*last, Place::Intermediate),
                [] => return Err(Error::RootNotPinned),
            };
            let mut error = Error::RootNotPinned;
            match signer(last, roots.iter(), profile, place, &mut error) {
                Some(root) => break root,
                None if chain.len() + 1 >= MAX_LEN => return Err(error),
                None => {}
            }
            // A self-issued certificate that is not pinned ends the path nowhere.
            let below_root = supplied.iter().filter(|issuer| issuer.subject() != issuer.issuer());
            match signer(last, below_root, profile, place, &mut error) {
                Some(issuer) => chain.push(issuer),
                None => return Err(missing(last, supplied, error)),
            }
        };
        chain.push(root);
        for (below, certificate) in chain.iter().enumerate().skip(1) {
            let place = if below + 1 == chain.len() { Place::Root } else { Place::Intermediate };
            certificate.may_issue(profile, place, u8::try_from(below - 1).unwrap_or(u8::MAX))?;
        }
        leaf.is_leaf(profile)?;
        let place = |index: usize| match index {
            0 => Place::Leaf,
            index if index + 1 == chain.len() => Place::Root,
            _ => Place::Intermediate,
        };
        let mut path = Self {
            names: chain.iter().map(|certificate| certificate.shown()).collect::<Vec<_>>().join(" ← "),
            root: root.fingerprint(),
            fingerprints: chain.iter().map(|certificate| certificate.fingerprint()).collect(),
            windows: chain.iter().enumerate().rev().map(|(index, c)| c.window(place(index))).collect(),
            links: chain
                .iter()
                .enumerate()
                .take(chain.len() - 1)
                .map(|(index, c)| Link {
                    place: place(index),
                    issuer: c.issuer().clone(),
                    serial: c.serial().to_vec(),
                    names_crl: c.names_crl(),
                })
                .collect(),
            root_link: (root.subject().clone(), root.serial().to_vec()),
            crls: Vec::new(),
        };
        // Before the CRLs, so that an error is that of the first check that fails.
        path.check_validity(at)?;
        // CRLs of other issuers may lie in the same folder, and say nothing here.
        for crl in crls {
            if let Some(issuer) = chain.iter().skip(1).find(|issuer| issuer.subject() == crl.issuer()) {
                path.crls.push(crl.verify(issuer, profile)?);
            }
        }
        Ok(path)
    }

    /// SHA-256 of every certificate, leaf first.
    pub(crate) fn fingerprints(&self) -> &[[u8; 32]] {
        &self.fingerprints
    }

    /// Whether a certificate is one of it.
    pub(crate) fn holds(&self, certificate: &Certificate) -> bool {
        self.fingerprints.contains(&certificate.fingerprint())
    }

    /// AT-05: every certificate, the root included, root first.
    pub(crate) fn check_validity(&self, at: UnixTime) -> Result<(), Error> {
        self.windows.iter().try_for_each(|window| window.check(at))
    }

    /// AT-03: any CRL that lists a certificate counts, an old one too; of each issuer one at least has to be in force.
    /// A root that its own CRL lists is given up by its vendor, whoever pins it.
    pub(crate) fn check_revocation(&self, at: UnixTime) -> Result<Revocation, Error> {
        self.check_root()?;
        self.check_links(&self.links, at, |_| true)
    }

    /// The same where the vendor publishes CRLs for a part of its chain: one is asked for where a certificate names a
    /// distribution point (RFC 5280 section 4.2.1.13), and one at least.
    pub(crate) fn check_offered_revocation(&self, at: UnixTime) -> Result<Revocation, Error> {
        self.check_root()?;
        let found = self.check_links(&self.links, at, |link| link.names_crl)?;
        match self.links.last() {
            Some(top) if found == Revocation::Clear(UnixTime(u64::MAX)) => {
                Ok(Revocation::NoCrl(top.issuer.to_string()))
            }
            _ => Ok(found),
        }
    }

    /// The same for the certificates of another path that ends in the same root, by the CRLs of this one. A path that
    /// was built without CRLs is checked so, and no CRL is verified twice.
    pub(crate) fn check_revocation_of(&self, other: &Self, at: UnixTime) -> Result<Revocation, Error> {
        if other.root != self.root {
            return Err(Error::RootNotPinned);
        }
        self.check_links(&other.links, at, |_| true)
    }

    fn check_root(&self) -> Result<(), Error> {
        let (root, serial) = &self.root_link;
        match self.crls_of(root).any(|crl| crl.lists(serial)) {
            true => Err(Error::Revoked(Place::Root)),
            false => Ok(()),
        }
    }

    fn check_links(
        &self,
        links: &[Link],
        at: UnixTime,
        is_offered: impl Fn(&Link) -> bool,
    ) -> Result<Revocation, Error> {
        for Link { place, issuer, serial, .. } in links {
            if self.crls_of(issuer).any(|crl| crl.lists(serial)) {
                return Err(Error::Revoked(*place));
            }
        }
        let mut until = UnixTime(u64::MAX);
        let mut uncovered = None;
        for link in links {
            let issuer = &link.issuer;
            match (self.crls_of(issuer).next(), self.crls_of(issuer).find(|crl| crl.check_time(at).is_ok())) {
                (None, _) if !is_offered(link) => {}
                (None, _) => uncovered = uncovered.or_else(|| Some(issuer.to_string())),
                (_, Some(crl)) => until = until.min(crl.next_update),
                (Some(crl), None) => crl.check_time(at)?,
            }
        }
        Ok(uncovered.map_or(Revocation::Clear(until), Revocation::NoCrl))
    }

    fn crls_of<'a>(&'a self, issuer: &'a Name) -> impl Iterator<Item = &'a Crl> {
        self.crls.iter().filter(move |crl| crl.issuer == *issuer)
    }

    /// The earliest end of a certificate.
    pub(crate) fn not_after(&self) -> UnixTime {
        self.windows.iter().map(|window| window.not_after).min().unwrap_or(UnixTime(0))
    }
}

/// The certificate among `candidates` that signed `certificate`.
fn signer<'a>(
    certificate: &Certificate,
    candidates: impl Iterator<Item = &'a Certificate>,
    profile: &Profile,
    place: Place,
    error: &mut Error,
) -> Option<&'a Certificate> {
    for issuer in candidates.filter(|issuer| issuer.subject() == certificate.issuer()) {
        match certificate.is_signed_by(issuer, profile, place) {
            Ok(()) => return Some(issuer),
            Err(found) => *error = found,
        }
    }
    None
}

/// Why the path ends at `last`: an issuer that is not there, or one that did not sign it.
fn missing(last: &Certificate, supplied: &[Certificate], error: Error) -> Error {
    let issuer_is_there = supplied.iter().any(|issuer| issuer.subject() == last.issuer());
    match error {
        // Its issuer was supplied and signed it, and is a root that nobody pins; or the certificate is its own issuer.
        Error::RootNotPinned if issuer_is_there => Error::RootNotPinned,
        Error::RootNotPinned => Error::EndorsementMissing("a certificate between the evidence and the root"),
        other => other,
    }
}
