//! What Nitro documents need of AWS: the CRLs that the certificates of their chain name.
//!
//! AWS publishes its lists in parts, and only a certificate tells which part is about it. What is taken from there is
//! the region and the number of the list, and only of certificates under AWS's own root.

use super::{Answer, Checked, Need, Needs, parsed};
use crate::{
    Error, Place,
    nitro::{self, PROFILE},
    x509::{Certificate, Points, UnverifiedCrl},
};
use std::fmt;

/// The bucket of the root's lists.
const ROOT_BUCKET: &str = "aws-nitro-enclaves-crl";
/// The longest name of a region that is taken for one, in bytes; `ap-southeast-1` has 14.
const MAX_REGION: usize = 32;

/// One CRL of AWS's: whose it is, and which.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AwsCrl {
    place: AwsPlace,
    /// as the certificate and the list have it
    uri: String,
    /// the issuer's certificate, in DER
    issuer: Vec<u8>,
}

/// A place of AWS's for CRLs, of those that there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AwsPlace {
    region: Option<String>,
    list: String,
}

impl AwsPlace {
    /// From an address in a certificate. `None` for one of another form: a host of anybody else, another path, a port,
    /// a user, a query.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"))?;
        let (host, path) = rest.split_once('/')?;
        let list = path.strip_prefix("crl/")?.strip_suffix(".crl")?;
        let region = match host.strip_suffix(".amazonaws.com")?.split_once(".s3") {
            Some((ROOT_BUCKET, "")) => None,
            Some((bucket, region)) => {
                let region = region.strip_prefix('.').filter(|region| is_region(region))?;
                let named = bucket.strip_prefix("crl-")?.strip_suffix("-aws-nitro-enclaves")?;
                Some((named == region).then(|| region.to_owned())?)
            }
            None => return None,
        };
        is_uuid(list).then(|| Self { region, list: list.to_owned() })
    }

    /// The bucket of S3 that it is in.
    #[must_use]
    pub fn bucket(&self) -> String {
        match &self.region {
            Some(region) => format!("crl-{region}-aws-nitro-enclaves"),
            None => ROOT_BUCKET.to_owned(),
        }
    }

    /// The host that serves the bucket.
    #[must_use]
    pub fn host(&self) -> String {
        let region = self.region.as_ref().map(|region| format!(".{region}")).unwrap_or_default();
        format!("{}.s3{region}.amazonaws.com", self.bucket())
    }

    /// The object in the bucket: `crl/UUID.crl`.
    #[must_use]
    pub fn object(&self) -> String {
        format!("crl/{}.crl", self.list)
    }
}

/// `eu-central-1`: what can be a part of a host's name and of nothing else.
fn is_region(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= MAX_REGION && text.split('-').all(is_part)
}

/// In lower case, with its hyphens.
fn is_uuid(text: &str) -> bool {
    let is_part = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(is_part)
}

impl AwsCrl {
    /// The list at `uri`, of the authority whose certificate in DER is `issuer`; `None` where AWS publishes none.
    #[must_use]
    pub fn new(uri: &str, issuer: &[u8]) -> Option<Self> {
        let place = AwsPlace::from_uri(uri)?;
        Some(Self { place, uri: uri.to_owned(), issuer: issuer.to_vec() })
    }

    /// Where it is published.
    #[must_use]
    pub fn place(&self) -> &AwsPlace {
        &self.place
    }

    /// Of its issuer, and about the certificates that name this place.
    pub(super) fn check(&self, answer: &Answer) -> Result<Checked, Error> {
        let endorsements = parsed(answer)?;
        let ([der], true) = (endorsements.crls.as_slice(), endorsements.certificates.is_empty()) else {
            return Err(Error::MalformedEndorsement("not one CRL"));
        };
        let issuer = Certificate::from_der(&self.issuer)?;
        let crl = UnverifiedCrl::from_der(der)?.verify(&issuer, &PROFILE)?;
        if !crl.is_about(Place::Intermediate, &Points::at(&self.uri)) {
            return Err(Error::CrlInvalid("another part of its issuer's list"));
        }
        Ok(Checked { from: crl.this_update, until: crl.next_update, endorsements })
    }

    pub(super) fn name(&self) -> String {
        let AwsPlace { region, list } = &self.place;
        format!("aws-nitro-crl-{}-{list}", region.as_deref().unwrap_or("root"))
    }
}

impl fmt::Display for AwsCrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place.region {
            Some(region) => write!(f, "CRL of AWS's Nitro authority of {region}"),
            None => f.write_str("CRL of AWS's Nitro root"),
        }
    }
}

