//! AMD's certificate authorities: public data, with source and fingerprints in `anchors/amd/README.md`.

use super::Product;
use crate::x509::{Algorithm, Certificate, LeafUse, Profile, anchors};
use std::sync::LazyLock;

const ARKS: [(Product, &[u8]); 3] = [
    (Product::Milan, include_bytes!("../../anchors/amd/ark-milan.pem")),
    (Product::Genoa, include_bytes!("../../anchors/amd/ark-genoa.pem")),
    (Product::Turin, include_bytes!("../../anchors/amd/ark-turin.pem")),
];

const ASKS: [&[u8]; 3] = [
    include_bytes!("../../anchors/amd/ask-milan.pem"),
    include_bytes!("../../anchors/amd/ask-genoa.pem"),
    include_bytes!("../../anchors/amd/ask-turin.pem"),
];

/// AMD's chains: RSASSA-PSS with SHA-384 throughout (AMD 57230).
pub(crate) const PROFILE: Profile =
    Profile { algorithms: &[Algorithm::PssSha384], understood: &[], leaf: LeafUse::Sign };

/// AMD's roots, which are trusted, and its intermediates for VCEKs, which only save the caller from supplying them.
pub(crate) struct Roots {
    pub(crate) pinned: Vec<(Product, Certificate)>,
    pub(crate) intermediates: Vec<Certificate>,
}

/// Parsed once for all verifiers.
pub(crate) static AMD: LazyLock<Roots> = LazyLock::new(|| Roots {
    pinned: ARKS
        .into_iter()
        .flat_map(|(product, pem)| anchors(pem).into_iter().map(move |root| (product, root)))
        .collect(),
    intermediates: ASKS.into_iter().flat_map(anchors).collect(),
});

/// Whether a fingerprint is that of a root of AMD.
pub(crate) fn is_amd(fingerprint: &[u8; 32]) -> bool {
    AMD.pinned.iter().any(|(_, root)| root.fingerprint() == *fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, x509::assert_documented};

    // AT-02: the anchors are those of the table beside them, and hold together.
    #[test]
    fn anchors_are_the_documented_ones() {
        let table = include_str!("../../anchors/amd/README.md");
        assert_eq!((AMD.pinned.len(), AMD.intermediates.len()), (3, 3));
        for ((product, root), intermediate) in AMD.pinned.iter().zip(&AMD.intermediates) {
            assert_eq!(root.common_name(), format!("ARK-{product}"));
            assert_eq!(intermediate.common_name(), format!("SEV-{product}"));
            for certificate in [root, intermediate] {
                assert_documented(certificate, table);
                assert!(
                    is_amd(&certificate.fingerprint()) == (certificate.subject() == certificate.issuer())
                );
            }
            root.is_signed_by(root, &PROFILE, Place::Root).unwrap();
            intermediate.is_signed_by(root, &PROFILE, Place::Intermediate).unwrap();
        }
    }
}
