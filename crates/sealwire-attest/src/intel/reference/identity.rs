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
    enclave: Enclave,
    /// highest first
    levels: Vec<(u16, Level)>,
}

/// Which enclave it is.
#[derive(Debug, Clone, Copy)]
struct Enclave {
    misc_select: Masked<4>,
    attributes: Masked<16>,
    mrsigner: [u8; 32],
    isv_prod_id: u16,
}

/// What every identity of these enclaves that Intel has published says. A platform's certificate vouches for whatever
/// enclave its provisioning key signs for: only this tells Intel's quoting enclave from any other that asks.
const QE: Enclave = Enclave {
    misc_select: Masked { value: [0; 4], mask: [0xff; 4] },
    // INIT and PROVISION_KEY; MODE64BIT may be either, and XFRM is the processor's matter
    attributes: Masked {
        value: [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        mask: [0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
    },
    mrsigner: [
        0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e, 0x96, 0x13, 0x7f, 0x77, 0xc6, 0x8a, 0x82, 0x9a, 0x00,
        0x56, 0xac, 0x8d, 0xed, 0x70, 0x14, 0x0b, 0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff,
    ],
    isv_prod_id: 1,
};

const TD_QE: Enclave = Enclave {
    mrsigner: [
        0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03, 0x0f,
        0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5,
    ],
    isv_prod_id: 2,
    ..QE
};

/// Whether a report is of Intel's quoting enclave for `kind`, where no identity says so. Nothing then tells how good its
/// version is.
pub(crate) fn check_enclave(kind: Kind, report: &EnclaveReport) -> Result<(), Error> {
    match kind {
        Kind::Sgx => QE.check(report),
        _ => TD_QE.check(report),
    }
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

impl Enclave {
    fn check(&self, report: &EnclaveReport) -> Result<(), Error> {
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
        Ok(())
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
            enclave: Enclave {
                misc_select: Masked { value: raw.miscselect, mask: raw.miscselect_mask },
                attributes: Masked { value: raw.attributes, mask: raw.attributes_mask },
                mrsigner: raw.mrsigner,
                isv_prod_id: raw.isvprodid,
            },
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
        self.enclave.check(report)?;
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
