//! Which CRL speaks for which certificate where an issuer publishes its list in parts (RFC 5280 sections 4.2.1.13,
//! 5.2.5 and 6.3.3).

use crate::{Error, Place};
use der::{Decode as _, oid::ObjectIdentifier};
use x509_cert::ext::{
    Extension,
    pkix::{
        CrlDistributionPoints, IssuingDistributionPoint,
        name::{DistributionPointName, GeneralName},
    },
};

/// id-ce-issuingDistributionPoint
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// Where a certificate says that the list is published which is about it: addresses as they stand there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Points(Vec<String>);

impl Points {
    /// From the value of `cRLDistributionPoints`. A point of another issuer's list, or of one for some reasons only, is
    /// none that clears a certificate, and is left out; so is one without an address.
    pub(super) fn from_der(value: &[u8]) -> Self {
        let Ok(CrlDistributionPoints(points)) = CrlDistributionPoints::from_der(value) else {
            return Self::default();
        };
        let whole = points.into_iter().filter(|point| point.crl_issuer.is_none() && point.reasons.is_none());
        Self(whole.filter_map(|point| point.distribution_point).flat_map(uris).collect())
    }

    /// One.
    pub(crate) fn at(uri: &str) -> Self {
        Self(vec![uri.to_owned()])
    }

    /// The addresses, in their order.
    pub(crate) fn uris(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Which certificates of its issuer a CRL is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// all of them
    Whole,
    /// those that name one of these addresses, or any where there is none, and are of this sort
    Part { uris: Vec<String>, of: Sort },
}

/// What a part of a list may be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Any,
    Authorities,
    Leaves,
}

impl Scope {
    /// From the extensions of a list. `issuingDistributionPoint` limits the list whether or not it is marked critical, as
    /// it has to be.
    pub(super) fn read(extensions: &[Extension]) -> Result<Self, Error> {
        let mut found = extensions.iter().filter(|extension| is_scope(extension));
        let point = match (found.next(), found.next()) {
            (None, _) => return Ok(Self::Whole),
            (Some(extension), None) => IssuingDistributionPoint::from_der(extension.extn_value.as_bytes()),
            (Some(_), Some(_)) => return Err(Error::CrlInvalid("it says twice what it is about")),
        };
        let unreadable = Error::CrlInvalid("what it says it is about does not read");
        let point = point.map_err(|_| unreadable.clone())?;
        if point.indirect_crl || point.only_contains_attribute_certs {
            return Err(Error::CrlInvalid("it is about certificates of others, or of attributes"));
        }
        if point.only_some_reasons.is_some() {
            return Err(Error::CrlInvalid("it lists what is revoked for some reasons only"));
        }
        let of = match (point.only_contains_ca_certs, point.only_contains_user_certs) {
            (false, false) => Sort::Any,
            (true, false) => Sort::Authorities,
            (false, true) => Sort::Leaves,
            // At most one may be set (RFC 5280 section 5.2.5).
            (true, true) => return Err(unreadable),
        };
        let uris = match point.distribution_point.map(|name| uris(name).collect::<Vec<_>>()) {
            None => Vec::new(),
            // It is published somewhere, and nothing here can tell whether a certificate means that place.
            Some(uris) if uris.is_empty() => {
                return Err(Error::CrlInvalid("a place without an address"));
            }
            Some(uris) => uris,
        };
        Ok(Self::Part { uris, of })
    }

    /// Whether a certificate that is not listed is thereby clear (RFC 5280 section 6.3.3, step b 2).
    pub(super) fn covers(&self, place: Place, points: &Points) -> bool {
        match self {
            Self::Whole => true,
            Self::Part { uris, of } => {
                let is_of_sort = match of {
                    Sort::Any => true,
                    Sort::Authorities => matches!(place, Place::Intermediate | Place::Root),
                    Sort::Leaves => matches!(place, Place::Leaf | Place::Signer),
                };
                is_of_sort && (uris.is_empty() || points.uris().any(|uri| uris.iter().any(|u| u == uri)))
            }
        }
    }
}

/// Whether an extension says what a list is about.
pub(super) fn is_scope(extension: &Extension) -> bool {
    extension.extn_id == ISSUING_DISTRIBUTION_POINT
}

