//! Whether issuers have revoked certificates of a path, by the CRLs and OCSP responses at hand.

use super::{
    Certificate, Crl, Points, Profile, UnverifiedCrl,
    ocsp::{self, Response, Statement, Status, UnverifiedResponse},
};
use crate::{Error, Outcome, Place, UnixTime};
use std::{fmt, sync::OnceLock};
use x509_cert::name::Name;

/// CRLs and OCSP responses that parsed; nothing about them is verified.
#[derive(Default)]
pub(crate) struct UnverifiedStatuses<'a> {
    pub(crate) crls: Vec<UnverifiedCrl<'a>>,
    /// each parsed, and parsed again when its issuer is known: together they would take several times their length
    /// (AT-08)
    responses: Vec<&'a [u8]>,
}

/// Those whose signatures verified with the issuers of a path. Their times are looked at each time that they are used
/// (AT-26).
#[derive(Debug, Clone, Default)]
pub(super) struct Statuses {
    crls: Vec<Crl>,
    responses: Vec<Response>,
}

/// What revocation needs to know of a certificate.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(super) place: Place,
    pub(super) issuer: Name,
    /// SHA-256 of the certificate of the issuer
    pub(super) issuer_fingerprint: [u8; 32],
    pub(crate) serial: Vec<u8>,
    /// whether it says where its issuer publishes a CRL
    pub(super) names_crl: bool,
    /// where
    pub(super) points: Points,
    /// the issuer's name for people, once somebody asked for it: writing one takes as long as all else of a repeat
    /// (AT-26)
    pub(super) issuer_shown: OnceLock<String>,
}

impl Link {
    fn issuer_shown(&self) -> &str {
        self.issuer_shown.get_or_init(|| self.issuer.to_string())
    }
}

/// What is said of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// Of every certificate below the root what is in force says that it is not revoked.
    Clear(Cover),
    /// There is neither a CRL nor an OCSP response of this issuer for a certificate of the path.
    NoCrl(String),
}

/// What clears certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cover {
    /// the last second at which all of it is in force
    pub(crate) until: UnixTime,
    pub(crate) by: Sources,
}

/// Where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sources {
    Crls,
    Ocsp,
    Both,
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crls => "the CRLs",
            Self::Ocsp => "OCSP responses",
            Self::Both => "CRLs and OCSP responses",
        })
    }
}

impl Cover {
    /// Of two certificates.
    fn and(self, other: Self) -> Self {
        let by = if self.by == other.by { self.by } else { Sources::Both };
        Self { until: self.until.min(other.until), by }
    }
}

impl Revocation {
    /// Until when it is good; for ever where there is none that could end.
    pub(crate) fn good_until(&self) -> UnixTime {
        match self {
            Self::Clear(cover) => cover.until,
            Self::NoCrl(_) => UnixTime(u64::MAX),
        }
    }

    /// How the check came out. `issuers` are those whose CRLs are asked for, as people call them.
    pub(crate) fn outcome(&self, issuers: &str) -> Outcome {
        match self {
            Self::Clear(Cover { until, by }) => {
                Outcome::Passed(format!("by {by} of {issuers}, good until {until}"))
            }
            Self::NoCrl(issuer) => Outcome::NotSupplied(format!("no CRL of {issuer} among the endorsements")),
        }
    }
}

impl<'a> UnverifiedStatuses<'a> {
    /// From DER, told by content.
    pub(crate) fn parse(list: &'a [Vec<u8>]) -> Result<Self, Error> {
        let mut found = Self::default();
        for der in list {
            if ocsp::looks_like(der) {
                UnverifiedResponse::from_der(der)?;
                found.responses.push(der);
            } else {
                found.crls.push(UnverifiedCrl::from_der(der)?);
            }
        }
        Ok(found)
    }

    /// Whether DER is a CRL or OCSP response that was to be renewed before `at`, or none.
    pub(crate) fn has_ended(der: &[u8], at: UnixTime) -> bool {
        match ocsp::looks_like(der) {
            true => UnverifiedResponse::from_der(der).map_or(true, |response| response.has_ended(at)),
            false => UnverifiedCrl::from_der(der).map_or(true, |crl| crl.has_ended(at)),
        }
    }

