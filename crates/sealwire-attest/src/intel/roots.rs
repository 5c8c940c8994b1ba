//! Intel's certificate authorities: public data, with source and fingerprints in `anchors/intel/README.md`.

use crate::x509::{Algorithm, Certificate, LeafUse, Profile, anchors};
use std::sync::LazyLock;

const ROOT: &[u8] = include_bytes!("../../anchors/intel/sgx-root-ca.pem");
const BELOW: [&[u8]; 3] = [
    include_bytes!("../../anchors/intel/pck-platform-ca.pem"),
    include_bytes!("../../anchors/intel/pck-processor-ca.pem"),
    include_bytes!("../../anchors/intel/tcb-signing.pem"),
];

/// Intel's chains: ECDSA on P-256 with SHA-256 throughout (Intel SGX PCK certificate and CRL profile specification).
pub(crate) const PROFILE: Profile =
    Profile { algorithms: &[Algorithm::EcdsaSha256], understood: &[], leaf: LeafUse::Sign };

/// A root, which is trusted, and certificates below it, which only save the caller from supplying them.
#[derive(Debug, Clone)]
pub(crate) struct Roots {
    pub(crate) pinned: Vec<Certificate>,
    pub(crate) below: Vec<Certificate>,
}

/// Parsed once for all verifiers.
pub(crate) static INTEL: LazyLock<Roots> =
    LazyLock::new(|| Roots { pinned: anchors(ROOT), below: BELOW.into_iter().flat_map(anchors).collect() });

/// Whether a fingerprint is that of Intel's root.
pub(crate) fn is_intel(fingerprint: &[u8; 32]) -> bool {
    INTEL.pinned.iter().any(|root| root.fingerprint() == *fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, x509::assert_documented};

    // AT-02: the anchors are those of the table beside them, and hold together.
    #[test]
    fn anchors_are_the_documented_ones() {
        let table = include_str!("../../anchors/intel/README.md");
        assert_eq!((INTEL.pinned.len(), INTEL.below.len()), (1, 3));
        let root = &INTEL.pinned[0];
        for certificate in INTEL.pinned.iter().chain(&INTEL.below) {
            assert_documented(certificate, table);
            assert_eq!(is_intel(&certificate.fingerprint()), certificate.subject() == certificate.issuer());
            certificate.is_signed_by(root, &PROFILE, Place::Intermediate).unwrap();
        }
    }
}