/// The issuer's certificate is left out: an authority below the zone's would be that of one machine.
impl fmt::Debug for AwsCrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCrl").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Of a chain that ends in one of `roots`; outside of tests they are AWS's.
pub(crate) fn needs(document: &[u8], roots: &[Certificate]) -> Result<Needs, Error> {
    let mut needs = Needs::default();
    let chain = match nitro::chain(document, roots) {
        Ok(chain) => chain,
        Err(error @ Error::Malformed(_)) => return Err(error),
        Err(_) => {
            needs.elsewhere.push("the CRLs of a chain that does not hold up to AWS's root");
            return Ok(needs);
        }
    };
    for pair in chain.windows(2) {
        let [(certificate, _), (_, issuer)] = pair else { continue };
        let Some(points) = certificate.points() else { continue };
        match points.uris().find_map(|uri| AwsCrl::new(uri, issuer)) {
            Some(crl) => needs.merge(Needs { published: vec![Need::AwsCrl(crl)], elsewhere: Vec::new() }),
            None => needs.merge(Needs {
                published: Vec::new(),
                elsewhere: vec!["a CRL at a place that is none of AWS's for Nitro"],
            }),
        }
    }
    Ok(needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "ab4960cc-7d63-42bd-9e9f-59338cb67f84";

    // AT-70: places are told by an allow-list, not by where they lead.
    #[test]
    fn only_places_of_aws_are_places() {
        let root = format!("http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/{LIST}.crl");
        let place = AwsPlace::from_uri(&root).unwrap();
        assert_eq!(place.host(), "aws-nitro-enclaves-crl.s3.amazonaws.com");
        assert_eq!(place.object(), format!("crl/{LIST}.crl"));
        let host = "crl-eu-central-1-aws-nitro-enclaves.s3.eu-central-1.amazonaws.com";
        let regional = AwsPlace::from_uri(&format!("https://{host}/crl/{LIST}.crl")).unwrap();
        assert_eq!(regional.host(), host);
        assert_eq!(regional.bucket(), "crl-eu-central-1-aws-nitro-enclaves");
        let refused = [
            format!("ftp://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/{LIST}.crl"),
            format!("http://aws-nitro-enclaves-crl.s3.amazonaws.com.example/crl/{LIST}.crl"),
            format!("http://example.com/aws-nitro-enclaves-crl.s3.amazonaws.com/crl/{LIST}.crl"),
            format!("http://user@aws-nitro-enclaves-crl.s3.amazonaws.com/crl/{LIST}.crl"),
            format!("http://aws-nitro-enclaves-crl.s3.amazonaws.com:8080/crl/{LIST}.crl"),
            format!("http://aws-nitro-enclaves-crl.s3.amazonaws.com@example.com/crl/{LIST}.crl"),
            format!("http://aws-nitro-enclaves-crl.s3.eu-central-1.amazonaws.com/crl/{LIST}.crl"),
            format!("http://x.aws-nitro-enclaves-crl.s3.amazonaws.com/crl/{LIST}.crl"),
            format!("http://other-bucket.s3.amazonaws.com/crl/{LIST}.crl"),
            format!("http://AWS-nitro-enclaves-crl.s3.amazonaws.com/crl/{LIST}.crl"),
            // Two regions, none, and what is no region's name.
            format!("http://crl-eu-central-1-aws-nitro-enclaves.s3.eu-west-1.amazonaws.com/crl/{LIST}.crl"),
            format!("http://crl--aws-nitro-enclaves.s3..amazonaws.com/crl/{LIST}.crl"),
            format!("http://crl-a.b-aws-nitro-enclaves.s3.a.b.amazonaws.com/crl/{LIST}.crl"),
            format!("http://crl-a/b-aws-nitro-enclaves.s3.a/b.amazonaws.com/crl/{LIST}.crl"),
            format!("http://crl-{0}-aws-nitro-enclaves.s3.{0}.amazonaws.com/crl/{LIST}.crl", "a".repeat(33)),
            // Another object.
            format!("http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/{LIST}.crl?x"),
            format!("http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/../{LIST}.crl"),
            format!("http://aws-nitro-enclaves-crl.s3.amazonaws.com/{LIST}.crl"),
            "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/".to_owned(),
            "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/1.crl".to_owned(),
            root.replace("ab49", "AB49"),
            root.replace('-', "%2d"),
            String::new(),
        ];
        for uri in refused {
            assert_eq!(AwsPlace::from_uri(&uri), None, "{uri}");
        }
    }
}
