//! AWS's certificate authority: public data, with source and fingerprint in `anchors/aws/README.md`.

use crate::{
    Endorsements,
    x509::{Algorithm, Certificate, LeafUse, Profile},
};
use std::sync::LazyLock;

/// AWS's chains: ECDSA with SHA-384 throughout (AWS Nitro Enclaves User Guide, "Verifying the root of trust").
pub(super) const PROFILE: Profile =
    Profile { algorithms: &[Algorithm::EcdsaSha384], understood: &[], leaf: LeafUse::Sign };

/// The root, parsed once for all verifiers. A file that did not parse would be a root that vouches for nobody; a test
/// holds it to its fingerprint.
pub(super) static AWS: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    let mut file = Endorsements::default();
    let added = file.add(include_bytes!("../../anchors/aws/nitro-enclaves-root-g1.pem"));
    added.map_or_else(|_| Vec::new(), |()| parse(&file.certificates))
});

/// Whether a fingerprint is that of a root of AWS.
pub(crate) fn is_aws(fingerprint: &[u8; 32]) -> bool {
    AWS.iter().any(|root| root.fingerprint() == *fingerprint)
}

fn parse(certificates: &[Vec<u8>]) -> Vec<Certificate> {
    certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    // AT-02: the anchor is the documented one, and holds together.
    #[test]
    fn the_anchor_is_the_documented_one() {
        let [root] = AWS.as_slice() else { panic!("one root") };
        let fingerprint = hex::encode(root.fingerprint());
        let table = include_str!("../../anchors/aws/README.md");
        let row = table.lines().find(|line| line.contains(&fingerprint)).unwrap();
        assert!(row.contains(&format!("| {} |", root.common_name())), "{row}");
        root.is_signed_by(root, &PROFILE, Place::Root).unwrap();
        assert!(is_aws(&root.fingerprint()));
        assert!(!is_aws(&[0; 32]));
    }
}
