//! Intel's Provisioning Certification Service, or a cache of it (Intel SGX and TDX PCS API, version 4).

use crate::{Sources, request::Request};
use sealwire_attest::needs::{IntelTee, PckCa};

/// Certificates above the signer of TCB info; the second name is that of version 3, which caches still write.
const TCB_ISSUERS: &[&str] = &["tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"];
const IDENTITY_ISSUERS: &[&str] = &["sgx-enclave-identity-issuer-chain"];
const PCK_CRL_ISSUERS: &[&str] = &["sgx-pck-crl-issuer-chain"];

/// `/{sgx|tdx}/certification/v4/tcb?fmspc=`: "Get TCB info"
pub(crate) fn tcb(sources: &Sources, tee: IntelTee, fmspc: [u8; 6]) -> Option<Request> {
    let path = format!("/{}/certification/v4/tcb?fmspc={}", tee.kind(), hex::encode(fmspc));
    request(sources.pcs(), &path, TCB_ISSUERS)
}

/// `/{sgx|tdx}/certification/v4/qe/identity`: "Get quoting enclave identity"
pub(crate) fn identity(sources: &Sources, tee: IntelTee) -> Option<Request> {
    request(sources.pcs(), &format!("/{}/certification/v4/qe/identity", tee.kind()), IDENTITY_ISSUERS)
}

/// `/sgx/certification/v4/pckcrl?ca=`: "Get revocation list"; TDX has the same
pub(crate) fn pck_crl(sources: &Sources, ca: PckCa) -> Option<Request> {
    let path = format!("/sgx/certification/v4/pckcrl?ca={}&encoding=der", ca.name());
    request(sources.pcs(), &path, PCK_CRL_ISSUERS)
}

/// The root's own CRL has no certificate between it and the root.
pub(crate) fn root_crl(sources: &Sources) -> Option<Request> {
    request(sources.root_crl(), "", &[])
}

fn request(base: &str, path: &str, issuers: &'static [&'static str]) -> Option<Request> {
    let shown = format!("{base}{path}");
    Some(Request { uri: shown.parse().ok()?, shown, issuers })
}

#[cfg(test)]
mod tests {
    use super::*;

    // AT-70
    #[test]
    fn requests_are_those_of_the_specification() {
        let sources = Sources::default();
        let fmspc = [0xb0, 0xc0, 0x6f, 0, 0, 0];
        let requests = [
            tcb(&sources, IntelTee::Tdx, fmspc),
            tcb(&sources, IntelTee::Sgx, fmspc),
            identity(&sources, IntelTee::Tdx),
            identity(&sources, IntelTee::Sgx),
            pck_crl(&sources, PckCa::Platform),
            root_crl(&sources),
        ];
        let expected = [
            "https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=b0c06f000000",
            "https://api.trustedservices.intel.com/sgx/certification/v4/tcb?fmspc=b0c06f000000",
            "https://api.trustedservices.intel.com/tdx/certification/v4/qe/identity",
            "https://api.trustedservices.intel.com/sgx/certification/v4/qe/identity",
            "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform&encoding=der",
            "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
        ];
        assert_eq!(requests.map(|request| request.unwrap().uri.to_string()), expected);
    }
}
