//! NVIDIA's certificate authorities: public data, with source and fingerprints in `anchors/nvidia/README.md`.

use crate::x509::{Algorithm, Certificate, LeafUse, Profile, anchors};
use std::sync::LazyLock;

/// NVIDIA's chains: ECDSA with SHA-384 throughout.
pub(super) const PROFILE: Profile =
    Profile { algorithms: &[Algorithm::EcdsaSha384], understood: &[], leaf: LeafUse::Sign };

/// The roots, parsed once for all verifiers.
pub(super) struct Roots {
    /// of devices
    pub(super) devices: Vec<Certificate>,
    /// of the signers of reference integrity manifests
    pub(super) manifests: Vec<Certificate>,
}

pub(super) static NVIDIA: LazyLock<Roots> = LazyLock::new(|| Roots {
    devices: anchors(include_bytes!("../../anchors/nvidia/device-identity-ca.pem")),
    manifests: anchors(include_bytes!("../../anchors/nvidia/corim-signing-root.pem")),
});

/// Whether a fingerprint is that of NVIDIA's root of devices.
pub(crate) fn is_nvidia(fingerprint: &[u8; 32]) -> bool {
    NVIDIA.devices.iter().any(|root| root.fingerprint() == *fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, x509::assert_documented};

    // AT-02: the anchors are the documented ones, and hold together.
    #[test]
    fn the_anchors_are_the_documented_ones() {
        let table = include_str!("../../anchors/nvidia/README.md");
        let Roots { devices, manifests } = &*NVIDIA;
        assert_eq!((devices.len(), manifests.len()), (1, 1));
        for root in devices.iter().chain(manifests) {
            assert_documented(root, table);
            root.is_signed_by(root, &PROFILE, Place::Root).unwrap();
            assert_eq!(is_nvidia(&root.fingerprint()), root.common_name() == "NVIDIA Device Identity CA");
        }
    }
}
