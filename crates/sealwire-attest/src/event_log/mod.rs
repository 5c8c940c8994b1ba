//! Event logs of firmware, of a TPM and of confidential guests: parsing and replay.
//!
//! Both are the crypto-agile log of the TCG PC Client Platform Firmware Profile (PFP), section 10. A confidential
//! guest's (CCEL, UEFI 2.10 section 38) has measurement registers in the place of PCRs: 0 is MRTD, 1 to 4 are
//! RTMR 0 to 3.
//!
//! A log is vouched for by nobody but the registers: only where its replay gives the attested values is it known what
//! was extended. The data beside a digest is what the firmware says that it hashed.

mod log;
mod replay;

pub use log::{Event, Log};

/// The bank of registers that is replayed: its hash algorithm.
pub type Bank = crate::tpm::HashAlg;

use crate::Error;
use std::collections::BTreeMap;

/// Longest event log in bytes.
pub const MAX_LEN: usize = 192 * 1024;
/// The most events of a log.
pub const MAX_EVENTS: usize = 4096;

/// The values that the registers of a bank have after the events of a log, by index; those that are never extended
/// are not there.
///
/// # Errors
/// AT-08: [`Error::Malformed`]; [`Error::EventLog`] where the log has no such bank.
pub fn replay(bytes: &[u8], bank: Bank) -> Result<BTreeMap<u32, Vec<u8>>, Error> {
    Log::parse(bytes)?.replay(bank)
}
