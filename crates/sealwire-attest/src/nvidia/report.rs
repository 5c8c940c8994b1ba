//! A measurement report: the SPDM 1.1 request GET_MEASUREMENTS and the response to it (DSP0274 1.1, section 10.11),
//! one after the other.

use crate::{
    Error,
    binary::{Format, Reader},
};
use std::{collections::BTreeMap, ops::RangeInclusive};

const CUT_SHORT: &str = "cut short";
/// Little-endian, as all parts of it.
const REPORT: Format = Format { cut_short: CUT_SHORT, trailing: "bytes after the report" };
const RECORD: Format = Format { cut_short: CUT_SHORT, trailing: "bytes after the measurements" };
const MEASUREMENT: Format = Format { cut_short: CUT_SHORT, trailing: "bytes after a measurement" };

/// The longest report, in bytes; a Hopper GPU's has about 4 KiB.
const MAX_LEN: usize = 64 * 1024;
/// SPDM 1.1
const VERSION: u8 = 0x11;
const GET_MEASUREMENTS: u8 = 0xe0;
const MEASUREMENTS: u8 = 0x60;
/// Param1 of the request: a signature is wanted
const SIGNATURE_REQUESTED: u8 = 0x01;
/// Param2 of the request: all measurements
const ALL_MEASUREMENTS: u8 = 0xff;
/// The indices that a measurement may have: 0 and 255 stand for none and for all in the request (table 43). Those from
/// 240 on have a meaning of their own from DSP0274 1.2 (253 a manifest, 254 the device's mode); in 1.1 they have not.
pub(crate) const INDICES: RangeInclusive<u8> = 1..=254;
/// Table 44: the measurement is in the form of the DMTF
const DMTF: u8 = 0x01;
/// Table 45: the value is not a digest but what would be hashed
const RAW_BIT_STREAM: u8 = 0x80;
/// The longest opaque data, in bytes (section 10.11)
const MAX_OPAQUE: usize = 1024;
/// r and s on P-384
pub(super) const SIGNATURE_LEN: usize = 96;
/// The request with its nonce, up to the slot
const REQUEST_LEN: usize = 37;

/// What the opaque data says, by NVIDIA's numbers of its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Driver = 3,
    Vbios = 6,
    Nvdec0 = 11,
    ChipSku = 15,
    Project = 17,
    ProjectSku = 18,
    FirmwareId = 20,
    ProtectedPcie = 21,
}

/// A report; nothing about it is verified.
#[derive(Debug)]
pub(super) struct Report<'b> {
    /// what the requester chose
    pub(super) nonce: &'b [u8; 32],
    /// SHA-384 by SPDM index
    pub(super) measurements: BTreeMap<u8, &'b [u8; 48]>,
    opaque: BTreeMap<u16, &'b [u8]>,
    /// what the signature is over: request and response without it
    pub(super) signed: &'b [u8],
    /// r and s
    pub(super) signature: &'b [u8; SIGNATURE_LEN],
}

/// Whether bytes look like this kind.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    bytes.starts_with(&[VERSION, GET_MEASUREMENTS])
        && bytes.get(REQUEST_LEN..).is_some_and(|response| response.starts_with(&[VERSION, MEASUREMENTS]))
}