    /// Verifies what is of one of `issuers`; that of others may lie in the same folder, and says nothing here.
    pub(super) fn verify(self, issuers: &[&Certificate], profile: &Profile) -> Result<Statuses, Error> {
        let mut statuses = Statuses::default();
        for crl in self.crls {
            if let Some(issuer) = issuers.iter().find(|issuer| issuer.subject() == crl.issuer()) {
                statuses.crls.push(crl.verify(issuer, profile)?);
            }
        }
        for der in self.responses {
            let response = UnverifiedResponse::from_der(der)?;
            for issuer in issuers.iter().filter(|issuer| response.is_of(issuer)) {
                let verified = response.verify(issuer, profile)?;
                if let Some(delegate) = &verified.delegate
                    && statuses.crls_of(issuer.subject()).any(|crl| crl.lists(&delegate.serial))
                {
                    return Err(Error::OcspInvalid("the certificate of its responder is revoked"));
                }
                statuses.responses.push(verified);
            }
        }
        Ok(statuses)
    }
}

impl Statuses {
    /// Whether anything says that a certificate is revoked, in force or not: nobody takes that back.
    pub(super) fn is_revoked(&self, link: &Link) -> bool {
        self.crls_of(&link.issuer).any(|crl| crl.lists(&link.serial))
            || self.statements(link).any(|(_, statement)| statement.status == Status::Revoked)
    }

    /// What clears a certificate at a time; `None` where nothing is there on it. What is there and not in force is an
    /// error, unless something else is.
    pub(super) fn cover(&self, link: &Link, at: UnixTime) -> Result<Option<Cover>, Error> {
        let in_force = || self.crls_of(&link.issuer).filter(|crl| crl.check_time(at).is_ok());
        let by_crl = in_force().filter(|crl| crl.covers(link)).map(|crl| crl.next_update).max();
        let mut by_ocsp = None;
        for (response, statement) in self.statements(link) {
            if statement.check_time(at).is_err() {
                continue;
            }
            let is_exempt = response.delegate.as_ref().is_none_or(|delegate| delegate.is_exempt);
            // The responder's own certificate is no link of the path, and may be in another part of the list.
            if !is_exempt && !in_force().any(Crl::is_whole) {
                return Err(Error::OcspInvalid("nothing says that its responder is not revoked"));
            }
            if statement.status == Status::Unknown {
                return Err(Error::OcspUnknown(link.place));
            }
            by_ocsp = by_ocsp.max(Some(statement.until));
        }
        let by = match (by_crl, by_ocsp) {
            (Some(_), Some(_)) => Sources::Both,
            (Some(_), None) => Sources::Crls,
            (None, Some(_)) => Sources::Ocsp,
            (None, None) => {
                let mut of_link = self.crls_of(&link.issuer).filter(|crl| crl.covers(link));
                of_link.try_for_each(|crl| crl.check_time(at))?;
                self.statements(link).try_for_each(|(_, statement)| statement.check_time(at))?;
                return Ok(None);
            }
        };
        Ok(by_crl.max(by_ocsp).map(|until| Cover { until, by }))
    }

    /// What clears all of `links`, of which those have to be cleared that `is_needed` is true of, and one at least.
    pub(super) fn check(
        &self,
        links: &[Link],
        at: UnixTime,
        is_needed: impl Fn(&Link) -> bool,
    ) -> Result<Revocation, Error> {
        if let Some(link) = links.iter().find(|link| self.is_revoked(link)) {
            return Err(Error::Revoked(link.place));
        }
        let mut all: Option<Cover> = None;
        let mut uncovered = None;
        for link in links {
            match self.cover(link, at)? {
                Some(cover) => all = Some(all.map_or(cover, |all| all.and(cover))),
                None if is_needed(link) => uncovered = uncovered.or(Some(link)),
                None => {}
            }
        }
        Ok(match (uncovered, all) {
            (None, Some(cover)) => Revocation::Clear(cover),
            (link, _) => {
                let link = link.or(links.last());
                Revocation::NoCrl(link.map(|link| link.issuer_shown().to_owned()).unwrap_or_default())
            }
        })
    }

    fn crls_of<'a>(&'a self, issuer: &'a Name) -> impl Iterator<Item = &'a Crl> {
        self.crls.iter().filter(move |crl| crl.issuer == *issuer)
    }

    fn statements<'a>(&'a self, link: &'a Link) -> impl Iterator<Item = (&'a Response, &'a Statement)> {
        let of_issuer = self.responses.iter().filter(|response| response.issuer == link.issuer_fingerprint);
        of_issuer.flat_map(|response| response.of(&link.serial).map(move |statement| (response, statement)))
    }
}
