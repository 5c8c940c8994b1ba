//! TDREPORT_STRUCT (Intel TDX Module ABI, section 3.9.6): only the CPU that made it can check its MAC, so it counts for no more
//! than the TD quote that was made of it.

use crate::{Claims, Error, claims::Register};

/// Its length in bytes, and with the zeros that fill the hardware's report of an HCL report.
const LEN: usize = 1024;
/// The type of a TD's report.
const TYPE_TD: u8 = 0x81;
const REPORT_DATA: usize = 128;
/// Offsets of TDINFO_STRUCT's registers of 48 bytes, by name.
const REGISTERS: [(&str, usize); 8] = [
    ("mrtd", 528),
    ("mr-config-id", 576),
    ("mr-owner", 624),
    ("mr-owner-config", 672),
    ("rtmr-0", 720),
    ("rtmr-1", 768),
    ("rtmr-2", 816),
    ("rtmr-3", 864),
];

/// A report that parsed.
pub(super) struct TdReport<'a>(&'a [u8]);

impl<'a> TdReport<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let malformed = Error::Malformed("a hardware report that is no TDREPORT");
        let (report, padding) = bytes.split_at_checked(LEN).ok_or(malformed.clone())?;
        if report.first() == Some(&TYPE_TD) && padding.iter().all(|byte| *byte == 0) {
            Ok(Self(report))
        } else {
            Err(malformed)
        }
    }

    pub(super) fn report_data(&self) -> &'a [u8] {
        self.field(REPORT_DATA, 64)
    }

    /// Whether a TD quote that says `claims` was made of this report: its report data has been compared already.
    pub(super) fn is_of(&self, claims: &Claims) -> bool {
        REGISTERS.iter().all(|(name, offset)| {
            let quoted = claims.measurements.get(&Register::Borrowed(name));
            quoted.is_some_and(|quoted| quoted == self.field(*offset, 48))
        })
    }

    fn field(&self, offset: usize, len: usize) -> &'a [u8] {
        self.0.get(offset..).and_then(|rest| rest.get(..len)).unwrap_or_default()
    }
}
