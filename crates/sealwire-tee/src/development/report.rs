//! The report: ATTESTATION_REPORT of AMD's firmware ABI (56860, table 23), version 3, little-endian.

use crate::Error;
use sealwire_crypto::sign::ecdsa_p384::SigningKey;

/// What the signature covers: everything before it.
pub(super) const SIGNED_LEN: usize = 0x2a0;
const LEN: usize = 1184;
/// Length of one number of a signature.
const NUMBER_LEN: usize = 72;

const VERSION: u32 = 3;
/// Guest policy: SMT allowed (bit 16), the bit that must be one (17); no migration agent, no debugging.
const POLICY: u64 = 0x3_0000;
/// ECDSA on P-384 with SHA-384
const SIGNATURE_ALGORITHM: u32 = 1;
/// Platform info: SMT is on
const PLATFORM_INFO: u64 = 1;
/// Build, minor and major number of the firmware, current and committed.
const FIRMWARE: [u8; 8] = [0, 55, 1, 0, 0, 55, 1, 0];
/// CPUID family, model and stepping of Milan, the [`super::root::PRODUCT`] that the certificate names.
const CPUID: [u8; 3] = [0x19, 0x01, 0x01];

/// The firmware level, the one of the leaf certificate.
pub(super) const TCB: Tcb = Tcb { bootloader: 4, tee: 0, snp: 24, microcode: 219 };

/// Security versions of the firmware's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcb {
    /// boot loader
    pub bootloader: u8,
    /// security processor's operating system
    pub tee: u8,
    /// SNP firmware
    pub snp: u8,
    /// microcode
    pub microcode: u8,
}

impl Tcb {
    /// TCB_VERSION as Milan and Genoa lay it out.
    pub(super) fn bytes(self) -> [u8; 8] {
        [self.bootloader, self.tee, 0, 0, 0, 0, self.snp, self.microcode]
    }
}

/// Whose reports these are.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) measurement: [u8; 48],
    pub(super) chip_id: [u8; 64],
    pub(super) report_id: [u8; 32],
}

/// The report up to the signature. Each `resize` goes to the offset that the ABI gives to the next field.
pub(super) fn body(identity: &Identity, report_data: &[u8; 64]) -> Vec<u8> {
    let tcb = TCB.bytes();
    let mut report = Vec::with_capacity(LEN);
    report.extend(VERSION.to_le_bytes());
    report.resize(0x08, 0); // guest SVN
    report.extend(POLICY.to_le_bytes());
    report.resize(0x34, 0); // family id, image id, VMPL
    report.extend(SIGNATURE_ALGORITHM.to_le_bytes());
    report.extend(tcb); // current
    report.extend(PLATFORM_INFO.to_le_bytes());
    report.resize(0x50, 0); // no author key; the chip key signs and is not masked
    report.extend(report_data);
    report.extend(identity.measurement);
    report.resize(0x140, 0); // host data, digests of id and author key
    report.extend(identity.report_id);
    report.extend([0xff; 32]); // no migration agent
    report.extend(tcb); // reported
    report.extend(CPUID);
    report.resize(0x1a0, 0);
    report.extend(identity.chip_id);
    report.extend(tcb); // committed
    report.extend(FIRMWARE);
    report.extend(tcb); // at launch
    report.resize(SIGNED_LEN, 0);
    report
}

/// Adds the signature: r, then s, each little-endian in 72 bytes.
pub(super) fn sign(mut report: Vec<u8>, key: &SigningKey) -> Result<Vec<u8>, Error> {
    let signature = key.sign(&report)?;
    let (r, s) = signature.split_at(48);
    report.extend(r.iter().rev());
    report.resize(SIGNED_LEN + NUMBER_LEN, 0);
    report.extend(s.iter().rev());
    report.resize(LEN, 0);
    Ok(report)
}
