//! What NVIDIA writes into the certificate of a GPU's firmware.

use super::report::{Field, Report};
use crate::{Error, x509::Certificate};
use der::{
    Decode as _, Reader as _, SliceReader,
    asn1::{Any, ObjectIdentifier, OctetStringRef, Utf8StringRef},
    oid::AssociatedOid as _,
};
use x509_cert::ext::pkix::SubjectAltName;

/// tcg-dice: a composite device id, with the hash of the firmware that the key was derived for
pub(super) const FIRMWARE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.5.4.1");
/// id-DMTF-device-info (DSP0274 1.1, section 10.8.2.1): `manufacturer:product:serial`
const DEVICE_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.412.274.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");

/// Which device, and in which state, a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Device {
    /// `gh100`
    pub(super) product: String,
    /// of the chip
    pub(super) serial: String,
    /// SHA-384 of the firmware that the key was derived for
    pub(super) firmware_id: [u8; 48],
    /// uncompressed
    pub(super) key: [u8; 97],
}

impl Device {
    /// From a leaf that parsed; its chain is another matter.
    pub(super) fn new(leaf: &Certificate) -> Result<Self, Error> {
        let lacks = Error::CertificateExtension;
        let info = device_info(leaf).ok_or(lacks("the name of the device"))?;
        let mut parts = info.split(':');
        let (Some("NVIDIA"), Some(product), Some(serial), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(lacks("the name of the device"));
        };
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain(product) || !is_plain(serial) {
            return Err(lacks("the name of the device"));
        }
        let firmware_id = leaf.extension(FIRMWARE_ID).and_then(|value| firmware_id(value).ok().flatten());
        Ok(Self {
            product: product.to_ascii_lowercase(),
            serial: serial.to_owned(),
            firmware_id: firmware_id.ok_or(lacks("the firmware id"))?,
            key: leaf.p384_key().ok_or(lacks("a key on P-384"))?,
        })
    }

    /// Whether its key was derived for the firmware that a report names, if it names one.
    pub(super) fn is_of(&self, report: &Report<'_>) -> bool {
        report.field(Field::FirmwareId).is_none_or(|id| id == self.firmware_id)
    }
}

/// The one otherName of this kind.
fn device_info(leaf: &Certificate) -> Option<String> {
    use x509_cert::ext::pkix::name::GeneralName;
    let names = SubjectAltName::from_der(leaf.extension(SubjectAltName::OID)?).ok()?;
    let mut found = names.0.iter().filter_map(|name| match name {
        GeneralName::OtherName(other) if other.type_id == DEVICE_INFO => Some(&other.value),
        _ => None,
    });
    match (found.next(), found.next()) {
        (Some(value), None) => text(value),
        _ => None,
    }
}

fn text(value: &Any) -> Option<String> {
    value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.as_str().to_owned())
}

/// `SEQUENCE { version INTEGER, deviceID SubjectPublicKeyInfo, fwid SEQUENCE { hashAlg OID, digest OCTET STRING } }`;
/// `None` where the hash is another than SHA-384, or of another length.
fn firmware_id(value: &[u8]) -> der::Result<Option<[u8; 48]>> {
    let mut outer = SliceReader::new(value)?;
    let found = outer.sequence(|reader| -> der::Result<_> {
        reader.tlv_bytes()?;
        reader.tlv_bytes()?;
        reader.sequence(|fwid| -> der::Result<_> {
            let algorithm: ObjectIdentifier = fwid.decode()?;
            let digest: &OctetStringRef = fwid.decode()?;
            Ok((algorithm == SHA384).then(|| digest.as_bytes().try_into().ok()).flatten())
        })
    })?;
    outer.finish()?;
    Ok(found)
}
