//! NVIDIA's certificate authorities: public data, with source and fingerprints in `anchors/nvidia/README.md`.

use crate::{
    Endorsements,
    x509::{Algorithm, Certificate, LeafUse, Profile},
};
use std::sync::LazyLock;

/// NVIDIA's chains: ECDSA with SHA-384 throughout.
pub(super) const PROFILE: Profile =
    Profile { algorithms: &[Algorithm::EcdsaSha384], understood: &[], leaf: LeafUse::Sign };

/// The roots, parsed once for all verifiers. A file that did not parse would be a root that vouches for nobody; a test
/// holds them to their fingerprints.
pub(super) struct Roots {
    /// of devices
    pub(super) devices: Vec<Certificate>,
    /// of the signers of reference integrity manifests
    pub(super) manifests: Vec<Certificate>,
}

pub(super) static NVIDIA: LazyLock<Roots> = LazyLock::new(|| Roots {
    devices: parse(include_bytes!("../../anchors/nvidia/device-identity-ca.pem")),
    manifests: parse(include_bytes!("../../anchors/nvidia/corim-signing-root.pem")),
});

/// Whether a fingerprint is that of NVIDIA's root of devices.
pub(crate) fn is_nvidia(fingerprint: &[u8; 32]) -> bool {
    NVIDIA.devices.iter().any(|root| root.fingerprint() == *fingerprint)
}

fn parse(pem: &[u8]) -> Vec<Certificate> {
    let mut file = Endorsements::default();
    let added = file.add(pem);
    added.map_or_else(
        |_| Vec::new(),
        |()| file.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    // AT-02: the anchors are the documented ones, and hold together.
    #[test]
    fn the_anchors_are_the_documented_ones() {
        let table = include_str!("../../anchors/nvidia/README.md");
        let Roots { devices, manifests } = &*NVIDIA;
        assert_eq!((devices.len(), manifests.len()), (1, 1));
        for root in devices.iter().chain(manifests) {
            let fingerprint = hex::encode(root.fingerprint());
            let row = table.lines().find(|line| line.contains(&fingerprint)).unwrap();
            assert!(row.contains(&format!("| {} |", root.common_name())), "{row}");
            root.is_signed_by(root, &PROFILE, Place::Root).unwrap();
            assert_eq!(is_nvidia(&root.fingerprint()), root.common_name() == "NVIDIA Device Identity CA");
        }
    }
}