impl<'b> Report<'b> {
    /// Parses a report; bytes after it are an error.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_LEN {
            return Err(Error::Malformed("a report that is too long"));
        }
        let mut input = Reader::new(bytes, &REPORT);
        let [version, code, attributes, operation] = *input.array()?;
        if version != VERSION {
            return Err(Error::Version { what: "SPDM", found: u32::from(version) });
        }
        if code != GET_MEASUREMENTS || attributes != SIGNATURE_REQUESTED || operation != ALL_MEASUREMENTS {
            return Err(Error::Malformed("not a request for all measurements with a signature"));
        }
        let nonce = input.array()?;
        let slot = input.u8()?;

        let [version, code, total, response_slot] = *input.array()?;
        if version != VERSION || code != MEASUREMENTS {
            return Err(Error::Malformed("not the response to the request"));
        }
        // The number of measurements is told only where it was asked for; slot and response have four bits for it.
        if total != 0 || response_slot != slot || slot > 0x0f {
            return Err(Error::Malformed("the response of another slot"));
        }
        let [blocks, low, middle, high] = *input.array()?;
        let len = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        let measurements = measurements(blocks, Reader::new(input.take(len)?, &RECORD))?;
        let _responder_nonce: &[u8; 32] = input.array()?;
        let len = usize::from(input.u16_le()?);
        if len > MAX_OPAQUE {
            return Err(Error::Malformed("opaque data that is too long"));
        }
        let opaque = opaque(Reader::new(input.take(len)?, &REPORT))?;
        let signature = input.array()?;
        input.finish()?;
        let signed = bytes.len().checked_sub(SIGNATURE_LEN).and_then(|end| bytes.get(..end));
        let signed = signed.ok_or(Error::Malformed(CUT_SHORT))?;
        Ok(Self { nonce, measurements, opaque, signed, signature })
    }

    /// A field of the opaque data.
    pub(super) fn field(&self, field: Field) -> Option<&'b [u8]> {
        self.opaque.get(&(field as u16)).copied()
    }

    /// A field that is text, which ends at its first zero byte: letters, digits, points, dashes.
    pub(super) fn text(&self, field: Field) -> Option<&'b str> {
        let bytes = self.field(field)?;
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
        let text = text.iter().all(is_plain).then_some(text)?;
        std::str::from_utf8(text).ok().filter(|text| !text.is_empty())
    }

    /// The VBIOS as people write it, `96.00.9F.00.01`: a number of four bytes, little-endian, and the byte after it.
    pub(super) fn vbios(&self) -> Option<String> {
        let [a, b, c, d, e, ..] = *self.field(Field::Vbios)? else { return None };
        Some([d, c, b, a, e].map(|byte| format!("{byte:02X}")).join("."))
    }

    /// A switch: `Some` where the report tells how it stands.
    pub(super) fn switch(&self, field: Field) -> Option<bool> {
        match self.field(field)? {
            [0xaa] => Some(true),
            [0x55] => Some(false),
            _ => None,
        }
    }
}

fn measurements<'b>(blocks: u8, mut record: Reader<'b>) -> Result<BTreeMap<u8, &'b [u8; 48]>, Error> {
    let mut measurements = BTreeMap::new();
    for _ in 0..blocks {
        let [index, specification] = *record.array()?;
        let len = usize::from(record.u16_le()?);
        let mut value = Reader::new(record.take(len)?, &MEASUREMENT);
        let kind = value.u8()?;
        let len = usize::from(value.u16_le()?);
        if specification != DMTF || kind & RAW_BIT_STREAM != 0 || len != 48 {
            return Err(Error::Unsupported("a measurement that is not a SHA-384 digest"));
        }
        let digest = value.array()?;
        value.finish()?;
        if !INDICES.contains(&index) || measurements.insert(index, digest).is_some() {
            return Err(Error::Malformed("a measurement is there twice, or has no index"));
        }
    }
    record.finish()?;
    if measurements.is_empty() { Err(Error::Malformed("no measurements")) } else { Ok(measurements) }
}

/// Fields one after the other: number, length, value, each number in two bytes, little-endian. Those of later firmware
/// are passed over.
fn opaque<'b>(mut data: Reader<'b>) -> Result<BTreeMap<u16, &'b [u8]>, Error> {
    let mut fields = BTreeMap::new();
    while !data.rest().is_empty() {
        let number = data.u16_le()?;
        let len = usize::from(data.u16_le()?);
        if fields.insert(number, data.take(len)?).is_some() {
            return Err(Error::Malformed("a field of the opaque data is there twice"));
        }
    }
    Ok(fields)
}
