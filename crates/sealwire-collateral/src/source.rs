//! Where endorsements come from: the vendors, or a mirror that is configured (AT-71). Never a place that evidence or a
//! certificate names, but for AWS's lists, of which certificates name one among the buckets that AWS has for them.

use crate::Failure;
use http::{Uri, uri::Scheme};

/// Intel's Provisioning Certification Service.
const PCS: &str = "https://api.trustedservices.intel.com";
/// Intel's distribution of its root's CRL, which PCS itself does not serve.
const ROOT_CRL: &str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";
/// AMD's Key Distribution Service.
const KDS: &str = "https://kdsintf.amd.com";
/// Where a mirror of PCS (a PCCS) serves the root's CRL.
const PCCS_ROOT_CRL: &str = "/sgx/certification/v4/rootcacrl";

/// Where to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    pcs: String,
    root_crl: String,
    kds: String,
    /// instead of the buckets that AWS's certificates name
    aws_crls: Option<String>,
}

impl Default for Sources {
    /// The vendors.
    fn default() -> Self {
        Self { pcs: PCS.to_owned(), root_crl: ROOT_CRL.to_owned(), kds: KDS.to_owned(), aws_crls: None }
    }
}

impl Sources {
    /// A mirror of Intel's PCS: what comes before `/sgx/certification/v4/…`. It serves the root's CRL, too, as a PCCS
    /// does.
    ///
    /// # Errors
    /// [`Failure::Place`]
    pub fn with_pcs(mut self, base: &str) -> Result<Self, Failure> {
        self.pcs = place(base)?;
        self.root_crl = format!("{}{PCCS_ROOT_CRL}", self.pcs);
        Ok(self)
    }

    /// A mirror of AMD's KDS: what comes before `/vcek/v1/…`.
    ///
    /// # Errors
    /// [`Failure::Place`]
    pub fn with_kds(mut self, base: &str) -> Result<Self, Failure> {
        self.kds = place(base)?;
        Ok(self)
    }

    /// A mirror of the buckets of AWS's CRLs for Nitro: what comes before `/{bucket}/crl/….crl`.
    ///
    /// # Errors
    /// [`Failure::Place`]
    pub fn with_aws_crls(mut self, base: &str) -> Result<Self, Failure> {
        self.aws_crls = Some(place(base)?);
        Ok(self)
    }

    pub(crate) fn pcs(&self) -> &str {
        &self.pcs
    }

    pub(crate) fn root_crl(&self) -> &str {
        &self.root_crl
    }

    pub(crate) fn kds(&self) -> &str {
        &self.kds
    }

    pub(crate) fn aws_crls(&self) -> Option<&str> {
        self.aws_crls.as_deref()
    }

    pub(crate) fn is_tls(&self) -> bool {
        let is_tls = |place: &String| place.starts_with("https://");
        [&self.pcs, &self.root_crl, &self.kds].into_iter().any(is_tls)
            || self.aws_crls.as_ref().is_none_or(is_tls)
    }
}

/// Without a final slash.
fn place(text: &str) -> Result<String, Failure> {
    let refused = || Failure::Place(text.to_owned());
    let uri: Uri = text.parse().map_err(|_| refused())?;
    let known = [Scheme::HTTP, Scheme::HTTPS].iter().any(|scheme| uri.scheme() == Some(scheme));
    let authority = uri.authority().ok_or_else(refused)?.as_str();
    // A fragment is lost in parsing.
    if !known || authority.contains('@') || text.contains(['?', '#']) {
        return Err(refused());
    }
    let scheme = uri.scheme_str().unwrap_or_default();
    Ok(format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    // AT-71
    #[test]
    fn a_mirror_takes_the_vendors_place() {
        let sources = Sources::default().with_pcs("https://pccs.example:8081/").unwrap();
        assert_eq!(sources.pcs(), "https://pccs.example:8081");
        assert_eq!(sources.root_crl(), "https://pccs.example:8081/sgx/certification/v4/rootcacrl");
        assert_eq!(sources.kds(), KDS);
        let sources = sources.with_kds("http://[::1]:8080/kds/").unwrap();
        assert_eq!(sources.kds(), "http://[::1]:8080/kds");
        for no_place in
            ["", "pccs.example", "ftp://pccs.example", "https://a@b", "https://a/?b", "https://a/#b"]
        {
            assert!(Sources::default().with_pcs(no_place).is_err(), "{no_place}");
        }
    }
}