fn uris(name: DistributionPointName) -> impl Iterator<Item = String> {
    let names = match name {
        DistributionPointName::FullName(names) => names,
        // Relative to the issuer's name: a place in a directory, which has no address.
        DistributionPointName::NameRelativeToCRLIssuer(_) => Vec::new(),
    };
    names.into_iter().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use der::{
        Encode as _,
        asn1::{Ia5String, OctetString},
        flagset::FlagSet,
    };
    use x509_cert::ext::pkix::crl::dp::{DistributionPoint, Reasons};

    const HERE: &str = "http://crl.example.com/1.crl";

    fn at(uri: &str) -> DistributionPointName {
        let uri = Ia5String::new(uri).unwrap();
        DistributionPointName::FullName(vec![GeneralName::UniformResourceIdentifier(uri)])
    }

    fn point() -> IssuingDistributionPoint {
        IssuingDistributionPoint {
            distribution_point: Some(at(HERE)),
            only_contains_user_certs: false,
            only_contains_ca_certs: false,
            only_some_reasons: None,
            indirect_crl: false,
            only_contains_attribute_certs: false,
        }
    }

    fn extension(value: Vec<u8>, critical: bool) -> Extension {
        let extn_value = OctetString::new(value).unwrap();
        Extension { extn_id: ISSUING_DISTRIBUTION_POINT, critical, extn_value }
    }

    fn read(point: &IssuingDistributionPoint) -> Result<Scope, Error> {
        Scope::read(&[extension(point.to_der().unwrap(), true)])
    }

    // AT-03: what is about other things than certificates and their revocation is refused whole.
    #[test]
    fn lists_of_another_sort_are_refused() {
        read(&point()).unwrap();
        let edits: [fn(&mut IssuingDistributionPoint); 6] = [
            |point| point.indirect_crl = true,
            |point| point.only_contains_attribute_certs = true,
            |point| point.only_some_reasons = Some(FlagSet::from(Reasons::KeyCompromise)),
            |point| (point.only_contains_ca_certs, point.only_contains_user_certs) = (true, true),
            |point| point.distribution_point = Some(DistributionPointName::FullName(Vec::new())),
            |point| {
                let name = GeneralName::DnsName(Ia5String::new("crl.example.com").unwrap());
                point.distribution_point = Some(DistributionPointName::FullName(vec![name]));
            },
        ];
        for (index, edit) in edits.into_iter().enumerate() {
            let mut point = point();
            edit(&mut point);
            assert!(matches!(read(&point), Err(Error::CrlInvalid(_))), "{index}");
        }
        for value in [Vec::new(), vec![0x30], vec![0x30, 3, 1, 1, 0xff], vec![0x05, 0]] {
            assert!(matches!(Scope::read(&[extension(value, true)]), Err(Error::CrlInvalid(_))));
        }
        let twice = extension(point().to_der().unwrap(), true);
        assert!(matches!(Scope::read(&[twice.clone(), twice]), Err(Error::CrlInvalid(_))));
    }

    // AT-03: a limit holds whether or not it is marked critical, and one of sort without a place holds everywhere.
    #[test]
    fn a_limit_is_a_limit() {
        let (here, there) = (Points::at(HERE), Points::at("http://crl.example.com/2.crl"));
        let soft = Scope::read(&[extension(point().to_der().unwrap(), false)]).unwrap();
        assert!(soft.covers(Place::Leaf, &here) && !soft.covers(Place::Leaf, &there));
        assert!(!soft.covers(Place::Leaf, &Points::default()));
        assert!(Scope::read(&[]).unwrap().covers(Place::Leaf, &Points::default()));
        let mut authorities = point();
        (authorities.only_contains_ca_certs, authorities.distribution_point) = (true, None);
        let authorities = read(&authorities).unwrap();
        assert!(authorities.covers(Place::Intermediate, &Points::default()));
        assert!(!authorities.covers(Place::Leaf, &here));
    }

    // AT-03: a point for some reasons, or of another issuer's list, is none.
    #[test]
    fn only_points_that_can_clear_are_points() {
        let whole = DistributionPoint { distribution_point: Some(at(HERE)), reasons: None, crl_issuer: None };
        let some =
            DistributionPoint { reasons: Some(FlagSet::from(Reasons::KeyCompromise)), ..whole.clone() };
        let others = DistributionPoint { crl_issuer: Some(Vec::new()), ..whole.clone() };
        let none = DistributionPoint { distribution_point: None, reasons: None, crl_issuer: None };
        let read = |points: Vec<DistributionPoint>| {
            let points = Points::from_der(&CrlDistributionPoints(points).to_der().unwrap());
            points.uris().count()
        };
        assert_eq!(read(vec![some, others, none]), 0);
        assert_eq!(read(vec![whole.clone(), whole]), 2);
        assert_eq!(Points::from_der(&[0x30, 0x80]), Points::default());
    }
}
