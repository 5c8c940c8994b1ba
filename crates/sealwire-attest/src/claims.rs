//! Claims: one structure for all kinds (AT-20).

use crate::{Kind, UnixTime};
use std::collections::BTreeMap;

/// What genuine evidence says. Names follow EAT (RFC 9711) where it has one.
#[derive(Debug, Clone)]
pub struct Claims {
    /// which verifier made them
    pub kind: Kind,
    /// follows from the root that verified, never from a label (AT-07)
    pub development: bool,
    /// for example `SEV-SNP Milan`
    pub hardware_model: String,
    /// by register name: `measurement`, `host-data`, … in bytes
    pub measurements: BTreeMap<&'static str, Vec<u8>>,
    /// firmware level by component name
    pub tcb: BTreeMap<&'static str, u64>,
    /// whether the guest can be debugged
    pub debug: bool,
    /// attributes by name, for example `migration-agent`, `smt`, `vmpl`
    pub attributes: BTreeMap<&'static str, u64>,
    /// unique id of the hardware; withheld from logs
    pub hardware_id: Vec<u8>,
    /// report data, 64 bytes
    pub report_data: Vec<u8>,
    /// SHA-256 of the root certificate that verified
    pub root: [u8; 32],
    /// the earliest not-after of everything underneath
    pub not_after: UnixTime,
}
