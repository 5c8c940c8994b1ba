//! Attributes of enclaves and trust domains. Each bit that is set has to be one that this code knows: a later
//! hardware's permission must not pass for none.

use super::{enclave_report::EnclaveReport, pck::Pck, quote::Body, td_report::TdReport};
use crate::Error;
use std::collections::BTreeMap;

/// A bit that has a name.
type Bit = (&'static str, u32);

/// TD attributes (Intel TDX module ABI specification, ATTRIBUTES): bits 0 to 7 make a TD untrusted, 8 to 31 touch
/// its security, the rest does not.
const TD: [Bit; 13] = [
    ("debug", 0),
    ("hgs-plus-prof", 4),
    ("perf-prof", 5),
    ("pmt-prof", 6),
    ("icssd", 16),
    ("servtd-ext", 17),
    ("lass", 27),
    ("sept-ve-disable", 28),
    ("migratable", 29),
    ("pks", 30),
    ("kl", 31),
    ("tpa", 62),
    ("perfmon", 63),
];

/// TD under debug: with any of these the host sees into the TD, or watches it run.
const TUD: u64 = 0xff;

/// Enclave attributes (Intel SDM volume 3D, 38.7.1). Bit 0 says that the enclave is initialised, as any that
/// reports is.
const ENCLAVE: [Bit; 8] = [
    ("initialized", 0),
    ("debug", 1),
    ("mode-64-bit", 2),
    ("provision-key", 4),
    ("einit-token-key", 5),
    ("cet", 6),
    ("kss", 7),
    ("aex-notify", 10),
];
const ENCLAVE_DEBUG: u64 = 1 << 1;

/// Every attribute of a TD that a policy can ask for.
pub(crate) fn td_names() -> impl Iterator<Item = &'static str> {
    let bits = TD.iter().map(|(name, _)| *name);
    bits.chain(["xfam", "service-td-bound"]).chain(Pck::FLAGS)
}

/// Every attribute of an enclave that a policy can ask for.
pub(crate) fn enclave_names() -> impl Iterator<Item = &'static str> {
    let bits = ENCLAVE.iter().map(|(name, _)| *name);
    bits.chain(["isv-prod-id", "config-svn", "xfrm", "misc-select"]).chain(Pck::FLAGS)
}

/// AT-03: whether each bit is understood. What they permit is for a policy to judge.
pub(super) fn check(body: &Body) -> Result<String, Error> {
    let (what, bits, names) = match body {
        Body::Td(report) => ("TD attributes", report.attributes, TD.as_slice()),
        Body::Enclave(report) => ("enclave attributes", report.attributes, ENCLAVE.as_slice()),
    };
    let known = names.iter().fold(0, |known, (_, bit)| known | 1 << bit);
    if bits & !known != 0 {
        return Err(Error::Attributes(match body {
            Body::Td(_) => "bits of the TD's attributes that have no meaning yet",
            Body::Enclave(_) => "bits of the enclave's attributes that have no meaning yet",
        }));
    }
    Ok(format!("{what} {bits:#x}"))
}

/// Whether somebody outside can see in.
pub(super) fn debug(body: &Body) -> bool {
    match body {
        Body::Td(report) => report.attributes & TUD != 0,
        Body::Enclave(report) => is_debug_enclave(report),
    }
}

pub(super) fn is_debug_enclave(report: &EnclaveReport) -> bool {
    report.attributes & ENCLAVE_DEBUG != 0
}

/// For claims.
pub(super) fn by_name(body: &Body) -> BTreeMap<&'static str, u64> {
    let bit = |bits: u64| move |(name, bit): &Bit| (*name, bits >> bit & 1);
    match body {
        Body::Td(report) => {
            let mut attributes: BTreeMap<_, _> = TD.iter().map(bit(report.attributes)).collect();
            attributes.insert("xfam", report.xfam);
            attributes.insert("service-td-bound", u64::from(service_td_bound(report)));
            attributes
        }
        Body::Enclave(report) => {
            let mut attributes: BTreeMap<_, _> = ENCLAVE.iter().map(bit(report.attributes)).collect();
            attributes.insert("isv-prod-id", report.isv_prod_id.into());
            attributes.insert("config-svn", report.config_svn.into());
            attributes.insert("xfrm", report.xfrm);
            attributes.insert("misc-select", report.misc_select.into());
            attributes
        }
    }
}

/// Whether a service TD is bound, now or at launch: it can move the TD to another platform.
fn service_td_bound(report: &TdReport) -> bool {
    report.v15.as_ref().is_some_and(|v15| {
        v15.mr_service_td != [0; 48] || v15.current_service_td.is_some_and(|current| current != [0; 48])
    })
}
