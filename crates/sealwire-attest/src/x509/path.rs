//! A certification path (RFC 5280 section 6) from a leaf to a pinned root, for chains of any length.

use super::{
    Certificate, Profile, Window,
    revocation::{Link, Revocation, Statuses, UnverifiedStatuses},
};
use crate::{Error, Place, UnixTime};

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
    /// every certificate, leaf first
    links: Vec<Link>,
    /// an error where one of them is not what it says, which is of the revocation check and told when that is reached
    statuses: Result<Statuses, Error>,
}

impl Path {
    /// Finds and verifies the path from `leaf` over `supplied` to one of `roots`, and what its issuers say of
    /// revocation. Times are not looked at: that a chain holds and that it is over are two findings.
    ///
    /// A root is pinned by the hash of its exact bytes: `roots` holds those that count, wherever they were found.
    /// Work is bounded: at most [`MAX_LEN`] steps over the certificates at hand.
    pub(crate) fn build(
        leaf: &Certificate,
        supplied: &[Certificate],
        roots: &[Certificate],
        statuses: UnverifiedStatuses<'_>,
        profile: &Profile,
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
        // The root is its own issuer.
        let issuers = chain.iter().skip(1).chain([&root]);
        let link = |(index, (certificate, issuer)): (usize, (&&Certificate, &&Certificate))| {
            certificate.link(place(index), issuer)
        };
        Ok(Self {
            names: chain.iter().map(|certificate| certificate.shown()).collect::<Vec<_>>().join(" ← "),
            root: root.fingerprint(),
            fingerprints: chain.iter().map(|certificate| certificate.fingerprint()).collect(),
            windows: chain.iter().enumerate().rev().map(|(index, c)| c.window(place(index))).collect(),
            links: chain.iter().zip(issuers).enumerate().map(link).collect(),
            statuses: statuses.verify(chain.get(1..).unwrap_or_default(), profile),
        })
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

    /// AT-03: any CRL or OCSP response that says that a certificate is revoked counts, an old one too; on each one at
    /// least has to be in force. A root that its own CRL lists is given up by its vendor, whoever pins it.
    pub(crate) fn check_revocation(&self, at: UnixTime) -> Result<Revocation, Error> {
        self.statuses()?.check(self.below_root(), at, |_| true)
    }

    /// The same where the vendor publishes CRLs for a part of its chain: something is asked for where a certificate
    /// names a distribution point (RFC 5280 section 4.2.1.13), and one at least.
    pub(crate) fn check_offered_revocation(&self, at: UnixTime) -> Result<Revocation, Error> {
        self.statuses()?.check(self.below_root(), at, |link| link.names_crl)
    }

    /// The same for the certificates of another path that ends in the same root, by what came with this one. A path that
    /// was built without CRLs is checked so, and no CRL is verified twice.
    pub(crate) fn check_revocation_of(&self, other: &Self, at: UnixTime) -> Result<Revocation, Error> {
        if other.root != self.root {
            return Err(Error::RootNotPinned);
        }
        self.statuses.as_ref().map_err(Clone::clone)?.check(other.below_root(), at, |_| true)
    }

    /// What is said of the path, if its root is not given up.
    fn statuses(&self) -> Result<&Statuses, Error> {
        let statuses = self.statuses.as_ref().map_err(Clone::clone)?;
        match self.links.last() {
            Some(root) if statuses.is_revoked(root) => Err(Error::Revoked(Place::Root)),
            _ => Ok(statuses),
        }
    }

    fn below_root(&self) -> &[Link] {
        self.links.split_last().map_or(&[], |(_, below)| below)
    }

    /// Whether any certificate below the root says where its issuer publishes a CRL.
    pub(crate) fn names_crl(&self) -> bool {
        self.below_root().iter().any(|link| link.names_crl)
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
