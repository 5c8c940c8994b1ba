//! Identities of Intel's quoting enclaves (Intel PCS API, "Get quoting enclave identity").

use super::{
    super::enclave_report::EnclaveReport,
    json,
    level::{Level, Written},
};
use crate::{Error, Kind, UnixTime};
use serde::Deserialize;

const INVALID: Error = Error::ReferenceInvalid("an identity of a quoting enclave that does not parse");

/// An identity that parsed; nothing about it is verified.
#[derive(Debug, Clone)]
pub struct QeIdentity {
    /// whose quotes the enclave signs: `sgx` or `tdx`
    pub kind: Kind,
    /// when Intel signed it
    pub issued: UnixTime,
    /// when Intel will have a newer one
    pub next_update: UnixTime,
    /// which evaluation it is of; later ones count more
    pub evaluation: u32,
    misc_select: Masked<4>,
    attributes: Masked<16>,
    mrsigner: [u8; 32],
    isv_prod_id: u16,
    /// highest first
    levels: Vec<(u16, Level)>,
}

/// Bits that count, and how they have to be.
#[derive(Debug, Clone, Copy)]
struct Masked<const N: usize> {
    value: [u8; N],
    mask: [u8; N],
}

impl<const N: usize> Masked<N> {
    fn matches(&self, found: [u8; N]) -> bool {
        found.iter().zip(self.value).zip(self.mask).all(|((found, value), mask)| (found ^ value) & mask == 0)
    }
}

impl QeIdentity {
    /// Parses the inner object, the value of `enclaveIdentity`.
    ///
    /// # Errors
    /// [`Error::ReferenceInvalid`]
    pub fn parse(json: &str) -> Result<Self, Error> {
        let raw: Raw = serde_json::from_str(json).map_err(|_| INVALID)?;
        let kind = kind_of(&raw.id).ok_or(INVALID)?;
        // The versions differ in what they may hold, not in what it means.
        if !(raw.version == 2 || raw.version == 3 && kind == Kind::Tdx) {
            return Err(Error::ReferenceInvalid("a version of quoting enclave identity that is not known"));
        }
        let read = |RawLevel { tcb, written }| Ok((tcb.isvsvn, written.read()?));
        let mut levels: Vec<(u16, Level)> =
            raw.tcb_levels.into_iter().map(read).collect::<Result<_, Error>>()?;
        levels.sort_by_key(|(svn, _)| std::cmp::Reverse(*svn));
        Ok(Self {
            kind,
            issued: raw.issue_date,
            next_update: raw.next_update,
            evaluation: raw.tcb_evaluation_data_number,
            misc_select: Masked { value: raw.miscselect, mask: raw.miscselect_mask },
            attributes: Masked { value: raw.attributes, mask: raw.attributes_mask },
            mrsigner: raw.mrsigner,
            isv_prod_id: raw.isvprodid,
            levels,
        })
    }

    /// Whether it is of the enclave that signs quotes of `kind`.
    pub(super) fn is_for(json: &str, kind: Kind) -> bool {
        #[derive(Deserialize)]
        struct Header {
            id: String,
        }
        serde_json::from_str::<Header>(json).is_ok_and(|header| kind_of(&header.id) == Some(kind))
    }

    /// Whether a report is of this enclave, and at which level it is.
    pub(crate) fn judge(&self, report: &EnclaveReport) -> Result<Level, Error> {
        if report.mrsigner != self.mrsigner {
            return Err(Error::QeIdentity("another signer"));
        }
        if report.isv_prod_id != self.isv_prod_id {
            return Err(Error::QeIdentity("another product"));
        }
        if !self.misc_select.matches(report.misc_select.to_le_bytes()) {
            return Err(Error::QeIdentity("other extra state (MISCSELECT)"));
        }
        if !self.attributes.matches(report.attribute_bytes()) {
            return Err(Error::QeIdentity("other attributes"));
        }
        let level = self.levels.iter().find(|(at_least, _)| report.isv_svn >= *at_least);
        Ok(level.map_or_else(Level::unlisted, |(_, level)| level.clone()))
    }
}

/// The identity of the quote verification enclave (`QVE`) is not one of these.
fn kind_of(id: &str) -> Option<Kind> {
    match id {
        "QE" => Some(Kind::Sgx),
        "TD_QE" => Some(Kind::Tdx),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    id: String,
    version: u32,
    #[serde(deserialize_with = "json::time")]
    issue_date: UnixTime,
    #[serde(deserialize_with = "json::time")]
    next_update: UnixTime,
    tcb_evaluation_data_number: u32,
    #[serde(deserialize_with = "json::hex_array")]
    miscselect: [u8; 4],
    #[serde(deserialize_with = "json::hex_array")]
    miscselect_mask: [u8; 4],
    #[serde(deserialize_with = "json::hex_array")]
    attributes: [u8; 16],
    #[serde(deserialize_with = "json::hex_array")]
    attributes_mask: [u8; 16],
    #[serde(deserialize_with = "json::hex_array")]
    mrsigner: [u8; 32],
    isvprodid: u16,
    tcb_levels: Vec<RawLevel>,
}

#[derive(Deserialize)]
struct RawLevel {
    tcb: RawTcb,
    #[serde(flatten)]
    written: Written,
}

#[derive(Deserialize)]
struct RawTcb {
    isvsvn: u16,
}
