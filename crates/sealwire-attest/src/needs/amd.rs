//! What SEV-SNP reports need of AMD's Key Distribution Service (AMD 57230, chapter 4).

use super::{Answer, Checked, Chip, Need, Needs, crl_of, parsed};
use crate::{
    Endorsements, Error, Place,
    snp::{
        AMD, Holder, Leaf, PROFILE, Product, Tcb,
        report::{Report, SigningKey},
    },
    x509::Certificate,
};

/// What reports of versions that do not name the product can be of: Turin's firmware makes none of those.
const BEFORE_CPUID: [Product; 2] = [Product::Milan, Product::Genoa];

pub(super) fn needs(report: &[u8], endorsements: &Endorsements) -> Result<Needs, Error> {
    let report = Report::parse(report)?;
    let key = report.signing_key.filter(|_| !report.mask_chip_key).ok_or(Error::Unsigned)?;
    let supplied: Vec<Certificate> =
        endorsements.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let leaf = supplied
        .iter()
        .filter(|certificate| certificate.common_name() == key.common_name())
        .filter_map(|certificate| Leaf::new(certificate, key).ok())
        .find(|leaf| leaf.check_identity(&report).is_ok() && leaf.check_tcb(&report).is_ok());
    let product = match (&leaf, report.cpuid) {
        (Some(leaf), _) => Some(leaf.product),
        (None, Some([family, model, _])) => Product::from_cpuid(family, model),
        (None, None) => None,
    };
    let mut needs = Needs::default();
    match (key, &leaf) {
        (_, Some(_)) => {}
        (SigningKey::Vlek, None) => {
            needs.elsewhere.push("the VLEK certificate: AMD gives it to the cloud provider alone");
        }
        (SigningKey::Vcek, None) if report.chip_id == [0; 64] => {
            needs.elsewhere.push("the VCEK certificate: the report hides which chip it is of");
        }
        (SigningKey::Vcek, None) => {
            let products = product.map_or(BEFORE_CPUID.to_vec(), |product| vec![product]);
            let chip = Chip(report.chip_id);
            needs.published.push(Need::AmdVcek { products, chip, tcb: report.reported_tcb });
        }
    }
    // Of a report that does not tell, the certificate will.
    if let Some(product) = product {
        let has_authority = || {
            supplied.iter().chain(&AMD.intermediates).any(|authority| is_authority(authority, product, key))
        };
        if !has_authority() {
            needs.published.push(Need::AmdChain { product, key });
        }
        needs.published.push(Need::AmdCrl { product, key });
    }
    Ok(needs)
}

/// Common names of the authorities, as AMD issues them: `SEV-Milan`, `SEV-VLEK-Milan`.
fn is_authority(certificate: &Certificate, product: Product, key: SigningKey) -> bool {
    let name = match key {
        SigningKey::Vcek => format!("SEV-{product}"),
        SigningKey::Vlek => format!("SEV-VLEK-{product}"),
    };
    certificate.common_name() == name && is_signed_by_root(certificate, product)
}

fn is_signed_by_root(certificate: &Certificate, product: Product) -> bool {
    root(product).is_ok_and(|root| certificate.is_signed_by(root, &PROFILE, Place::Intermediate).is_ok())
}

fn root(product: Product) -> Result<&'static Certificate, Error> {
    let found = AMD.pinned.iter().find(|(of, _)| *of == product);
    found.map(|(_, root)| root).ok_or(Error::RootNotPinned)
}

/// One certificate, of this chip at this level, under the ASK that is built in.
pub(super) fn check_vcek(
    answer: &Answer,
    products: &[Product],
    chip: &Chip,
    tcb: [u8; 8],
) -> Result<Checked, Error> {
    let endorsements = parsed(answer)?;
    let ([der], true) = (endorsements.certificates.as_slice(), endorsements.crls.is_empty()) else {
        return Err(Error::MalformedEndorsement("not one certificate"));
    };
    let certificate = Certificate::from_der(der)?;
    let leaf = Leaf::new(&certificate, SigningKey::Vcek)?;
    if !products.contains(&leaf.product) {
        return Err(Error::WrongProduct);
    }
    match &leaf.holder {
        Holder::Chip(id) if chip.0.starts_with(id) => {}
        Holder::Chip(_) | Holder::Provider(_) => return Err(Error::WrongChip),
    }
    leaf.check_level(Tcb::from_bytes(tcb, leaf.product))?;
    let mut error = Error::RootNotPinned;
    for authority in AMD.intermediates.iter().filter(|ask| ask.subject() == certificate.issuer()) {
        match certificate.is_signed_by(authority, &PROFILE, Place::Leaf) {
            Ok(()) => {
                let window = certificate.window(Place::Leaf);
                return Ok(Checked { from: window.not_before, until: window.not_after, endorsements });
            }
            Err(found) => error = found,
        }
    }
    Err(error)
}

