//! What AMD puts into a VCEK or VLEK certificate (AMD 57230, chapter 3).

use super::{Product, Tcb, report::Report, report::SigningKey};
use crate::{Error, x509::Certificate};
use der::{Decode as _, asn1::Ia5StringRef, oid::ObjectIdentifier};

const PRODUCT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const FMC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.9");
const HARDWARE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");
const PROVIDER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.5");

/// The key that signs reports, and what it was certified for.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    /// an uncompressed point on P-384
    pub(crate) key: [u8; 97],
    pub(crate) product: Product,
    pub(crate) tcb: Tcb,
    pub(crate) holder: Holder,
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// VCEK: one chip's; its id, of 64 bytes, or 8 on Turin
    Chip(Vec<u8>),
    /// VLEK: a cloud provider's
    Provider(String),
}

impl SigningKey {
    /// The common name of its certificate.
    pub(crate) fn common_name(self) -> &'static str {
        match self {
            Self::Vcek => "SEV-VCEK",
            Self::Vlek => "SEV-VLEK",
        }
    }
}

impl Leaf {
    pub(crate) fn new(certificate: &Certificate, key: SigningKey) -> Result<Self, Error> {
        let product = certificate
            .extension(PRODUCT_NAME)
            .and_then(|value| Ia5StringRef::from_der(value).ok())
            .and_then(|name| Product::from_certificate(name.as_str()))
            .ok_or(Error::CertificateExtension("product name"))?;
        let level = |oid, name| {
            certificate
                .extension(oid)
                .and_then(|value| u8::from_der(value).ok())
                .ok_or(Error::CertificateExtension(name))
        };
        let tcb = Tcb {
            bootloader: level(BOOTLOADER, "boot loader level")?,
            tee: level(TEE, "TEE level")?,
            snp: level(SNP, "SNP level")?,
            microcode: level(MICROCODE, "microcode level")?,
            fmc: match product {
                Product::Turin => Some(level(FMC, "FMC level")?),
                Product::Milan | Product::Genoa => None,
            },
        };
        let holder = match key {
            SigningKey::Vlek => Holder::Provider(provider(certificate)?),
            SigningKey::Vcek => Holder::Chip(hardware_id(certificate, product)?),
        };
        let key = certificate.p384_key().ok_or(Error::CertificateExtension("a key on P-384"))?;
        Ok(Self { key, product, tcb, holder })
    }

    /// AT-02: whether the chip and the product are the report's.
    pub(crate) fn check_identity(&self, report: &Report) -> Result<(), Error> {
        if let Holder::Chip(id) = &self.holder {
            // A platform owner can hide the chip's id, which then is zero; the signature still tells whose key it is.
            let masked = report.chip_id == [0; 64];
            if !masked && !is_padded(&report.chip_id, id) {
                return Err(Error::WrongChip);
            }
        }
        // Before version 3 a report says nothing of the product; the chain that verifies it does.
        if let Some([family, model, _stepping]) = report.cpuid
            && Product::from_cpuid(family, model) != Some(self.product)
        {
            return Err(Error::WrongProduct);
        }
        Ok(())
    }

    /// AT-03: the key is derived from chip and firmware level, and AMD certifies it for that level. So the level in
    /// the certificate is the signed reference that the report's claim is held to.
    pub(crate) fn check_tcb(&self, report: &Report) -> Result<(), Error> {
        self.check_level(report.reported_tcb(self.product))
    }

    /// Whether it was certified for exactly this level.
    pub(crate) fn check_level(&self, reported: Tcb) -> Result<(), Error> {
        for ((component, certified), (_, reported)) in self.tcb.components().zip(reported.components()) {
            if certified != reported {
                return Err(Error::TcbMismatch { component, certified, reported });
            }
        }
        Ok(())
    }
}

/// The bare bytes, which older certificates have; an OCTET STRING of them is taken as well.
fn hardware_id(certificate: &Certificate, product: Product) -> Result<Vec<u8>, Error> {
    let len = match product {
        Product::Turin => 8,
        Product::Milan | Product::Genoa => 64,
    };
    let value = certificate.extension(HARDWARE_ID).unwrap_or_default();
    let bytes = match value.len() == len {
        true => value,
        false => <&der::asn1::OctetStringRef>::from_der(value).map_or(&[][..], |octets| octets.as_bytes()),
    };
    if bytes.len() == len { Ok(bytes.to_vec()) } else { Err(Error::CertificateExtension("hardware id")) }
}

fn provider(certificate: &Certificate) -> Result<String, Error> {
    certificate
        .extension(PROVIDER)
        .and_then(|value| Ia5StringRef::from_der(value).ok())
        .map(|name| name.as_str().to_owned())
        .ok_or(Error::CertificateExtension("provider id"))
}

/// Whether `field` is `id` and then zeros.
fn is_padded(field: &[u8; 64], id: &[u8]) -> bool {
    field.strip_prefix(id).is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}
