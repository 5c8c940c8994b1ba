//! AWS's CRLs for Nitro Enclaves, in buckets of S3.

use crate::{Sources, request::Request};
use sealwire_attest::needs::AwsCrl;

/// `https://{bucket}.s3[.{region}].amazonaws.com/crl/{UUID}.crl`. Certificates have it with `http:`, which S3 serves in
/// TLS as well: a list is signed, but whoever is in between could keep showing an old one.
pub(crate) fn crl(sources: &Sources, crl: &AwsCrl) -> Option<Request> {
    let place = crl.place();
    let base = match sources.aws_crls() {
        Some(mirror) => format!("{mirror}/{}", place.bucket()),
        None => format!("https://{}", place.host()),
    };
    let shown = format!("{base}/{}", place.object());
    Some(Request { uri: shown.parse().ok()?, shown, issuers: &[] })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // AT-70, AT-71
    #[test]
    fn requests_go_to_buckets_of_aws_or_to_the_mirror() {
        let host = "crl-eu-central-1-aws-nitro-enclaves.s3.eu-central-1.amazonaws.com";
        let list = "crl/da69a570-f489-4370-99bc-f2fca9224088.crl";
        let need = AwsCrl::new(&format!("http://{host}/{list}"), &[]).unwrap();
        let vendor = crl(&Sources::default(), &need).unwrap();
        assert_eq!(vendor.shown, format!("https://{host}/{list}"));
        let mirror = Sources::default().with_aws_crls("http://[::1]:8080/aws/").unwrap();
        let expected = format!("http://[::1]:8080/aws/crl-eu-central-1-aws-nitro-enclaves/{list}");
        assert_eq!(crl(&mirror, &need).unwrap().shown, expected);
    }
}