/// The authority, and the root above it or not: the root counts because it is built in, never because it came.
pub(super) fn check_chain(answer: &Answer, product: Product, key: SigningKey) -> Result<Checked, Error> {
    let found = parsed(answer)?;
    for der in &found.certificates {
        let certificate = Certificate::from_der(der)?;
        if is_authority(&certificate, product, key) {
            let window = certificate.window(Place::Intermediate);
            let endorsements = Endorsements { certificates: vec![der.clone()], ..Endorsements::default() };
            return Ok(Checked { from: window.not_before, until: window.not_after, endorsements });
        }
    }
    Err(Error::MalformedEndorsement("no authority of this product among the certificates"))
}

pub(super) fn check_crl(answer: &Answer, product: Product) -> Result<Checked, Error> {
    crl_of(answer, root(product)?, &PROFILE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;
    use crate::common::der::{self, BASIC_CONSTRAINTS, Crl, Extension, KEY_USAGE};
    use sealwire_crypto::sign::rsa_pss_sha384;

    const FROM: u64 = 1_800_000_000;

    fn root(key: &rsa_pss_sha384::SigningKey) -> Certificate {
        let der = der::Certificate {
            issuer: "ARK-Milan".into(),
            subject: "ARK-Milan".into(),
            serial: 1,
            not_before: FROM,
            not_after: FROM + 1000,
            spki: der::rsa_spki(&key.public_key()),
            extensions: vec![
                Extension::critical(BASIC_CONSTRAINTS, der::sequence(&[&[0x01, 0x01, 0xff]])),
                Extension::critical(KEY_USAGE, vec![0x03, 0x02, 0x01, 0x06]),
            ],
            algorithm: der::amd_pss(),
            outer_algorithm: der::amd_pss(),
        };
        Certificate::from_der(&der.sign(key)).unwrap()
    }

    fn crl(issuer: &str, key: &rsa_pss_sha384::SigningKey) -> Answer {
        let crl = Crl {
            issuer: issuer.into(),
            this_update: FROM,
            next_update: Some(FROM + 100),
            revoked: vec![7],
            entry_extensions: Vec::new(),
            extensions: Vec::new(),
            algorithm: der::amd_pss(),
        };
        Answer { bytes: crl.sign(key), issuers: Vec::new() }
    }

    // AT-70: the CRL of the root that was asked for, and no other. No CRL of AMD's own is at hand, so the root is ours.
    #[test]
    fn a_crl_is_its_roots() {
        let [key, other] = [(); 2].map(|()| rsa_pss_sha384::SigningKey::generate().unwrap());
        let root = root(&key);
        let checked = crl_of(&crl("ARK-Milan", &key), &root, &PROFILE).unwrap();
        assert_eq!((checked.from.0, checked.until.0), (FROM, FROM + 100));
        assert_eq!(checked.endorsements.crls.len(), 1);
        let refused = |answer: &Answer| crl_of(answer, &root, &PROFILE).unwrap_err();
        assert_eq!(refused(&crl("ARK-Genoa", &key)), Error::CrlInvalid("another issuer"));
        assert_eq!(refused(&crl("ARK-Milan", &other)), Error::CrlInvalid("signature"));
        let mut twice = crl("ARK-Milan", &key);
        twice.bytes.push(0);
        assert!(matches!(refused(&twice), Error::MalformedEndorsement(_)));
        // Under the built-in root none of these is anything.
        assert!(check_crl(&crl("ARK-Milan", &key), Product::Milan).is_err());
    }

    // AT-70: the authority is found among what comes, by name and by the root that is built in.
    #[test]
    fn a_chain_is_of_its_product() {
        let answer = |pems: [&[u8]; 2]| Answer { bytes: pems.concat(), issuers: Vec::new() };
        let milan = answer([
            include_bytes!("../../anchors/amd/ask-milan.pem"),
            include_bytes!("../../anchors/amd/ark-milan.pem"),
        ]);
        let checked = check_chain(&milan, Product::Milan, SigningKey::Vcek).unwrap();
        assert_eq!(checked.endorsements.certificates.len(), 1, "the root is built in");
        assert!(check_chain(&milan, Product::Genoa, SigningKey::Vcek).is_err());
        assert!(check_chain(&milan, Product::Milan, SigningKey::Vlek).is_err());
    }
}
