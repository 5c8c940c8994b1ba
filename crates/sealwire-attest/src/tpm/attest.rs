//! TPMS_ATTEST of a quote (TPM 2.0 part 2, section 10.12.12).

use super::{
    HashAlg, PCRS,
    fields::{fields, sized},
};
use crate::{Error, binary::Reader};
use std::collections::BTreeMap;

/// TPM_GENERATED_VALUE: what a restricted key never signs for anybody but its TPM.
const TPM_GENERATED: u32 = 0xff54_4347;
/// TPM_ST_ATTEST_QUOTE
const ST_ATTEST_QUOTE: u16 = 0x8018;
/// The longest TPM2B_NAME: an algorithm and a digest of SHA-512.
const MAX_NAME: usize = 66;
/// The longest TPM2B_DATA: as long as a TPMT_HA.
const MAX_DATA: usize = 66;
const MAX_DIGEST: usize = 64;
/// The longest bitmap of registers (TPM2_PCR_SELECT_MAX of the largest bank that there is).
const MAX_BITMAP: usize = 4;

/// A quote's statement, parsed; nothing about it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attest<'a> {
    /// what the requester gave the TPM
    pub(crate) extra_data: &'a [u8],
    /// how often the TPM was reset, and restarted since; obfuscated for keys outside of the endorsement hierarchy
    pub(crate) reset_count: u32,
    pub(crate) restart_count: u32,
    /// whether the TPM's clock cannot have gone back
    pub(crate) clock_safe: bool,
    pub(crate) firmware_version: u64,
    /// one bit for each register of the SHA-256 bank, the lowest for PCR 0
    selected: u32,
    pcr_digest: &'a [u8],
}

impl<'a> Attest<'a> {
    /// Parses all of `bytes`.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut fields = fields(bytes);
        if fields.u32_be()? != TPM_GENERATED {
            return Err(Error::Malformed("a structure that no TPM generated"));
        }
        if fields.u16_be()? != ST_ATTEST_QUOTE {
            return Err(Error::Malformed("a TPM's statement that is no quote"));
        }
        let _qualified_signer = sized(&mut fields, MAX_NAME)?;
        let extra_data = sized(&mut fields, MAX_DATA)?;
        let _clock = fields.u64_be()?;
        let reset_count = fields.u32_be()?;
        let restart_count = fields.u32_be()?;
        let clock_safe = match fields.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Error::Malformed("a TPM's YES or NO that is neither")),
        };
        let firmware_version = fields.u64_be()?;
        let selected = selection(&mut fields)?;
        let pcr_digest = sized(&mut fields, MAX_DIGEST)?;
        fields.finish()?;
        Ok(Self {
            extra_data,
            reset_count,
            restart_count,
            clock_safe,
            firmware_version,
            selected,
            pcr_digest,
        })
    }

    /// AT-02: whether `pcrs` are the registers that were quoted, no more and no fewer. `hash` is that of the signature
    /// (part 3, section 18.4: the digest is made with it).
    pub(crate) fn check_pcrs(&self, pcrs: &BTreeMap<u8, [u8; 32]>, hash: HashAlg) -> Result<(), Error> {
        let given =
            pcrs.keys().try_fold(0_u32, |bits, index| Some(bits | 1_u32.checked_shl((*index).into())?));
        let values: Vec<&[u8]> = pcrs.values().map(<[u8; 32]>::as_slice).collect();
        let is_quoted = given == Some(self.selected) && hash.digest(&values) == self.pcr_digest;
        if is_quoted { Ok(()) } else { Err(Error::PcrDigest) }
    }

    /// The registers that were quoted.
    pub(crate) fn selected(&self) -> impl Iterator<Item = u8> + use<> {
        let selected = self.selected;
        (0..PCRS).filter(move |index| selected >> index & 1 == 1)
    }
}

/// TPML_PCR_SELECTION with the SHA-256 bank and no other.
fn selection(fields: &mut Reader<'_>) -> Result<u32, Error> {
    if fields.u32_be()? != 1 {
        return Err(Error::Unsupported("a quote over none or several banks of registers"));
    }
    if HashAlg::from_id(fields.u16_be()?) != Some(HashAlg::Sha256) {
        return Err(Error::Unsupported("a quote over another bank than SHA-256"));
    }
    let count = usize::from(fields.u8()?);
    if count > MAX_BITMAP {
        return Err(Error::Malformed("a selection of more registers than there are"));
    }
    let bitmap = fields.take(count)?;
    Ok(bitmap.iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte)))
}
