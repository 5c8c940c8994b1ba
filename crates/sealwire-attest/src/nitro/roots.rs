//! AWS's certificate authority: public data, with source and fingerprint in `anchors/aws/README.md`.

use crate::x509::{Algorithm, Certificate, LeafUse, Profile, anchors};
use std::sync::LazyLock;

/// AWS's chains: ECDSA with SHA-384 throughout (AWS Nitro Enclaves User Guide, "Verifying the root of trust").
pub(crate) const PROFILE: Profile =
    Profile { algorithms: &[Algorithm::EcdsaSha384], understood: &[], leaf: LeafUse::Sign };

/// The root, parsed once for all verifiers.
pub(crate) static AWS: LazyLock<Vec<Certificate>> =
    LazyLock::new(|| anchors(include_bytes!("../../anchors/aws/nitro-enclaves-root-g1.pem")));

/// Whether a fingerprint is that of a root of AWS.
pub(crate) fn is_aws(fingerprint: &[u8; 32]) -> bool {
    AWS.iter().any(|root| root.fingerprint() == *fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, x509::assert_documented};

    // AT-02: the anchor is the documented one, and holds together.
    #[test]
    fn the_anchor_is_the_documented_one() {
        let [root] = AWS.as_slice() else { panic!("one root") };
        assert_documented(root, include_str!("../../anchors/aws/README.md"));
        root.is_signed_by(root, &PROFILE, Place::Root).unwrap();
        assert!(is_aws(&root.fingerprint()));
        assert!(!is_aws(&[0; 32]));
    }
}
