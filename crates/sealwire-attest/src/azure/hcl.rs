//! The HCL report: what the paravisor of an Azure confidential VM leaves in NV index 0x01400001 of its vTPM. Numbers
//! are little-endian. (Azure, "Azure Confidential VMs attestation", openhcl `attestation_report.rs`.)

use crate::{Error, binary};

/// Longest report in bytes, without padding; NV indices hold less.
pub(super) const MAX_LEN: usize = 16 * 1024;

const SIGNATURE: &[u8; 4] = b"HCLA";
/// A report of hardware, not a platform's own.
const REQUEST_TYPE_REPORT: u32 = 2;
/// Length of the header, of the hardware's report, and of the header of the runtime data.
const HEADER: usize = 32;
const HARDWARE: usize = 1184;
const RUNTIME_HEADER: usize = 20;
const HASH_SHA256: u32 = 1;

/// The hardware under the paravisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardware {
    /// the hardware's report is an SEV-SNP attestation report
    Snp,
    /// it is a TDREPORT, which only a TD quote vouches for
    Tdx,
}

/// A report that parsed; nothing about it is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HclReport<'a> {
    /// whose report it is
    pub hardware: Hardware,
    /// that report, 1184 bytes
    pub report: &'a [u8],
    /// JSON whose SHA-256 is in the hardware's report data: the vTPM's keys, and how the VM is configured
    pub runtime: &'a [u8],
}

/// Whether bytes begin like one.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
}

/// A report without the zeros that fill its NV index behind it. Other bytes there stay, and are refused.
pub(super) fn without_padding(bytes: &[u8]) -> &[u8] {
    let len = bytes.get(8..12).and_then(|len| len.try_into().ok()).map(u32::from_le_bytes);
    binary::without_padding(bytes, len.and_then(|len| usize::try_from(len).ok()))
}

impl<'a> HclReport<'a> {
    /// Parses all of `bytes`, without padding.
    ///
    /// # Errors
    /// AT-08: [`Error::Malformed`], [`Error::Version`], [`Error::Length`], [`Error::Unsupported`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        const WHAT: &str = "HCL report";
        const CUT_SHORT: Error = Error::Malformed("an HCL report that is cut short");
        if bytes.len() > MAX_LEN {
            return Err(Error::Malformed("an HCL report that is too long"));
        }
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or(CUT_SHORT)?;
        let (report, rest) = rest.split_at_checked(HARDWARE).ok_or(CUT_SHORT)?;
        let (runtime_header, runtime) = rest.split_at_checked(RUNTIME_HEADER).ok_or(CUT_SHORT)?;
        let (signature, header) = header.split_first_chunk::<4>().ok_or(CUT_SHORT)?;
        let [version, len, request_type, status, reserved @ ..] = words::<7>(header).ok_or(CUT_SHORT)?;
        if signature != SIGNATURE {
            return Err(Error::Malformed("not an HCL report"));
        }
        if !(1..=2).contains(&version) {
            return Err(Error::Version { what: WHAT, found: version });
        }
        let expected = usize::try_from(len).unwrap_or(usize::MAX);
        if expected != bytes.len() {
            return Err(Error::Length { what: WHAT, expected, found: bytes.len() });
        }
        if request_type != REQUEST_TYPE_REPORT || status != 0 || reserved != [0; 3] {
            return Err(Error::Malformed("an HCL report of another request, or of one that failed"));
        }
        let [data_len, data_version, report_type, hash, variable_len] =
            words::<5>(runtime_header).ok_or(CUT_SHORT)?;
        let lens = [data_len.checked_sub(20), Some(variable_len)].map(|len| len.map(usize::try_from));
        if lens != [Some(Ok(runtime.len())); 2] {
            return Err(Error::Malformed("runtime data of another length than its header says"));
        }
        if data_version != 1 {
            return Err(Error::Version { what: "runtime data", found: data_version });
        }
        let hardware = match report_type {
            2 => Hardware::Snp,
            4 => Hardware::Tdx,
            _ => return Err(Error::Unsupported("an HCL report of another hardware than SEV-SNP and TDX")),
        };
        if hash != HASH_SHA256 {
            return Err(Error::Unsupported("runtime data under another hash than SHA-256"));
        }
        Ok(Self { hardware, report, runtime })
    }
}

/// `N` numbers of four bytes, all of `bytes`.
fn words<const N: usize>(bytes: &[u8]) -> Option<[u32; N]> {
    let (words, rest) = bytes.as_chunks::<4>();
    let words: &[[u8; 4]; N] = words.try_into().ok().filter(|_| rest.is_empty())?;
    Some(words.map(u32::from_le_bytes))
}
